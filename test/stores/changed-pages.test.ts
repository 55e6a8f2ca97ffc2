import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ChangedPages } from '../../src/backends/embedded/online/changed-pages.ts';
import { readNewest, transactionOf } from '../../src/backends/embedded/online/lmdb-pages.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { newRoot } from './new-root.ts';
import { HOPS, tileOf } from './numbered-tiles.ts';

const PAGE = 4_096;

/** Keys of a store, the blocks that each has, and the first one that a commit changes, and how many. */
const shapes = [
  { name: 'few of many', users: 12_000, blocks: 1, from: 0, changed: 500 },
  { name: 'most of a store', users: 6_000, blocks: 1, from: 0, changed: 5_000 },
  { name: 'new keys', users: 1, blocks: 1, from: 1, changed: 6_000 },
  { name: 'few dense ones', users: 1_000, blocks: 40, from: 0, changed: 300 },
];

/** Pages that the newest transaction of a file wrote: each names itself and its transaction. */
function pagesOfLast(file: string): number {
  const fd = openSync(file, 'r');
  const found = readNewest(fd);
  closeSync(fd);
  if (found === null) throw new Error('it is no LMDB file');
  const newest = transactionOf(found.meta);
  const bytes = readFileSync(file);
  let pages = 0;
  for (let page = 2; (page + 1) * PAGE <= bytes.length; page += 1)
    if (bytes.readBigUInt64LE(page * PAGE) === BigInt(page) && bytes.readBigUInt64LE(page * PAGE + 8) === newest)
      pages += 1;
  return pages;
}

test.each(shapes)(
  'a commit changes no more pages than it is said to, and at least a sixth of them: $name',
  async (shape) => {
    const path = newRoot();
    const all = Array.from({ length: shape.from + Math.max(shape.users, shape.changed) }, (_, i) => `user ${i}`);
    shuffle(all);
    const filled = openOnlineStore({ path });
    await commit(filled, all.slice(0, shape.users), 1, shape.blocks);
    await filled.close();
    // Another one: the memory is that of the largest commit since the start.
    const store = openOnlineStore({ path });
    await commit(store, all.slice(shape.from, shape.from + shape.changed), 2, 1);
    const said = (store.pages?.bytes ?? 0) / PAGE;
    const pages = pagesOfLast(join(path, 'tiles.mdb'));
    expect(pages).toBeGreaterThan(0);
    expect([said, pages, said >= pages, said <= 6 * pages]).toEqual([said, pages, true, true]);
    await store.close();
  },
);

test('as many keys as fit into some memory take no more of it, in a store of any size', async () => {
  const path = newRoot();
  const store = openOnlineStore({ path });
  const keys = Array.from({ length: 8_000 }, (_, i) => `user ${i}`);
  shuffle(keys);
  for (let from = 0; from < keys.length; from += 1_000) {
    await commit(store, keys.slice(from, from + 1_000), 1, 1);
    for (const bytes of [10_000, 1e6, 1e9]) {
      const most = store.pages?.mostKeys(bytes) ?? 0;
      const other = new ChangedPages(join(path, 'tiles.mdb'));
      other.wrote(most, most * 100);
      expect([bytes, other.bytes <= bytes]).toEqual([bytes, true]);
    }
  }
  await store.close();
});

async function commit(store: OnlineStore, keys: readonly string[], n: number, blocks: number): Promise<void> {
  const open = store.openCommit?.(0);
  for (const key of keys)
    open?.add(Array.from({ length: blocks }, (_, block) => tileOf(key, HOPS[0], block * 32 * HOPS[0], n)));
  await open?.finish({ writer: 'w', position: {} });
}

function shuffle(keys: string[]): void {
  const random = seededRandom(5);
  for (let i = keys.length - 1; i > 0; i -= 1) {
    const other = Math.floor(random() * (i + 1));
    [keys[i], keys[other]] = [keys[other], keys[i]];
  }
}
