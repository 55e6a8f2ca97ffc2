import type { OfflineChange, OfflineStore, OfflineTable, OfflineValue } from '../../../ports/offline-store.ts';
import type { OfflineStoreSubject } from './subject.ts';

export const numbers: OfflineTable = { name: 'numbers@1', columns: { at: 'BIGINT', value: 'DOUBLE' } };
export const texts: OfflineTable = { name: 'texts/by_key@2/300000', columns: { id: 'STRING', Mixed_Case: 'STRING' } };
export const all: OfflineTable = {
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
export const edges: readonly (readonly OfflineValue[])[] = [
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
export const misfits: readonly (readonly [column: string, value: OfflineValue])[] = [
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

/** A change to one topic's position that appends rows. */
export function change(
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

export async function* batchesOf(rows: readonly (readonly OfflineValue[])[], table = all) {
  for (const row of rows) yield columnsOf(table, [row]);
}

export async function rowsOf(store: OfflineStore, table: OfflineTable): Promise<readonly (readonly OfflineValue[])[]> {
  return collect(store.query(`SELECT * FROM ${store.relation(table)} AS t`));
}

export async function collect(
  batches: AsyncIterable<readonly (readonly OfflineValue[])[]>,
): Promise<readonly (readonly OfflineValue[])[]> {
  const rows: (readonly OfflineValue[])[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

export function stateOf(store: OfflineStore, table: OfflineTable) {
  const state = store.tables().find((each) => each.table.name === table.name);
  if (state === undefined) throw new Error(`there is no table ${table.name}`);
  return state;
}

export function filesOf(store: OfflineStore, table: OfflineTable): readonly string[] {
  return stateOf(store, table).files;
}

export async function withStore<T>(
  subject: OfflineStoreSubject,
  work: (store: OfflineStore) => Promise<T>,
): Promise<T> {
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
