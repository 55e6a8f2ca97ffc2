import type { OfflineChange, OfflineTable } from '../../../ports/offline-store.ts';
import { mustEqual, mustFail } from '../contract.ts';
import type { OfflineStoreContract } from './subject.ts';
import { all, change, edges, misfits, numbers, rowsOf, withStore } from './tables.ts';

/** Values and columns: rules 2, 9 and 11. */
export const offlineValueContracts: readonly OfflineStoreContract[] = [
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
];
