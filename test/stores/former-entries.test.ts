import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partOf, WINDOWS } from '../../src/backends/embedded/online/entity-records.ts';
import { Entries } from '../../src/backends/embedded/online/entries.ts';
import { hasFormerEntries, moveSome } from '../../src/backends/embedded/online/former-entries.ts';
import {
  FORMER_BLOCKS,
  FORMER_WINDOWS,
  formerBlockKey,
  formerWindowsKey,
} from '../../src/backends/embedded/online/former-keys.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { openDatabase } from '../../src/backends/embedded/online/open-database.ts';
import {
  FORMAT_KEY,
  RECORDS,
  recordBytes,
  recordPlace,
  tierAndBlock,
  VIEWS_KEY,
} from '../../src/backends/embedded/online/store-keys.ts';
import { tierName, ViewNumbers } from '../../src/backends/embedded/online/view-numbers.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { tileOf } from '../../src/testing/contracts/contract-tiles.ts';
import { windowedLayout } from '../../src/testing/contracts/stored-windows.ts';
import { newRoot } from './new-root.ts';

const HOP_MS = 60_000;
const KEYS = Array.from({ length: 12 }, (_, i) => (i === 0 ? 'k'.repeat(2_000) : `u${i}`));
const first = windowedLayout();
const LAYOUTS = [first, { ...first, viewId: 'other@1' }];
/** Starts of the tiles of a write: blocks before and after the zero of time. */
const STARTS = [-40, 0, 1, 33];

/** Writes tiles of keys; without all of them their windows go. */
async function write(store: OnlineStore, n: number, keys: readonly string[], knowsAll: boolean): Promise<void> {
  const tiles = LAYOUTS.flatMap((layout) =>
    keys.flatMap((key) => {
      const made = STARTS.map((start) => tileOf(layout, HOP_MS, key, start * HOP_MS, n));
      return knowsAll ? made.map((tile) => ({ ...tile, all: [tile.run] })) : made;
    }),
  );
  await store.writeTiles({ writer: 'w', position: { t: [n] }, tiles, freshUntil: 40 * HOP_MS });
}

/** The windows and tiles of all keys; tiles by single blocks, and by a walk. */
async function allIn(store: OnlineStore): Promise<unknown> {
  const found: unknown[] = [];
  for (const layout of LAYOUTS)
    for (const key of KEYS) {
      const windows = store.readWindows?.(layout, key) ?? null;
      found.push(windows === null ? null : Buffer.from(windows).toString('hex'));
      const ranges = [
        [-64, 64],
        [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
      ];
      for (const [from, to] of ranges) {
        const read = { layout, hopMs: HOP_MS, key, from: from * HOP_MS, to: to * HOP_MS };
        found.push(
          ...(await store.readTiles([read])).map(({ length, nums }) => [...nums.subarray(0, length * layout.numbers)]),
        );
      }
    }
  return found;
}

/** Makes a store one of format 2 or 3: blocks lie by view; in format 2 each view's windows of a key have an entry apart. */
async function makeFormer(path: string, format: 2 | 3): Promise<void> {
  const file = `${path}/tiles.mdb`;
  const database = openDatabase(file, 'write');
  const entries = new Entries(database, file);
  const numbers = new ViewNumbers(entries);
  const named = (name: string) => numbers.of(name, true);
  entries.write(() => {
    for (const entry of entries.keys(RECORDS)) {
      const content = Uint8Array.from(entries.get(entry) ?? []);
      const record = Uint8Array.from(entry.subarray(0, recordBytes(entry)));
      const of = tierAndBlock(entry);
      if (of === null && format === 3) continue;
      entries.remove(entry);
      for (const { viewId } of LAYOUTS) {
        const windows = of === null ? partOf(content, named(viewId) ?? -1, WINDOWS) : null;
        if (windows !== null) entries.put(formerWindowsKey(viewId, record), Uint8Array.from(windows));
        if (of?.tier === named(tierName(viewId, HOP_MS)) && of !== null)
          entries.put(formerBlockKey(viewId, record, HOP_MS, of.block), content);
      }
    }
    if (format === 2) entries.remove(VIEWS_KEY);
  });
  database.putSync(Buffer.from(FORMAT_KEY), Buffer.from(String(format)));
  await entries.close();
}

/** Moves some entries in steps, then dies. */
async function moveAndDie(path: string, most: number, steps: number): Promise<void> {
  const file = `${path}/tiles.mdb`;
  const entries = new Entries(openDatabase(file, 'write'), file);
  let left = steps;
  for (const span of [FORMER_WINDOWS, FORMER_BLOCKS])
    for (let from: Uint8Array | null = span.start; from !== null && left > 0; left -= 1)
      from = moveSome(entries, span, most);
  await entries.close();
}

/** All that a process which only reads finds. */
async function allOfReader(path: string): Promise<unknown> {
  const reader = openOnlineStore({ path, access: 'read' });
  const found = await allIn(reader);
  await reader.close();
  return found;
}

test('a store of format 2 or 3 is read wherever a move of it was cut off, and writes replace what has not moved', async () => {
  const anyKeys = fc.subarray(KEYS);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        format: fc.constantFrom(2 as const, 3 as const),
        most: fc.integer({ min: 1, max: 30 }),
        steps: fc.nat(6),
        whole: anyKeys,
        part: anyKeys,
        forgotten: anyKeys,
        dropped: fc.boolean(),
      }),
      async ({ format, most, steps, whole, part, forgotten, dropped }) => {
        const [path, now] = [newRoot(), newRoot()];
        const [former, same] = [openOnlineStore({ path }), openOnlineStore({ path: now })];
        for (const each of [former, same]) await write(each, 1, KEYS, true);
        await former.close();
        await makeFormer(path, format);
        await moveAndDie(path, most, steps);
        expect(await allOfReader(path)).toEqual(await allIn(same));
        const opened = openOnlineStore({ path });
        for (const each of [opened, same]) {
          await write(each, 2, whole, true);
          await write(each, 3, part, false);
          for (const key of forgotten) await each.dropKey?.([first], [], key);
          if (dropped) await each.dropView('other@1');
        }
        expect(await allIn(opened)).toEqual(await allIn(same));
        await opened.close();
        expect(await allOfReader(path)).toEqual(await allIn(same));
        await same.close();
        // A store that is closed early continues with the next process.
        await openOnlineStore({ path }).close();
      },
    ),
    { numRuns: 15 },
  );
});

test('a commit between the steps of a move replaces what has not moved yet, for good', async () => {
  const [path, now] = [newRoot(), newRoot()];
  const [former, same] = [openOnlineStore({ path }), openOnlineStore({ path: now })];
  for (const each of [former, same]) await write(each, 1, KEYS, true);
  const before = await allIn(same);
  await former.close();
  await makeFormer(path, 2);
  const file = `${path}/tiles.mdb`;
  const opened = openOnlineStore({ path });
  expect(await allIn(opened)).toEqual(before);
  // The store moves them when it opens: here they come back, as if it had not reached them.
  const entries = new Entries(openDatabase(file, 'write'), file);
  const record = Uint8Array.from(recordPlace(KEYS[1]));
  const stale = Buffer.from('01', 'hex');
  entries.write(() => entries.put(formerWindowsKey(LAYOUTS[0].viewId, record), stale));
  await write(opened, 2, KEYS, true);
  await write(same, 2, KEYS, true);
  expect(hasFormerEntries(entries)).toBe(false);
  expect(await allIn(opened)).toEqual(await allIn(same));
  await entries.close();
  await opened.close();
  await same.close();
});
