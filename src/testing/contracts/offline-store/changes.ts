import { mustEqual, mustFail } from '../contract.ts';
import type { OfflineStoreContract } from './subject.ts';
import { all, change, numbers, rowsOf, texts, withStore } from './tables.ts';

/** Changes, positions, writers and readers: rules 1, 3, 4, 5 and 10. */
export const offlineChangeContracts: readonly OfflineStoreContract[] = [
  {
    rule: 1,
    name: 'a change of several tables is visible whole, with its position, to every reader',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(change('w', [3, 4], [numbers, [[1, 0.5]]], [texts, [['a', 'b']]]));
        for (const seen of [store, await subject.open('read')]) {
          mustEqual(await rowsOf(seen, numbers), [[1n, 0.5]], 'first table');
          mustEqual(await rowsOf(seen, texts), [['a', 'b']], 'second table');
          mustEqual(await seen.position('w'), { topic: [3, 4] }, 'position');
          if (seen !== store) await seen.close();
        }
      }),
  },
  {
    rule: 1,
    name: 'a change with one rejected table changes nothing, and the next one is accepted',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(change('w', [1], [numbers, [[1, 1]]]));
        const before = store.tables();
        const bad = change('w', [2], [numbers, [[2, 2]]], [texts, [['a', 5]]]);
        await mustFail('OFFLINE_VALUE', () => store.publish(bad), 'a number as text');
        mustEqual(store.tables(), before, 'tables');
        mustEqual(await store.position('w'), { topic: [1] }, 'position');
        await store.publish(change('w', [3], [numbers, [[3, 3]]]));
        mustEqual(
          await rowsOf(store, numbers),
          [
            [1n, 1],
            [3n, 3],
          ],
          'rows',
        );
      }),
  },
  {
    rule: 1,
    name: 'a replacement is the whole content of its tables and leaves the others',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(change('w', [1], [numbers, [[1, 1]]], [texts, [['a', 'b']]]));
        await store.publish({ ...change('v', [1], [numbers, [[2, 2]]]), mode: 'replace' });
        mustEqual(await rowsOf(store, numbers), [[2n, 2]], 'the replaced table');
        mustEqual(await rowsOf(store, texts), [['a', 'b']], 'the other table');
        await store.publish({ ...change('v', [2], [numbers, []]), mode: 'replace' });
        mustEqual(await rowsOf(store, numbers), [], 'the table replaced by nothing');
      }),
  },
  {
    rule: 3,
    name: "a writer's position is that of its last change, null before the first, also after a restart",
    needs: [],
    run: async (subject) => {
      await withStore(subject, async (store) => {
        mustEqual(await store.position('w'), null, 'position before the first change');
        await store.publish(change('w', [1], [numbers, [[1, 1]]]));
        await store.publish(change('other', [9], [numbers, [[2, 2]]]));
        await store.publish(change('w', [5], [numbers, []]));
      });
      await withStore(subject, async (store) => {
        mustEqual(await store.position('w'), { topic: [5] }, 'position of the first writer');
        mustEqual(await store.position('other'), { topic: [9] }, 'position of the second writer');
        mustEqual(await store.position('nobody'), null, 'position of a stranger');
      });
    },
  },
  {
    rule: 4,
    name: 'a table without a published change reads as no rows with its columns, and cannot be compacted or retained',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        mustEqual(await rowsOf(store, all), [], 'rows');
        const retention = { timeColumn: 'a', olderThan: 0, maxBytes: 0 };
        await mustFail('OFFLINE_TABLE', () => store.compact(all.name), 'compaction');
        await mustFail('OFFLINE_TABLE', () => store.retain(all.name, retention), 'retention');
        await store.publish(change('w', [1], [all, []]));
        mustEqual(await rowsOf(store, all), [], 'rows after an empty change');
        await store.compact(all.name);
        await store.retain(all.name, retention);
      }),
  },
  {
    rule: 5,
    name: 'a second writer is locked out until the first has closed',
    needs: [],
    run: async (subject) => {
      await withStore(subject, async () => {
        await mustFail('OFFLINE_LOCKED', () => subject.open('write'), 'a second writer');
      });
      await withStore(subject, async () => undefined);
    },
  },
  {
    rule: 5,
    name: 'a reader sees one moment until it refreshes, and changes nothing',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(change('w', [1], [numbers, [[1, 1]]]));
        const reader = await subject.open('read');
        await store.publish(change('w', [2], [numbers, [[2, 2]]]));
        mustEqual(await rowsOf(reader, numbers), [[1n, 1]], 'rows before the refresh');
        mustEqual(await reader.position('w'), { topic: [1] }, 'position before the refresh');
        await reader.refresh();
        mustEqual(
          await rowsOf(reader, numbers),
          [
            [1n, 1],
            [2n, 2],
          ],
          'rows after the refresh',
        );
        mustEqual(await reader.position('w'), { topic: [2] }, 'position after the refresh');
        const attempt = () => reader.publish(change('w', [3], [numbers, [[3, 3]]]));
        await mustFail('OFFLINE_READER', attempt, 'a change by a reader');
        await reader.close();
      }),
  },
  {
    rule: 10,
    name: 'tables never collide, whatever their names, and a name that could leave the store is rejected',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const names = ['t', 't/t', 't/t/t', 't@1', 't@1/t', 't.parquet', 'a-b_c'];
        for (const [i, name] of names.entries())
          await store.publish(change('w', [i], [{ ...numbers, name }, [[i, i]]]));
        for (const [i, name] of names.entries())
          mustEqual(await rowsOf(store, { ...numbers, name }), [[BigInt(i), i]], name);
        for (const name of ['', '..', 'a/../b', '/a', 'a/', 'a//b', 'a b', "a'b", 'a\0b', '*'])
          await mustFail('OFFLINE_NAME', () => store.publish(change('w', [1], [{ ...numbers, name }, [[1, 1]]])), name);
      }),
  },
];
