import { statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { runs } from '../runs.ts';
import { newRoot } from './new-root.ts';
import { allTiles, HOPS, tileOf, tilesOf } from './numbered-tiles.ts';

function openStore() {
  const path = newRoot();
  const store = openOnlineStore({ path });
  onTestFinished(() => store.close());
  return { store, sizeBytes: () => statSync(join(path, 'tiles.mdb')).size };
}

/** Writes keys in commits of some; returns the bytes of the file. */
async function sizeOf(keys: readonly string[]): Promise<number> {
  const { store, sizeBytes } = openStore();
  for (let from = 0; from < keys.length; from += 500) {
    const tiles = keys.slice(from, from + 500).flatMap((key) => HOPS.map((hopMs) => tileOf(key, hopMs, 0, 1)));
    await store.writeTiles({ writer: 'w', position: { t: [from] }, tiles });
  }
  for (let i = 0; i < keys.length; i += 97)
    for (const hopMs of HOPS) expect(tilesOf(await allTiles(store, keys[i], hopMs))).toEqual([[0, 1]]);
  return sizeBytes();
}

test('keys that come in order fill their pages', async () => {
  const inOrder = Array.from({ length: 10_000 }, (_, i) => `user ${String(i).padStart(6, '0')}`);
  const mixed = inOrder.map((_, i) => inOrder[(i * 7_919) % inOrder.length]);
  expect(await sizeOf(inOrder)).toBeLessThan(0.6 * (await sizeOf(mixed)));
});

const anyTile = fc.record({
  // Prefixes of each other, and lengths that order before texts.
  key: fc.constantFrom('', 'a', 'aa', 'ab', 'b', 'a\u0000', 'z'.repeat(130), 'Zoë', '9'),
  hop: fc.constantFrom(0, 1),
  // Blocks below and above 0, whose places have other sizes.
  block: fc.integer({ min: -3, max: 300 }),
  n: fc.integer({ min: 1, max: 3 }),
});

test('whatever the order of keys, blocks and tiles of a commit, the store has the greatest version of each', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyTile, { minLength: 1, maxLength: 12 }), { maxLength: 6 }),
      async (commits) => {
        const { store } = openStore();
        const wanted = new Map<string, number>();
        for (const [i, commit] of commits.entries()) {
          const tiles = commit.map(({ key, hop, block, n }): TileWrite => {
            const start = block * 32 * HOPS[hop];
            const place = JSON.stringify([key, hop, start]);
            wanted.set(place, Math.max(n, wanted.get(place) ?? 0));
            return tileOf(key, HOPS[hop], start, n);
          });
          await store.writeTiles({ writer: 'w', position: { t: [i] }, tiles });
          expect(await store.position('w')).toEqual({ t: [i] });
        }
        const found = new Map<string, number>();
        for (const key of new Set(commits.flat().map((tile) => tile.key)))
          for (const [hop, hopMs] of HOPS.entries())
            for (const [start, n] of tilesOf(await allTiles(store, key, hopMs)))
              found.set(JSON.stringify([key, hop, start]), n);
        expect(found).toEqual(wanted);
      },
    ),
    { numRuns: runs(40, 1_000) },
  );
});
