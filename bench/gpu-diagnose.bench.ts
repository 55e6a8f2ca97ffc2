import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from '../scripts/run-command.ts';
import { peerPython } from '../scripts/yardstick/peers.ts';
import { printFigure } from './figure.ts';
import { traceOfMegabytes } from './large-trace.ts';
import { median } from './measure.ts';

/**
 * `headrace gpu diagnose` of a packed trace, as a process from its start to its end, next to what HolisticTraceAnalysis covers of
 * it in its own process, without its critical path. The two take turns.
 */
const MEGABYTES = Number(process.env['HEADRACE_BENCH_MEGABYTES'] ?? 60);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 3);
const python = await peerPython('hta');
const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-bench-'));
try {
  const path = join(folder, 'trace.json.gz');
  const text = traceOfMegabytes(MEGABYTES);
  writeFileSync(path, gzipSync(text));
  const main = join(root, 'src/cli/main.ts');
  const own = ['--conditions=headrace-source', main, 'gpu', 'diagnose', path, '--json'];
  const seconds = { own: [] as number[], hta: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now();
    ran(process.execPath, own);
    seconds.own.push((performance.now() - started) / 1_000);
    const printed = ran(python, ['scripts/yardstick/trace_analysis.py', path]);
    seconds.hta.push(Number(/^without the path: ([\d.]+) s$/m.exec(printed)?.[1]));
  }
  printFigure({
    name: `GPU: diagnose a packed trace of ${Math.round(text.length / 1e6)} MB, the whole process`,
    unit: 's',
    value: median(seconds.own),
    yardstick: 'HolisticTraceAnalysis 0.5.0, without its critical path',
    yardstickValue: median(seconds.hta),
    aim: { of: 'ratio', atMost: 0.2 },
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function ran(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr.slice(-500)}`);
  return stdout;
}
