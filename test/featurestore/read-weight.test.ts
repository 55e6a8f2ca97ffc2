import fc from 'fast-check';
import { expect, test } from 'vitest';
import { objectBytes } from '../../src/base/object-bytes.ts';
import { SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { tileAt } from '../../src/features/tile/tile-run.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { KeyTiles } from '../../src/featurestore/materialise/key-tiles.ts';
import { memoBytes, numberBytes, tileBytes } from '../../src/featurestore/materialise/tile-bytes.ts';
import { TileCache } from '../../src/featurestore/materialise/tile-cache.ts';
import { TileDrain } from '../../src/featurestore/materialise/tile-drain.ts';
import { anyStream } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { HOPS, spend } from '../stores/numbered-tiles.ts';

const anyRun = anyView.chain((view) =>
  fc.record({ view: fc.constant(view), stream: anyStream(view), commits: fc.array(fc.boolean(), { maxLength: 60 }) }),
);

/** Bytes of what readers derived, from what it is now. */
function derivedBytes(tiles: KeyTiles): number {
  let bytes = memoBytes(tiles);
  for (let kept = tiles.merged; kept !== null; kept = kept.next)
    for (const obj of kept.objs) bytes += kept.sizes === null || obj === null ? 0 : objectBytes(obj);
  for (let kept = tiles.merged; kept !== null; kept = kept.next) bytes -= kept.objectBytes;
  return bytes;
}

test('a commit weighs tiles of every aggregate and type as they are, and reads count what they derive', () => {
  let derived = 0;
  fc.assert(
    fc.property(anyRun, ({ view, stream, commits }) => {
      const layout = tileLayout(view);
      const store = new MemoryOnlineStore();
      const cache = new TileCache(store, 1e9);
      const seen = new Map<string, KeyTiles>();
      const weighed = new Map<KeyTiles, number>();
      const reader = new WindowReader(layout, undefined, 1);
      const engine = new SourceEngine<KeyTiles>(view.source, [layout], {
        tilesOf: (of, key) => {
          const tiles = cache.tilesToChange(of, key);
          seen.set(key, tiles);
          return tiles;
        },
        changed: (of, tiles, hop, start) => cache.markDirty(of, tiles, hop, start),
      });
      const read = (q: number) => {
        for (const tiles of seen.values()) {
          reader.read(tiles.runs, q, [], 0, tiles);
          cache.weigh(tiles);
          expect(cache.has(tiles)).toBe(true);
          expect(tiles.bytes).toBe(numberBytes(tiles.key, tiles.runs) + tiles.objectBytes + derivedBytes(tiles));
          expect(tiles.objectBytes).toBeGreaterThanOrEqual(weighed.get(tiles) ?? 0);
          if (tiles.merged !== null) derived += 1;
        }
      };
      const mustBeExact = () => {
        for (const tiles of seen.values()) {
          expect(tiles.bytes).toBe(tileBytes(layout, tiles.key, tiles.runs) + derivedBytes(tiles));
          weighed.set(tiles, tiles.objectBytes);
        }
      };
      for (const [i, delivery] of stream.entries()) {
        engine.apply(delivery, delivery.partition);
        read(1e13);
        if (commits[i] !== true) continue;
        const drain = new TileDrain(cache, { archived: 0, now: 0, see: () => undefined, take: () => undefined });
        for (const _ of drain.steps);
        store.writeTiles({ writer: 'w', position: { t: [i + 1] }, tiles: drain.tiles });
        mustBeExact();
        // Tiles that no window reaches leave.
        for (const _ of cache.sweep(1e13));
        mustBeExact();
      }
    }),
    { numRuns: 60 },
  );
  expect(derived).toBeGreaterThan(100);
});

test('a read counts a key without the tiles that a sweep dropped', () => {
  const store = new MemoryOnlineStore();
  const cache = new TileCache(store, 1e9);
  const entry = cache.tilesToChange(spend, 'user');
  for (let minute = 0; minute < 100; minute += 1) {
    tileAt(entry.runs[0], spend, minute * HOPS[0], 0);
    cache.markDirty(spend, entry, 0, minute * HOPS[0]);
  }
  const drain = new TileDrain(cache, { archived: 0, now: 0, see: () => undefined, take: () => undefined });
  for (const _ of drain.steps);
  store.writeTiles({ writer: 'w', position: { t: [1] }, tiles: drain.tiles });
  cache.weigh(entry);
  for (const _ of cache.sweep(1e13));
  expect(entry.runs[0].length).toBeLessThan(100);
  expect(entry.bytes).toBe(tileBytes(spend, 'user', entry.runs) + memoBytes(entry));
});
