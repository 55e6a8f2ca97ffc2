import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { scaledBlocks } from '../../src/gpu/report/timeline.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from './captures/scan-trace.ts';

/** How much of each lane of the typical step is drawn, 0 to 1. */
function painted(kernelUs: number): ReadonlyMap<string, number> {
  const run = { fault: 'none' as const, share: 0.4, steps: 5, kernelsPerStep: 60, kernelUs, ranks: 1 };
  const [capture] = trainingRun({ ...run, random: seededRandom(2) });
  const trace = scanTrace(new TextEncoder().encode(captureJson(capture)));
  const [report] = diagnose([{ kind: 'trace', path: 'trace.json', trace }], []).traces;
  const { us, lanes } = report.timeline;
  return new Map(lanes.map(({ name, blocks }) => [name, blocks.reduce((sum, [, length]) => sum + length, 0) / us]));
}

test('gaps are drawn to scale: many of them that are 1 % of the step are 1 % of the lane', () => {
  for (const kernelUs of [5, 30, 80, 300]) {
    const lanes = painted(kernelUs);
    const of = (lane: string) => lanes.get(lane) ?? Number.NaN;
    const idle = of('idle, nothing submitted') + of('idle, work queued');
    expect(idle + of('computation') + of('copies')).toBeCloseTo(1, 1);
    if (kernelUs >= 80) expect(idle).toBeLessThan(0.05);
  }
});

test('blocks are as long together as the intervals, for every number of cells', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0.001, max: 20, noNaN: true })), {
        maxLength: 200,
      }),
      fc.integer({ min: 1, max: 400 }),
      (pairs, cells) => {
        const starts: number[] = [];
        const ends: number[] = [];
        let at = 1000;
        for (const [gap, length] of pairs) {
          starts.push(at + gap);
          at += gap + length;
          ends.push(at);
        }
        const width = at - 1000 + 1;
        const blocks = scaledBlocks({ starts, ends }, 1000, width, cells);
        const total = (lengths: readonly number[]) => lengths.reduce((sum, length) => sum + length, 0);
        expect(total(blocks.map(([, length]) => length))).toBeCloseTo(total(pairs.map(([, length]) => length)), 0);
        expect(blocks.length).toBeLessThanOrEqual(cells);
        let until = -0.002;
        for (const [from, length] of blocks) {
          expect(from).toBeGreaterThanOrEqual(until - 0.002 - (1e-3 * width) / cells);
          until = from + length;
        }
        expect(until).toBeLessThanOrEqual(width + 0.002 + blocks.length * 0.001);
      },
    ),
    { numRuns: 100 },
  );
});
