import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { explainWindows } from '../../src/features/window/explain-windows.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { Value } from '../../src/schema/column.ts';
import { anyInstant, anyStream } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';

const anyRun = anyView.chain((view) =>
  fc.record({
    view: fc.constant(view),
    log: anyStream(view, 30),
    instants: fc.array(anyInstant(view), { minLength: 20, maxLength: 20 }),
  }),
);

test('the tiles of an explanation are those that a read merges: same answers, same events, apart and within the window', () => {
  let tiles = 0;
  fc.assert(
    fc.property(anyRun, ({ view, log, instants }) => {
      const layout = tileLayout(view);
      const keys = new Map<string, { readonly runs: TileRun[] }>();
      const tilesOf = (_: unknown, key: string) => {
        const held = keys.get(key) ?? { runs: view.hopsMs.map(() => emptyRun(layout)) };
        keys.set(key, held);
        return held;
      };
      const engine = new SourceEngine(view.source, [layout], { tilesOf, changed: () => undefined });
      for (const delivery of log) engine.apply(delivery, delivery.partition);
      const reader = new WindowReader(layout);
      for (const { runs } of keys.values())
        for (const q of instants) {
          const answers: (Value | undefined)[] = [];
          const isAnswered = reader.read(runs, q, answers, 0) === q;
          const windows = explainWindows(layout, runs, q);
          if (windows === null) {
            expect(isAnswered).toBe(false);
            continue;
          }
          // A view of changes may have to wait for later ones: its tiles are explained all the same.
          if (!isAnswered) continue;
          windows.forEach(({ answers: explained, events, from, to, tiles: merged }, w) => {
            for (const feature of reader.windows[w].features)
              expect(explained[view.features[feature].name]).toEqual(answers[feature]);
            expect(events).toBe(reader.counts[w]);
            expect(merged.reduce((sum, tile) => sum + tile.events, 0)).toBe(events);
            let end = from ?? Number.NEGATIVE_INFINITY;
            for (const { start, hopMs } of merged) {
              expect(start).toBeGreaterThanOrEqual(end);
              end = start + hopMs;
            }
            if (merged.length > 0) expect(merged[merged.length - 1].start).toBeLessThan(to);
            tiles += merged.length;
          });
        }
    }),
    { numRuns: 200 },
  );
  expect(tiles).toBeGreaterThan(500);
});
