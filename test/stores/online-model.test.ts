import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import { newRoot } from './new-root.ts';
import { anyOperation, apply, features, generationOf } from './online-operations.ts';

test('any sequence of operations gives on LMDB what it gives in memory, closed and opened again between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyOperation, { maxLength: 25, size: 'max' }), async (operations) => {
      const memory = new MemoryOnlineStore();
      const path = newRoot();
      let store = openOnlineStore({ path });
      // Numbers of generations only grow; one that is being written when the store is closed is begun again.
      let number = 1;
      for (const [i, operation] of operations.entries()) {
        expect(await apply(store, operation, number, i)).toEqual(await apply(memory, operation, number, i));
        if (operation.kind === 'switch') number += 1;
        if (operation.kind !== 'reopen') continue;
        number += 1;
        await store.close();
        store = openOnlineStore({ path });
      }
      await store.close();
    }),
    { numRuns: 60 },
  );
});

test('rows that a process left of a generation it never switched to are not in it when another writes it', async () => {
  const path = newRoot();
  const died = openOnlineStore({ path });
  await died.writeBatch(generationOf(1), features, [{ key: 'gone', values: [1, null] }]);
  await died.close();
  const store = openOnlineStore({ path });
  await store.writeBatch(generationOf(1), features, [{ key: 'a', values: [2, null] }]);
  await store.writeBatch(generationOf(1), features, [{ key: 'b', values: [3, null] }]);
  await store.switchBatch(generationOf(1));
  const answers = await store.readBatch(['gone', 'a', 'b'].map((key) => ({ viewId: 'history@1', features, key })));
  expect(answers.map((answer) => answer?.values)).toEqual([null, [2, null], [3, null]]);
  await store.close();
});
