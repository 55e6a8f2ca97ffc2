import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';

/** Writes a made-up trace of this many bytes, in chunks. */
export async function writeLargeTrace(path: string, bytes: number): Promise<void> {
  const [capture] = trainingRun({
    fault: 'none',
    share: 0.3,
    steps: 20,
    kernelsPerStep: 200,
    kernelUs: 60,
    ranks: 1,
    random: seededRandom(4),
  });
  if (capture === undefined) throw new Error('no capture');
  const out = createWriteStream(path);
  let written = 0;
  let first = true;
  out.write('{"schemaVersion": 1, "traceEvents": [\n');
  for (let copy = 0; written < bytes; copy += 1) {
    const text = capture.events
      .map((event) =>
        JSON.stringify({
          ...event,
          ts: event.ts + copy * 1e8,
          args: {
            ...event.args,
            ...(typeof event.args['correlation'] === 'number'
              ? { correlation: event.args['correlation'] + copy * 1e5 }
              : {}),
            'Input Dims': [
              [64, 2048],
              [2048, 2048],
            ],
            'Concrete Inputs': ['', '', '1'],
            'Input type': ['c10::BFloat16', 'c10::BFloat16', 'Scalar'],
          },
        }),
      )
      .join(',\n');
    const part = first ? text : `,\n${text}`;
    first = false;
    written += part.length;
    if (!out.write(part)) await once(out, 'drain');
  }
  out.end('\n]}\n');
  await once(out, 'finish');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [, script = '', size = '1000', written] = process.argv;
  if (written !== undefined) await writeLargeTrace(written, Number(size) * 1e6);
  else {
    const path = join(tmpdir(), `headrace-large-trace-${process.pid}.json`);
    try {
      // Written by another process, so that its memory does not count.
      await promisify(execFile)(process.execPath, [...process.execArgv, script, size, path]);
      await measure(path);
    } finally {
      rmSync(path, { force: true });
    }
  }
}

async function measure(path: string): Promise<void> {
  const started = performance.now();
  const source = await readSource(path);
  const read = performance.now();
  const readMb = process.resourceUsage().maxRSS / 1024;
  const { verdict, traces } = diagnose([source]);
  const done = performance.now();
  // The greatest resident set of this process, in kilobytes on Linux.
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  console.log(
    `${(statSync(path).size / 1e6).toFixed(0)} MB: read ${seconds(read - started)} s (peak RSS ${readMb.toFixed(0)} MB), diagnosed ${seconds(done - read)} s, ${verdict}, ${traces[0]?.steps.length ?? 0} steps, peak RSS ${peakMb.toFixed(0)} MB`,
  );
}
