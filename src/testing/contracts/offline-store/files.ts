import type { OfflineTable, OfflineValue } from '../../../ports/offline-store.ts';
import { mustEqual, mustFail } from '../contract.ts';
import type { OfflineStoreContract } from './subject.ts';
import { change, collect, filesOf, numbers, rowsOf, stateOf, texts, withStore } from './tables.ts';

/** Files, compaction, retention and erasure: rules 6, 7, 8, 12 and 14. */
export const offlineFileContracts: readonly OfflineStoreContract[] = [
  {
    rule: 6,
    name: 'a truncated, replaced or missing file is an error that names it, never a smaller answer',
    needs: ['localFiles'],
    run: (subject) =>
      withStore(subject, async (store) => {
        for (const harm of ['truncate', 'replace', 'remove'] as const) {
          const table = { ...numbers, name: `${harm}@1` };
          await store.publish(
            change(
              'w',
              [1],
              [table, [[1, 1]]],
              [
                texts,
                [
                  ['a', 'b'],
                  ['c', 'd'],
                ],
              ],
            ),
          );
          await store.publish(change('w', [2], [table, [[2, 2]]]));
          const path = filesOf(store, table)[0] ?? '';
          subject.files[harm](path, filesOf(store, texts)[0] ?? '');
          const reader = await subject.open('read');
          const error = await mustFail('OFFLINE_CORRUPT', () => rowsOf(reader, table), harm);
          if (!error.message.includes(path)) throw new Error(`${harm}: "${error.message}" does not name ${path}`);
          await reader.close();
        }
      }),
  },
  {
    rule: 7,
    name: 'compaction merges files and keeps rows and their order',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const rows: OfflineValue[][] = [];
        for (let i = 0; i < 5; i += 1) {
          await store.publish(
            change(
              'w',
              [i],
              [
                numbers,
                [
                  [i, i / 2],
                  [-i, i],
                ],
              ],
            ),
          );
          rows.push([BigInt(i), i / 2], [BigInt(-i), i]);
        }
        await store.publish(change('w', [5], [texts, [['a', 'b']]]));
        await store.compact(numbers.name);
        mustEqual(await rowsOf(store, numbers), rows, 'rows');
        mustEqual(stateOf(store, numbers).rows, 10, 'the count of rows');
        mustEqual(filesOf(store, numbers).length, 1, 'files');
        mustEqual(await store.position('w'), { topic: [5] }, 'position');
        mustEqual(await rowsOf(store, texts), [['a', 'b']], 'another table');
      }),
  },
  {
    rule: 7,
    name: 'retention by age drops files whose every row is older, and nothing else',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(
          change(
            'w',
            [1],
            [
              numbers,
              [
                [10, 1],
                [20, 2],
              ],
            ],
          ),
        );
        await store.publish(
          change(
            'w',
            [2],
            [
              numbers,
              [
                [15, 3],
                [null, 4],
                [30, 5],
              ],
            ],
          ),
        );
        await store.publish(change('w', [3], [numbers, [[null, 6]]]));
        const rule = { timeColumn: 'at', maxBytes: Infinity };
        await store.retain(numbers.name, { ...rule, olderThan: 20 });
        mustEqual(stateOf(store, numbers).rows, 6, 'rows when the newest row of the oldest file is not older');
        await store.retain(numbers.name, { ...rule, olderThan: 21 });
        mustEqual(
          await rowsOf(store, numbers),
          [
            [15n, 3],
            [null, 4],
            [30n, 5],
            [null, 6],
          ],
          'rows',
        );
        await store.retain(numbers.name, { ...rule, olderThan: 1_000 });
        mustEqual(await rowsOf(store, numbers), [[null, 6]], 'rows without a time');
      }),
  },
  {
    rule: 7,
    name: 'retention by bytes drops the oldest files beyond the budget',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        for (const at of [300, 100, 200]) await store.publish(change('w', [at], [numbers, [[at, at]]]));
        const { sizeBytes } = stateOf(store, numbers);
        const rule = { timeColumn: 'at', olderThan: -Infinity };
        await store.retain(numbers.name, { ...rule, maxBytes: sizeBytes });
        mustEqual(stateOf(store, numbers).rows, 3, 'rows within the budget');
        await store.retain(numbers.name, { ...rule, maxBytes: sizeBytes - 1 });
        mustEqual(
          await rowsOf(store, numbers),
          [
            [300n, 300],
            [200n, 200],
          ],
          'rows beyond the budget',
        );
        await store.retain(numbers.name, { ...rule, maxBytes: 0 });
        mustEqual(await rowsOf(store, numbers), [], 'rows with no budget');
      }),
  },
  {
    rule: 8,
    name: 'merged files stay readable for open readers, and later are an error that a refresh resolves',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        for (let i = 0; i < 3; i += 1) await store.publish(change('w', [i], [numbers, [[i, i]]]));
        const readers = [await subject.open('read'), await subject.open('read')] as const;
        const early = readers[0].relation(numbers);
        await store.compact(numbers.name);
        await store.publish(change('w', [3], [numbers, [[3, 3]]]));
        mustEqual(
          await rowsOf(readers[0], numbers),
          [
            [0n, 0],
            [1n, 1],
            [2n, 2],
          ],
          'rows of the older reader',
        );
        subject.outlastRetired();
        await store.publish(change('w', [4], [numbers, [[4, 4]]]));
        await mustFail('OFFLINE_GONE', () => collect(readers[0].query(`FROM ${early}`)), 'a relation that is too old');
        await mustFail('OFFLINE_GONE', () => rowsOf(readers[1], numbers), 'a reader that is too old');
        for (const reader of readers) {
          await reader.refresh();
          mustEqual((await rowsOf(reader, numbers)).length, 5, 'rows after the refresh');
          await reader.close();
        }
      }),
  },
  {
    rule: 12,
    name: 'erased rows are in no query and, once purged, in no file; all others stay, in their order',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(
          change(
            'w',
            [1],
            [
              numbers,
              [
                [1, 1],
                [2, 2],
                [3, null],
              ],
            ],
          ),
        );
        await store.publish(change('w', [2], [numbers, [[2, 5]]], [texts, [['2', 'b']]]));
        await store.publish(change('w', [3], [numbers, [[4, 4]]]));
        const before = store.tables().flatMap(({ files }) => files);
        mustEqual(await store.erase(numbers.name, '"value" = 2 OR "at" = 2'), 2, 'rows erased');
        mustEqual(
          await rowsOf(store, numbers),
          [
            [1n, 1],
            [3n, null],
            [4n, 4],
          ],
          'the others',
        );
        mustEqual(await rowsOf(store, texts), [['2', 'b']], 'the other table');
        mustEqual(store.position('w'), { topic: [3] }, 'the position');
        mustEqual(await store.erase(numbers.name, '"at" = 2'), 0, 'rows erased again');
        await store.purge();
        mustEqual(
          await rowsOf(store, numbers),
          [
            [1n, 1],
            [3n, null],
            [4n, 4],
          ],
          'after the purge',
        );
        const left = store.tables().flatMap(({ files }) => files);
        mustEqual(left.filter((file) => before.includes(file)).length, 2, 'files as before');
        await mustFail('OFFLINE_QUERY', () => store.erase(numbers.name, '"nothing" = 1'), 'an unknown column');
        await mustFail('OFFLINE_TABLE', () => store.erase('no table', 'true'), 'an unknown table');
      }),
  },
  {
    rule: 14,
    name: 'files for another engine are all of a table, with their written columns, and stay during the work',
    needs: ['localFiles'],
    run: (subject) =>
      withStore(subject, async (store) => {
        const wider: OfflineTable = { name: numbers.name, columns: { ...numbers.columns, more: 'STRING' } };
        await store.publish(change('w', [1], [numbers, [[1, 1]]]));
        await store.publish(change('w', [2], [numbers, [[2, 2]]]));
        await store.evolve(wider);
        await store.publish(change('w', [3], [wider, [[3, 3, 'c']]]));
        const read = (paths: readonly string[]) => {
          const literals = paths.map((path) => `'${path.replaceAll(/[*?[]/g, '[$&]').replaceAll("'", "''")}'`);
          return collect(store.query(`SELECT "at" FROM read_parquet([${literals.join(', ')}])`));
        };
        let purged: Promise<void> = Promise.resolve();
        const paths = await store.withFiles([wider, texts], async ([files = [], none]) => {
          mustEqual(
            files.map(({ columns }) => Object.keys(columns).length),
            [2, 3],
            'columns of files, in the order of rows',
          );
          mustEqual(none, [], 'files of a table to which nothing was published');
          await store.compact(numbers.name);
          subject.outlastRetired();
          await store.publish(change('w', [4], [texts, [['1', 'a']]]));
          purged = store.purge();
          const all = files.flatMap((each) => each.paths);
          mustEqual(await read(all), [[1n], [2n], [3n]], 'rows of files that a merge took out');
          return all;
        });
        await purged;
        await mustFail('OFFLINE_GONE', () => read(paths), 'files after the work and a purge');
      }),
  },
];
