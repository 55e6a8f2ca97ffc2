import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import { SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { tileAt } from '../../src/features/tile/tile-run.ts';
import type { KeyTiles } from '../../src/featurestore/materialise/key-tiles.ts';
import { memoBytes, tileBytes } from '../../src/featurestore/materialise/tile-bytes.ts';
import { TileCache } from '../../src/featurestore/materialise/tile-cache.ts';
import { TileDrain } from '../../src/featurestore/materialise/tile-drain.ts';
import { anyStream } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { HOPS, spend } from '../stores/numbered-tiles.ts';

const anyRun = anyView.chain((view) =>
  fc.record({ view: fc.constant(view), stream: anyStream(view), commits: fc.array(fc.boolean(), { maxLength: 60 }) }),
);

test('a read counts tiles of every aggregate and type as they are, whatever changed or left since the last', () => {
  fc.assert(
    fc.property(anyRun, ({ view, stream, commits }) => {
      const layout = tileLayout(view);
      const store = new MemoryOnlineStore();
      const cache = new TileCache(store, 1e9);
      const seen = new Map<string, KeyTiles>();
      const engine = new SourceEngine<KeyTiles>(view.source, [layout], {
        tilesOf: (of, key) => {
          const tiles = cache.tilesToChange(of, key);
          seen.set(key, tiles);
          return tiles;
        },
        changed: (of, tiles, hop, start) => cache.markDirty(of, tiles, hop, start),
      });
      const mustBeWeighed = () => {
        for (const [key, tiles] of seen) {
          expect(cache.weigh(layout, key, tiles)).toBe(true);
          expect(tiles.bytes).toBe(tileBytes(layout, key, tiles.runs) + memoBytes(tiles));
        }
      };
      for (const [i, delivery] of stream.entries()) {
        engine.apply(delivery, delivery.partition);
        mustBeWeighed();
        if (commits[i] !== true) continue;
        const drain = new TileDrain(cache, { archived: 0, see: () => undefined, take: () => undefined });
        for (const _ of drain.steps);
        store.writeTiles({ writer: 'w', position: { t: [i + 1] }, tiles: drain.tiles });
        // Tiles that no window reaches leave.
        for (const _ of cache.sweep(1e13)) mustBeWeighed();
        mustBeWeighed();
      }
    }),
    { numRuns: 60 },
  );
});

test('a read counts a key without the tiles that a sweep dropped', () => {
  const store = new MemoryOnlineStore();
  const cache = new TileCache(store, 1e9);
  const entry = cache.tilesToChange(spend, 'user');
  for (let minute = 0; minute < 100; minute += 1) {
    tileAt(entry.runs[0], spend, minute * HOPS[0], 0);
    cache.markDirty(spend, entry, 0, minute * HOPS[0]);
  }
  const drain = new TileDrain(cache, { archived: 0, see: () => undefined, take: () => undefined });
  for (const _ of drain.steps);
  store.writeTiles({ writer: 'w', position: { t: [1] }, tiles: drain.tiles });
  cache.weigh(spend, 'user', entry);
  for (const _ of cache.sweep(1e13));
  expect(entry.runs[0].length).toBeLessThan(100);
  cache.weigh(spend, 'user', entry);
  expect(entry.bytes).toBe(tileBytes(spend, 'user', entry.runs) + memoBytes(entry));
});
