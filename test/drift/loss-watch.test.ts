import '../seed.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { FIRST_LOSSES, lossWatch } from '../../src/monitoring/monitor/loss-watch.ts';
import { changePoint } from '../../src/stats/change-point.ts';
import { adwin } from '../../src/stats/detectors/adwin.ts';

interface Loss {
  readonly at: number;
  readonly loss: number;
}

/** Losses whose level changes at random instants. */
function stream(seed: number, levels: readonly { readonly mean: number; readonly n: number }[]): readonly Loss[] {
  const random = seededRandom(seed);
  return levels
    .flatMap(({ mean, n }) => Array.from({ length: n }, () => Math.min(1, 2 * mean * random())))
    .map((loss, i) => ({ at: 1000 * i, loss }));
}

const levels = fc.array(
  fc.record({ mean: fc.double({ min: 0.05, max: 0.5, noNaN: true }), n: fc.integer({ min: 1, max: 900 }) }),
  { minLength: 1, maxLength: 4 },
);

/** The same changes with every loss in memory. */
function naive(losses: readonly Loss[]) {
  const sorted = losses.map(({ loss }) => loss).sort((a, b) => a - b);
  const scale = Math.max(1e-12, sorted[Math.floor(0.99 * (sorted.length - 1))]);
  const detector = adwin();
  const found = losses.flatMap(({ loss }, at) => (detector.update(Math.min(1, loss / scale)) === 'drift' ? [at] : []));
  const mean = (of: readonly Loss[]) => of.reduce((sum, { loss }) => sum + loss, 0) / of.length;
  return found.map((index, i) => {
    const from = i === 0 ? 0 : found[i - 1] + 1;
    const before = losses.slice(from, Math.max(from + 1, index - 100));
    const after = losses.slice(Math.max(from, index - 100), index + 1);
    const cut = changePoint(losses.slice(from, index + 1).map(({ loss }) => ({ n: 1, sum: loss }))) ?? 0;
    return {
      at: losses[index].at,
      beganAt: losses[from + cut].at,
      n: before.length,
      isRise: mean(after) > mean(before),
    };
  });
}

const shown = (watch: ReturnType<typeof lossWatch>) =>
  watch.changes().map(({ at, beganAt, before, isRise }) => ({ at, beganAt, n: before.n, isRise }));

test('a watch finds the changes that all losses in memory show', () => {
  fc.assert(
    fc.property(fc.integer(), levels, (seed, of) => {
      const losses = stream(seed, of);
      const watch = lossWatch(() => adwin());
      for (const { at, loss } of losses) watch.add(at, loss);
      expect(shown(watch)).toEqual(naive(losses));
    }),
    { numRuns: 40 },
  );
});

test('a copy resumes as the first one would, from any point, and neither disturbs the other', () => {
  fc.assert(
    fc.property(fc.integer(), levels, fc.double({ min: 0, max: 1, noNaN: true }), (seed, of, share) => {
      const losses = stream(seed, of);
      const cut = Math.floor(share * losses.length);
      const [whole, early] = [lossWatch(() => adwin()), lossWatch(() => adwin())];
      for (const { at, loss } of losses) whole.add(at, loss);
      for (const { at, loss } of losses.slice(0, cut)) early.add(at, loss);
      const before = shown(early);
      const late = early.copy();
      for (const { at, loss } of losses.slice(cut)) late.add(at, loss);
      expect(shown(late)).toEqual(shown(whole));
      expect(shown(early)).toEqual(before);
    }),
    { numRuns: 30 },
  );
});

test('the memory of a watch does not grow with its losses, and a change is dated within a block', () => {
  const watch = lossWatch(() => adwin());
  const random = seededRandom(3);
  const sizes: number[] = [];
  const changed = 150_000;
  for (let i = 0; i < 160_000; i += 1) {
    watch.add(i, (i < changed ? 0.2 : 0.4) * random());
    if (i % 5000 === 0) sizes.push(watch.size());
  }
  // The first losses are two numbers each; after them 4,096 sums of three numbers at most.
  expect(Math.max(...sizes)).toBeLessThan(2 * FIRST_LOSSES + 1000);
  const [found] = watch.changes();
  expect(found).toMatchObject({ isRise: true });
  expect(Math.abs(found.beganAt - changed)).toBeLessThan(200);
});
