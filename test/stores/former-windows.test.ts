import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Entries } from '../../src/backends/embedded/online/entries.ts';
import { hasFormerWindows, moveSome } from '../../src/backends/embedded/online/former-windows.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { openDatabase } from '../../src/backends/embedded/online/open-database.ts';
import {
  FORMAT_KEY,
  FORMER_WINDOWS,
  formerWindowsPlace,
  RECORDS,
  VIEWS_KEY,
} from '../../src/backends/embedded/online/store-keys.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { tileOf } from '../../src/testing/contracts/contract-tiles.ts';
import { windowedLayout } from '../../src/testing/contracts/stored-windows.ts';
import { newRoot } from './new-root.ts';

const HOP_MS = 60_000;
const KEYS = Array.from({ length: 12 }, (_, i) => (i === 0 ? 'k'.repeat(2_000) : `u${i}`));
const first = windowedLayout();
const LAYOUTS = [first, { ...first, viewId: 'other@1' }];

/** Writes tiles of keys; without all of them their windows go. */
async function write(store: OnlineStore, n: number, keys: readonly string[], knowsAll: boolean): Promise<void> {
  const tiles = LAYOUTS.flatMap((layout) =>
    keys.map((key) => {
      const tile = tileOf(layout, HOP_MS, key, 0, n);
      return knowsAll ? { ...tile, all: [tile.run] } : tile;
    }),
  );
  await store.writeTiles({ writer: 'w', position: { t: [n] }, tiles, freshUntil: 3 * HOP_MS });
}

function windowsIn(store: OnlineStore): readonly (string | null)[] {
  return LAYOUTS.flatMap((layout) =>
    KEYS.map((key) => {
      const windows = store.readWindows?.(layout, key) ?? null;
      return windows === null ? null : Buffer.from(windows).toString('hex');
    }),
  );
}

/** Makes a store one of format 2, with these windows: each view's windows of a key have an entry apart. */
async function makeFormer(path: string, windows: readonly (string | null)[]): Promise<void> {
  const file = `${path}/tiles.mdb`;
  const database = openDatabase(file, 'write');
  const entries = new Entries(database, file);
  entries.write(() => {
    for (const place of entries.keys(RECORDS)) entries.remove(place);
    entries.remove(VIEWS_KEY);
    LAYOUTS.forEach(({ viewId }, l) => {
      KEYS.forEach((key, k) => {
        const hex = windows[l * KEYS.length + k];
        if (hex !== null) entries.put(formerWindowsPlace(viewId, key), Buffer.from(hex, 'hex'));
      });
    });
  });
  database.putSync(Buffer.from(FORMAT_KEY), Buffer.from('2'));
  await entries.close();
}

/** Moves some windows in steps, then dies. */
async function moveAndDie(path: string, most: number, steps: number): Promise<void> {
  const file = `${path}/tiles.mdb`;
  const entries = new Entries(openDatabase(file, 'write'), file);
  for (let step = 0; step < steps; step += 1) moveSome(entries, FORMER_WINDOWS, most);
  await entries.close();
}

/** The windows that a process which only reads finds. */
async function windowsOfReader(path: string): Promise<readonly (string | null)[]> {
  const reader = openOnlineStore({ path, access: 'read' });
  const found = windowsIn(reader);
  await reader.close();
  return found;
}

test('windows of format 2 are read wherever a move of them was cut off, and commits replace them', async () => {
  const anyKeys = fc.subarray(KEYS);
  await fc.assert(
    fc.asyncProperty(
      fc.record({ most: fc.integer({ min: 1, max: 9 }), steps: fc.nat(4), whole: anyKeys, part: anyKeys }),
      async ({ most, steps, whole, part }) => {
        const [path, now] = [newRoot(), newRoot()];
        const [former, same] = [openOnlineStore({ path }), openOnlineStore({ path: now })];
        for (const each of [former, same]) await write(each, 1, KEYS, true);
        const windows = windowsIn(former);
        expect(windows).not.toContain(null);
        await former.close();
        await makeFormer(path, windows);
        await moveAndDie(path, most, steps);
        expect(await windowsOfReader(path)).toEqual(windows);
        const opened = openOnlineStore({ path });
        for (const each of [opened, same]) {
          await write(each, 2, whole, true);
          await write(each, 3, part, false);
        }
        expect(windowsIn(opened)).toEqual(windowsIn(same));
        await opened.close();
        expect(await windowsOfReader(path)).toEqual(windowsIn(same));
        await same.close();
        const file = `${path}/tiles.mdb`;
        const entries = new Entries(openDatabase(file, 'write'), file);
        expect(hasFormerWindows(entries)).toBe(false);
        await entries.close();
      },
    ),
    { numRuns: 15 },
  );
});

test('a commit between the steps of a move replaces windows that have not moved yet, for good', async () => {
  const [path, now] = [newRoot(), newRoot()];
  const [former, same] = [openOnlineStore({ path }), openOnlineStore({ path: now })];
  for (const each of [former, same]) await write(each, 1, KEYS, true);
  await former.close();
  await makeFormer(path, windowsIn(same));
  const file = `${path}/tiles.mdb`;
  const opened = openOnlineStore({ path });
  // The store moves them when it opens: here they come back, as if it had not reached them.
  const entries = new Entries(openDatabase(file, 'write'), file);
  const stale = Buffer.from('01', 'hex');
  entries.write(() => entries.put(formerWindowsPlace(LAYOUTS[0].viewId, KEYS[1]), stale));
  await write(opened, 2, KEYS, true);
  await write(same, 2, KEYS, true);
  expect(hasFormerWindows(entries)).toBe(false);
  expect(windowsIn(opened)).toEqual(windowsIn(same));
  await entries.close();
  await opened.close();
  await same.close();
});
