import { mustEqual, mustFail } from '../contract.ts';
import type { OfflineStoreContract } from './subject.ts';
import { all, batchesOf, change, collect, edges, numbers, withStore } from './tables.ts';

/** Queries and exports: rule 13. */
export const offlineExportContracts: readonly OfflineStoreContract[] = [
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
    rule: 15,
    name: 'rows of queries are published with their position, in the types of their table, and a wrong query changes nothing',
    needs: [],
    run: (subject) =>
      withStore(subject, async (store) => {
        const publish = (sqls: readonly string[], position: number, mode: 'append' | 'replace' = 'append') =>
          store.publishQueries({
            writer: 'w',
            position: { w: [position] },
            mode,
            appends: sqls.map((sql) => ({ table: numbers, sql })),
          });
        const rows = () => collect(store.query(`SELECT "at", value FROM ${store.relation(numbers)} ORDER BY "at"`));
        const [first, second] = [
          'SELECT 1.5::DECIMAL(3,1) AS value, 1::INTEGER AS "at"',
          'SELECT 2 AS "at", 2 AS value',
        ];
        mustEqual(await publish([first, second], 2), 2, 'rows published');
        const wanted = [
          [1n, 1.5],
          [2n, 2],
        ];
        mustEqual(await rows(), wanted, 'rows');
        await mustFail('OFFLINE_QUERY', () => publish([first, 'SELECT nothing'], 3), 'a wrong query');
        mustEqual(await rows(), wanted, 'rows after it');
        mustEqual(await store.position('w'), { w: [2] }, 'the position after it');
        await mustFail(
          'OFFLINE_QUERY',
          () => publish(['SELECT nothing'], 3, 'replace'),
          'a wrong query in their place',
        );
        mustEqual(await rows(), wanted, 'rows that stay');
        mustEqual(await publish(['SELECT 3 AS "at", NULL AS value'], 3, 'replace'), 1, 'rows in their place');
        mustEqual(await rows(), [[3n, null]], 'rows that were replaced');
        mustEqual(await store.position('w'), { w: [3] }, 'the position of the replacement');
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
];
