import { expect, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import type { BatchGeneration, OnlineStore } from '../../src/ports/online-store.ts';
import type { Columns } from '../../src/schema/column.ts';
import { turns } from '../until.ts';
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

/** What one who follows, and one who does not, read of a key in a later turn. */
async function seenBy(following: OnlineStore, beside: OnlineStore, key: string) {
  await turns(3);
  following.follow?.();
  const reads = [{ viewId: VIEW, features, key }];
  const answers = [await following.readBatch(reads), await beside.readBatch(reads)];
  return answers.map(([answer]) => answer && [answer.generation.generation, answer.values]);
}

test('what a reader remembers of batch views is what stands there: after a switch, and of a key that was forgotten', async () => {
  const path = newRoot();
  const writer = openOnlineStore({ path });
  const following = openOnlineStore({ path, access: 'read' });
  const beside = openOnlineStore({ path, access: 'read' });
  for (const number of [1, 2]) {
    await write(writer, number);
    for (let again = 0; again < 2; again += 1)
      expect(await seenBy(following, beside, 'k')).toEqual([
        [number, [number]],
        [number, [number]],
      ]);
  }
  await write(writer, 3);
  for (const key of ['k', 'other']) await seenBy(following, beside, key);
  await writer.dropKey?.([], [VIEW], 'k');
  expect(await seenBy(following, beside, 'k')).toEqual([
    [3, null],
    [3, null],
  ]);
  expect(await seenBy(following, beside, 'other')).toEqual([
    [3, [3]],
    [3, [3]],
  ]);
  for (const store of [following, beside, writer]) await store.close();
});
