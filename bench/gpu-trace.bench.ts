import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { readTraceFile } from '../src/gpu/readers/trace/read-trace.ts';
import { printFigure } from './figure.ts';
import { traceOfMegabytes } from './large-trace.ts';
import { measureRates } from './measure.ts';

/** Reading a packed trace of about 60 MB into columns, next to gunzip and JSON.parse of the same file in the same run. */
const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-bench-'));
try {
  const path = join(folder, 'trace.json.gz');
  const text = traceOfMegabytes(60);
  writeFileSync(path, gzipSync(text));
  const rates = await measureRates(
    {
      ours: { operations: 1, run: async () => void (await readTraceFile(path)) },
      parse: { operations: 1, run: () => void JSON.parse(gunzipSync(readFileSync(path)).toString()) },
    },
    { warmUps: 1, rounds: 5 },
  );
  printFigure({
    name: `GPU: read a packed trace of ${Math.round(text.length / 1e6)} MB`,
    unit: 's',
    value: 1 / rates.ours,
    yardstick: 'gunzip + JSON.parse',
    yardstickValue: 1 / rates.parse,
    aim: { of: 'ratio', atMost: 1 },
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
