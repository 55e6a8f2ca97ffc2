import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_TS, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { storesWindows, WindowsWriter } from '../../src/features/window/stored-windows.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { Value } from '../../src/schema/column.ts';
import { anyInstant, anyStream } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { engineOf } from './golden-view.ts';

const anyCase = anyView
  .chain((view) =>
    fc.tuple(fc.constant(view), anyStream(view), anyInstant(view), fc.array(anyInstant(view), { minLength: 4 })),
  )
  .map(([view, log, now, instants]) => ({ view, log, now, instants }));

test('what is kept of the windows answers as all tiles do, or says that it does not', () => {
  const seen = { answered: 0, refused: 0 };
  fc.assert(
    fc.property(anyCase, ({ view, log, now, instants }) => {
      const made = engineOf(view);
      for (const delivery of log) made.engine.apply(delivery, delivery.partition);
      const { layout, keys, reader } = made;
      const writer = new WindowsWriter(layout);
      const stored = new WindowReader(layout);
      for (const { runs } of keys.values()) {
        const latest = latestOf(runs, layout.numbers);
        const written = writer.write(runs, now);
        expect(written).not.toBeNull();
        if (written === null) continue;
        for (const q of [now, now + 1, now + view.hopsMs[0], latest, latest + 1, ...instants]) {
          const out: (Value | undefined)[] = [];
          if (!stored.readStored(written, q, out)) {
            seen.refused += 1;
            // As of when it was written, with nothing ahead, it always answers.
            expect(q === now && latest < q).toBe(false);
            continue;
          }
          expect(latest).toBeLessThan(q);
          const whole: (Value | undefined)[] = [];
          expect(reader.read(runs, q, whole, 0)).toBe(q);
          expect(out).toEqual(whole);
          expect(stored.counts).toEqual(reader.counts);
          expect(stored.maxTs).toBe(reader.maxTs);
          seen.answered += 1;
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(seen.answered, seen.refused)).toBeGreaterThan(300);
});

test('what was kept of other windows is not read, nor what is damaged', () => {
  fc.assert(
    fc.property(anyCase, fc.nat(), ({ view, log, now }, cut) => {
      const made = engineOf(view);
      for (const delivery of log) made.engine.apply(delivery, delivery.partition);
      const longer = { ...view, features: [...view.features, { ...view.features[0], windowMs: 977 * view.hopsMs[0] }] };
      for (const { runs } of made.keys.values()) {
        const written = new WindowsWriter(made.layout).write(runs, now);
        if (written === null) continue;
        const q = Math.max(now, latestOf(runs, made.layout.numbers) + 1);
        expect(new WindowReader(tileLayout(longer)).readStored(written, q, [])).toBe(false);
        const part = written.subarray(0, 1 + (cut % (written.length - 1)));
        try {
          expect(new WindowReader(made.layout).readStored(part, q, [])).toBe(false);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BYTES_DAMAGED' });
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('windows are kept where their merges are small', () => {
  fc.assert(
    fc.property(anyView, (view) => {
      const kinds = view.aggregates.map(({ kind }) => kind);
      const large = ['quantile', 'approxDistinct', 'topK', 'topKCounts', 'distinct', 'lastN'].some((kind) =>
        kinds.some((one) => one === kind),
      );
      if (large) expect(storesWindows(tileLayout(view))).toBe(false);
    }),
    { numRuns: 100 },
  );
});

function latestOf(runs: readonly { readonly length: number; readonly nums: Float64Array }[], numbers: number): number {
  return Math.max(...runs.map(({ length, nums }) => nums[(length - 1) * numbers + MAX_TS]));
}
