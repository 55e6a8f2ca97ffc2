import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { seededRandom } from '../src/base/rng.ts';
import { readTraceFile } from '../src/gpu/readers/trace/read-trace.ts';
import { type CaptureEvent, captureJson } from '../src/testing/gpu/capture.ts';
import { trainingRun } from '../src/testing/gpu/training-run.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/** Reading a packed trace of about 60 MB into columns, beside gunzip and JSON.parse of the same file in the same run. */
const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-bench-'));
try {
  const path = join(folder, 'trace.json.gz');
  const text = traceOfMegabytes(60);
  writeFileSync(path, gzipSync(text));
  const rates = await measureRates(
    {
      ours: { operations: 1, run: async () => void (await readTraceFile(path, true)) },
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

/** A training run with Python stacks and shapes, repeated until it is long enough. */
function traceOfMegabytes(megabytes: number): string {
  const [capture] = trainingRun({
    fault: 'none',
    share: 0.3,
    steps: 20,
    kernelsPerStep: 300,
    kernelUs: 60,
    ranks: 1,
    random: seededRandom(4),
  });
  if (capture === undefined) throw new Error('no capture');
  const frames: CaptureEvent[] = capture.events.flatMap((event, index) =>
    event.cat === 'cpu_op'
      ? [0, 1, 2].map((depth) => ({
          ...event,
          cat: 'python_function',
          name: `torch/nn/modules/module_${index % 97}.py(${1000 + depth}): forward`,
          args: { 'Python id': index, 'Python parent id': depth, 'Python module id': 7 },
        }))
      : [],
  );
  const shaped = capture.events.map((event) =>
    event.cat === 'cpu_op'
      ? {
          ...event,
          args: { ...event.args, 'Input Dims': '[[64, 2048], [2048, 2048], []]', 'Concrete Inputs': '["", "", "1"]' },
        }
      : event,
  );
  const once = [...frames, ...shaped];
  const bytes = captureJson({ ...capture, events: once }).length;
  const copies = Math.ceil((megabytes * 1e6) / bytes);
  const span = 1e9;
  const events = Array.from({ length: copies }, (_, copy) =>
    once.map((event) => ({ ...event, ts: event.ts + copy * span })),
  ).flat();
  return captureJson({ ...capture, events });
}
