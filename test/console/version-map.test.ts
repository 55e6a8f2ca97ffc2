import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';
import { intervalAt } from '../../src/serving/streaming/version-map.ts';

interface Stretch {
  readonly from: number;
  readonly to: number | null;
  readonly version: number;
  readonly scored: number;
  readonly isNow: boolean;
}
interface Interval {
  readonly from: number;
  readonly version: number;
}
type Partitions = readonly { readonly next: number; readonly intervals: readonly Interval[] }[];
const { versionMap }: { versionMap: (partitions: Partitions) => readonly Stretch[] } = await import(
  `${root}/console/src/pages/inference/version-map.ts`
);

/** Intervals from offset 0 on, with another version each. */
const intervals = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 6 }).map((lengths) => {
  let from = 0;
  const starts = [0];
  for (const length of lengths) {
    from += length;
    starts.push(from);
  }
  return starts.map((start, i): Interval => ({ from: start, version: i + 1 }));
});

test('each offset belongs to the version that the stream scores it by, and every scored record is counted once', () => {
  fc.assert(
    fc.property(intervals, fc.nat(120), (given, next) => {
      const stretches = versionMap([{ next, intervals: given }]);
      for (let offset = 0; offset < 130; offset += 1) {
        const own = stretches.filter(({ from, to }) => offset >= from && (to === null || offset < to));
        const { version } = intervalAt(given as never, offset);
        expect(own.map((one) => one.version)).toEqual([version]);
      }
      expect(stretches.reduce((sum, { scored }) => sum + scored, 0)).toBe(next);
      expect(stretches.filter(({ isNow }) => isNow).map(({ version }) => version)).toEqual([
        intervalAt(given as never, next).version,
      ]);
    }),
  );
});
