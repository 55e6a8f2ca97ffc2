import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import type { BatchGeneration, OnlineStore } from '../../src/ports/online-store.ts';
import type { Columns } from '../../src/schema/column.ts';
import { turns, until } from '../until.ts';
import { newRoot } from './new-root.ts';

const VIEW = 'history@1';
const features: Columns = { mean: { type: 'float', nullable: true } };

function generation(number: number): BatchGeneration {
  return { viewId: VIEW, generation: number, asOf: number, visibleFrom: number + 1 };
}

async function write(store: OnlineStore, number: number): Promise<void> {
  await store.writeBatch(
    generation(number),
    features,
    ['k', 'other'].map((key) => ({ key, values: [number] })),
  );
  await store.switchBatch(generation(number));
}

type Seen = readonly [number, readonly unknown[] | null] | null;

async function seenBy(store: OnlineStore, key: string): Promise<Seen> {
  const [answer] = await store.readBatch([{ viewId: VIEW, features, key }]);
  return answer && [answer.generation.generation, answer.values];
}

/**
 * Checks what readers see after a commit. LMDB's binding keeps the snapshot of a read until a timer of 0 ms, which may be
 * several turns: before the follower learns of the commit it may answer as before, but not from then on.
 */
async function expectSeen(following: OnlineStore, unfollowing: OnlineStore, seen: Readonly<Record<string, Seen>>) {
  const readAll = async (store: OnlineStore) =>
    Object.fromEntries(await Promise.all(Object.keys(seen).map(async (key) => [key, await seenBy(store, key)])));
  await until(() => following.follow?.() !== null);
  expect(await readAll(following)).toEqual(seen);
  await until(async () => isDeepStrictEqual(await readAll(unfollowing), seen));
  for (const store of [following, unfollowing]) {
    await turns(3);
    following.follow?.();
    expect(await readAll(store)).toEqual(seen);
  }
}

test('what a reader remembers of batch views is what is there: after a switch, and of a key that was forgotten', async () => {
  const path = newRoot();
  const writer = openOnlineStore({ path });
  const following = openOnlineStore({ path, access: 'read' });
  const unfollowing = openOnlineStore({ path, access: 'read' });
  following.follow?.(); // learns of the empty store
  for (const number of [1, 2, 3]) {
    await write(writer, number);
    await expectSeen(following, unfollowing, { k: [number, [number]], other: [number, [number]] });
  }
  await writer.dropKey?.([], [VIEW], 'k');
  await expectSeen(following, unfollowing, { k: [3, null], other: [3, [3]] });
  for (const store of [following, unfollowing, writer]) await store.close();
});
