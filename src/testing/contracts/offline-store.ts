import type { OfflineChange, OfflineStore, OfflineTable, OfflineValue } from '../../ports/offline-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: one store that nobody has opened yet. */
export interface OfflineStoreSubject {
  /** Opens the store; every call returns a new handle. */
  readonly open: (access: 'write' | 'read') => Promise<OfflineStore>;
  /** Lets pass as long as files that were taken out of tables are kept. */
  readonly outlastRetired: () => void;
  /** A directory outside the store that exports may be written to. */
  readonly outside: string;
  /** Changes files behind the store's back. */
  readonly files: {
    readonly remove: (path: string) => void;
    readonly truncate: (path: string) => void;
    readonly replace: (path: string, by: string) => void;
  };
}

/** localFiles: the files of `tables()` are paths that the subject can damage. */
export type OfflineStoreNeed = 'localFiles';

export type OfflineStoreContract = Contract<OfflineStoreSubject, OfflineStoreNeed>;

const numbers: OfflineTable = { name: 'numbers@1', columns: { at: 'BIGINT', value: 'DOUBLE' } };
const texts: OfflineTable = { name: 'texts/by_key@2/300000', columns: { id: 'STRING', Mixed_Case: 'STRING' } };
const all: OfflineTable = {
  name: 'all@1',
  columns: {
    a: 'BIGINT',
    b: 'DOUBLE',
    c: 'BOOLEAN',
    d: 'STRING',
    e: 'DECIMAL',
    f: 'BLOB',
    g: 'LIST<BIGINT>',
    h: 'LIST<DOUBLE>',
    i: 'LIST<STRING>',
    j: 'LIST<BOOLEAN>',
  },
};

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const DECIMAL_MAX = 10n ** 38n - 1n;

/** Rows of `all` at the limits of the types. */
const edges: readonly (readonly OfflineValue[])[] = [
  [0n, 0, false, '', 0n, new Uint8Array(), [], [], [], []],
  [null, null, null, null, null, null, null, null, null, null],
  [
    INT64_MAX,
    Number.MAX_VALUE,
    true,
    '\'"\\\0\n%*?[x]',
    DECIMAL_MAX,
    bytes(0, 255, 39),
    [INT64_MIN],
    [-0],
    ['', '\0'],
    [true],
  ],
  [
    INT64_MIN,
    -0,
    true,
    'Ω🜂é',
    -DECIMAL_MAX,
    bytes(7),
    [1n, 2n, 3n],
    [0.1, Number.MIN_VALUE],
    ['Ω', 'a'],
    [false, true],
  ],
  [
    2n ** 53n + 1n,
    Number.NaN,
    false,
    'x'.repeat(5_000),
    2n ** 100n,
    bytes(1, 2),
    [0n],
    [Infinity, NaN],
    ['x'],
    [false],
  ],
  [-1n, -Infinity, true, 'NULL', -1n, bytes(0), [-1n], [1e300], ['null'], [true, true]],
];

/** Values that a column must refuse, with the column. */
const misfits: readonly (readonly [column: string, value: OfflineValue])[] = [
  ['a', 1.5],
  ['a', 2 ** 53],
  ['a', 2n ** 63n],
  ['a', '1'],
  ['b', 1n],
  ['c', 1],
  ['d', 7],
  ['d', '\ud800'],
  ['e', 10n ** 38n],
  ['e', 0.5],
  ['f', 'x'],
  ['g', [1.5]],
  ['h', ['x']],
  ['i', 'not a list'],
  ['j', [1]],
];

