import { seededRandom } from '../src/base/rng.ts';
import { type CaptureEvent, captureJson } from '../src/labs/captures/capture.ts';
import { trainingRun } from '../src/labs/captures/training-run.ts';

/** A training run with Python stacks and shapes, repeated until it is long enough. */
export function traceOfMegabytes(megabytes: number): string {
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
