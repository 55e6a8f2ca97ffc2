import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoadedModel } from '../../src/ports/model-runtime.ts';
import type { Tensor, TensorSignature } from '../../src/schema/tensor.ts';
import { warmUp } from '../../src/versions/load/warm-up.ts';
import { RunPlace, SHORT_RUN_MS } from '../../src/versions/place/run-place.ts';

const signature: TensorSignature = {
  inputs: [{ name: 'x', type: 'FP32', shape: [-1, 1] }],
  outputs: [{ name: 'y', type: 'FP32', shape: [-1, 1] }],
};

const FIRST_MS = 40;

/** A model whose runs take a time by its own clock: the first of each size is slow, and some others are interrupted. */
function interrupted(msARow: number, lateMs: (run: number) => number) {
  const clock = { now: 0 };
  const seen = new Map<number, number>();
  const model: LoadedModel = {
    signature,
    run: async ([tensor]) => {
      const [rows] = tensor.shape;
      const run = seen.get(rows) ?? 0;
      seen.set(rows, run + 1);
      clock.now += msARow * rows + (run === 0 ? FIRST_MS : lateMs(run));
      return [{ ...tensor, name: 'y' } as Tensor];
    },
    close: async () => undefined,
  };
  const plan = {
    required: [],
    samples: [],
    hasRows: true,
    mostRows: 64,
    controls: (tensors: readonly Tensor[]) => tensors,
  };
  return warmUp(model, signature, { ...plan, monotonic: () => clock.now });
}

test('a minority of interrupted runs changes neither the time of a version nor its place', async () => {
  const twoOfFive = fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 0, maxLength: 2 });
  const late = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(twoOfFive, late, fc.constantFrom(0.01, 0.1, 3), async (places, lateMs, msARow) => {
      const warmed = await interrupted(msARow, (run) => (places.includes(run) ? lateMs : 0));
      expect(warmed.msARun).toBeCloseTo(msARow, 9);
      // Larger batches of a slow model are not run again and again.
      if (msARow < 1) expect(warmed.msARow).toBeCloseTo(msARow, 9);
      expect(warmed.joinsRows).toBe(true);
    }),
  );
});

test('what the warm-up mistook is corrected by the runs that callers ask for', () => {
  fc.assert(
    fc.property(fc.constantFrom('here', 'thread'), fc.integer({ min: 3, max: 50 }), (place, factor) => {
      const isHere = place === 'here';
      const real = isHere ? SHORT_RUN_MS * factor : SHORT_RUN_MS / (4 * factor);
      const warmed = { msARun: isHere ? SHORT_RUN_MS / 4 : SHORT_RUN_MS * 4, msARow: 0.01, joinsRows: true };
      const runs = new RunPlace({ place, warmed, mostRows: 512, canMove: true });
      expect(runs.isMisplaced).toBe(false);
      // One interrupted run moves nothing.
      runs.ran(1, 1_000);
      expect(runs.isMisplaced).toBe(false);
      for (let i = 0; i < 200; i += 1) runs.ran(1, real);
      expect(runs.isMisplaced).toBe(true);
    }),
  );
});