/** The rules of {@link OfflineStore}. */
export const offlineStoreContracts: readonly OfflineStoreContract[] = [
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
    rule: 2,
    name: 'every type reads back equal at its limits, also after a restart',
    needs: [],
    run: async (subject) => {
      await withStore(subject, async (store) => {
        await store.publish(change('w', [1], [all, edges]));
        mustEqual(await rowsOf(store, all), edges, 'rows of the same store');
      });
      await withStore(subject, async (store) => mustEqual(await rowsOf(store, all), edges, 'rows after a restart'));
    },
  },
  {
    rule: 2,
    name: 'whole numbers read back equal, from numbers, bigints or typed arrays',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const ways = [
          [-1, 2 ** 53 - 1],
          [-1n, 2n ** 53n - 1n],
          [-1, 2n ** 53n - 1n],
          new Float64Array([-1, 2 ** 53 - 1]),
          new BigInt64Array([-1n, 2n ** 53n - 1n]),
        ] as const;
        for (const at of ways) {
          const tables = [{ table: numbers, rows: 2, columns: [at, new Float64Array([0.25, -0])] }];
          await store.publish({ writer: 'w', position: {}, mode: 'replace', tables });
          mustEqual(
            await rowsOf(store, numbers),
            [
              [-1n, 0.25],
              [2n ** 53n - 1n, -0],
            ],
            'rows',
          );
        }
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
    rule: 9,
    name: 'a value that its column does not hold exactly is rejected',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const names = Object.keys(all.columns);
        for (const [column, value] of misfits) {
          const row = (edges[0] ?? []).map((each, i) => (names[i] === column ? value : each));
          const attempt = () => store.publish(change('w', [1], [all, [edges[1] ?? [], row]]));
          const error = await mustFail('OFFLINE_VALUE', attempt, `column ${column} given ${String(value)}`);
          if (!error.message.includes(`"${column}"`)) throw new Error(`"${error.message}" does not name ${column}`);
        }
        mustEqual(store.tables(), [], 'tables');
      }),
  },
  {
    rule: 9,
    name: 'columns of another table and rows of unequal length are rejected; a replacement may change columns',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        await store.publish(change('w', [1], [numbers, [[1, 1]]]));
        const wider: OfflineTable = { ...numbers, columns: { ...numbers.columns, more: 'STRING' } };
        const attempt = () => store.publish(change('w', [2], [wider, [[2, 2, 'x']]]));
        await mustFail('OFFLINE_COLUMNS', attempt, 'a column more');
        await mustFail('OFFLINE_COLUMNS', () => rowsOf(store, wider), 'reading a column more');
        const uneven = { table: numbers, rows: 2, columns: [[1, 2], [1]] };
        const ragged: OfflineChange = { writer: 'w', position: {}, mode: 'append', tables: [uneven] };
        await mustFail('OFFLINE_ROWS', () => store.publish(ragged), 'a value less');
        await store.publish({ ...change('w', [2], [wider, [[2, 2, 'x']]]), mode: 'replace' });
        mustEqual(await rowsOf(store, wider), [[2n, 2, 'x']], 'the replaced table');
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
  {
    rule: 11,
    name: 'an evolved table reads the same number in a column that is DECIMAL now, and accepts wider ones',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const name = numbers.name;
        const narrow: OfflineTable = { name, columns: { at: 'BIGINT', value: 'BIGINT' } };
        const wide: OfflineTable = { name, columns: { at: 'BIGINT', value: 'DECIMAL' } };
        const ends = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 0n];
        const before = ends.map((value, i) => [BigInt(i), value]);
        await store.publish(change('w', [1], [narrow, before]));
        await store.evolve(wide);
        mustEqual(await rowsOf(store, wide), before, 'rows from before');
        const wider = [10n ** 38n - 1n, 1n - 10n ** 38n, 2n ** 63n, 7n].map((value, i) => [BigInt(4 + i), value]);
        await store.publish(change('w', [2], [wide, [...wider.slice(3), ...wider.slice(0, 3)]]));
        const all = [...before, ...wider.slice(3), ...wider.slice(0, 3)];
        mustEqual(await rowsOf(store, wide), all, 'rows of both');
        await store.compact(name);
        mustEqual(await rowsOf(store, wide), all, 'merged');
        await mustFail('OFFLINE_COLUMNS', () => store.evolve(narrow), 'no way back');
      }),
  },
  {
    rule: 11,
    name: 'an evolved table reads null in its new columns and the same number in one that is a double now',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const whole: OfflineTable = { name: numbers.name, columns: { at: 'BIGINT', value: 'BIGINT' } };
        const wider: OfflineTable = { name: numbers.name, columns: { more: 'STRING', value: 'DOUBLE', at: 'BIGINT' } };
        await store.evolve(wider);
        mustEqual(store.tables(), [], 'a table that is not stored');
        await store.publish(
          change(
            'w',
            [1],
            [
              whole,
              [
                [1, 2 ** 53 - 1],
                [2, -7],
              ],
            ],
          ),
        );
        await store.evolve(wider);
        await store.evolve(wider);
        const before = [
          [null, 2 ** 53 - 1, 1n],
          [null, -7, 2n],
        ];
        mustEqual(await rowsOf(store, wider), before, 'rows from before');
        await store.publish(change('w', [2], [wider, [['x', 0.5, 3]]]));
        mustEqual(await rowsOf(store, wider), [...before, ['x', 0.5, 3n]], 'rows of both');
        await store.compact(numbers.name);
        mustEqual(await rowsOf(store, wider), [...before, ['x', 0.5, 3n]], 'merged');
        mustEqual(store.position('w'), { topic: [2] }, 'the position');
        const others: readonly OfflineTable['columns'][] = [whole.columns, { ...wider.columns, at: 'STRING' }, {}];
        for (const columns of others) {
          await mustFail('OFFLINE_COLUMNS', () => store.evolve({ name: numbers.name, columns }), 'no way back');
        }
        mustEqual(await rowsOf(store, wider), [...before, ['x', 0.5, 3n]], 'after what was refused');
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
    rule: 13,
    name: 'an export is a file of exactly the rows given, from a query or in batches, and an error leaves none',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const path = (name: string) => `${subject.outside}/${name}.parquet`;
        mustEqual(await store.exportRows(all, batchesOf(edges), path('rows')), edges.length, 'rows written');
        mustEqual(await store.exportRows(all, batchesOf([]), path('none')), 0, 'rows of an empty export');
        const file = (name: string) => collect(store.query(`FROM read_parquet('${path(name)}')`));
        mustEqual(await file('rows'), edges, 'rows of the file');
        mustEqual(await file('none'), [], 'rows of the empty file');
        await store.publish(
          change(
            'w',
            [1],
            [
              numbers,
              [
                [2, 2],
                [1, 1],
              ],
            ],
          ),
        );
        const sql = `SELECT value, "at" FROM ${store.relation(numbers)} ORDER BY "at"`;
        mustEqual(await store.exportParquet(sql, path('query')), 2, 'rows exported');
        mustEqual(
          await file('query'),
          [
            [1, 1n],
            [2, 2n],
          ],
          'rows of the exported file',
        );
        await mustFail('OFFLINE_QUERY', () => store.exportParquet('SELECT nothing', path('bad')), 'a wrong query');
        await mustFail('OFFLINE_QUERY', () => file('bad'), 'the file of a wrong query');
      }),
  },
  {
    rule: 13,
    name: 'batches of an export keep their order when their numbers become wide between them',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const path = `${subject.outside}/wide.parquet`;
        const given = [
          [1, 1],
          [2n ** 60n, 2],
          [3, 3],
          [null, 4],
          [4n, 5],
        ];
        await store.exportRows(numbers, batchesOf(given, numbers), path);
        const wanted = [
          [1n, 1],
          [2n ** 60n, 2],
          [3n, 3],
          [null, 4],
          [4n, 5],
        ];
        mustEqual(await collect(store.query(`FROM read_parquet('${path}')`)), wanted, 'rows of the file');
      }),
  },
  {
    rule: 13,
    name: 'wrong SQL is an error, a query that is closed early does no harm, and a closed store answers nothing',
    needs: [],
    run: async (subject) => {
      const left = await withStore(subject, async (store) => {
        await mustFail('OFFLINE_QUERY', () => collect(store.query('SELECT FROM WHERE')), 'wrong SQL');
        await mustFail('OFFLINE_QUERY', () => collect(store.query('SELECT * FROM nowhere')), 'an unknown table');
        for await (const rows of store.query('SELECT * FROM range(10000000)')) {
          mustEqual(typeof rows[0]?.[0], 'bigint', 'a row of range');
          break;
        }
        mustEqual(await collect(store.query('SELECT 1::BIGINT, NULL')), [[1n, null]], 'rows of the next query');
        return store;
      });
      await mustFail('OFFLINE_CLOSED', () => collect(left.query('SELECT 1')), 'a query of a closed store');
      await mustFail(
        'OFFLINE_CLOSED',
        () => left.publish(change('w', [1], [numbers, []])),
        'a change of a closed store',
      );
    },
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

/** A change to one topic's position that appends rows. */
function change(
  writer: string,
  position: readonly number[],
  ...tables: readonly (readonly [OfflineTable, readonly (readonly OfflineValue[])[]])[]
): OfflineChange {
  return {
    writer,
    position: { topic: position },
    mode: 'append',
    tables: tables.map(([table, rows]) => ({ table, ...columnsOf(table, rows) })),
  };
}

function columnsOf(table: OfflineTable, rows: readonly (readonly OfflineValue[])[]) {
  return { rows: rows.length, columns: Object.keys(table.columns).map((_, i) => rows.map((row) => row[i] ?? null)) };
}

async function* batchesOf(rows: readonly (readonly OfflineValue[])[], table = all) {
  for (const row of rows) yield columnsOf(table, [row]);
}

async function rowsOf(store: OfflineStore, table: OfflineTable): Promise<readonly (readonly OfflineValue[])[]> {
  return collect(store.query(`SELECT * FROM ${store.relation(table)} AS t`));
}

async function collect(
  batches: AsyncIterable<readonly (readonly OfflineValue[])[]>,
): Promise<readonly (readonly OfflineValue[])[]> {
  const rows: (readonly OfflineValue[])[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

function stateOf(store: OfflineStore, table: OfflineTable) {
  const state = store.tables().find((each) => each.table.name === table.name);
  if (state === undefined) throw new Error(`there is no table ${table.name}`);
  return state;
}

function filesOf(store: OfflineStore, table: OfflineTable): readonly string[] {
  return stateOf(store, table).files;
}

async function withStore<T>(subject: OfflineStoreSubject, work: (store: OfflineStore) => Promise<T>): Promise<T> {
  const store = await subject.open('write');
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values);
}
