import type { BatchViewData } from '../../src/features/define/declaration.ts';
import {
  batchView,
  bool,
  decimal,
  entity,
  eventSource,
  int,
  int64,
  list,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';

/** A type of key, of which the i-th is given in SQL and as values. */
interface NumberedKey {
  readonly columns: Columns;
  /** SQL of its columns over the BIGINT `i`. */
  readonly sql: string;
  readonly values: (i: number) => readonly Value[];
}

/** Their order is another one than that of `i`: 7919 and 100003 are primes. */
const shuffled = (i: number) => (i * 7_919) % 100_003;
const SHUFFLED = '((i * 7919) % 100003)';
const TEXT = `repeat('é', CAST(i % 3 AS INTEGER)) || CAST(${SHUFFLED} AS VARCHAR)`;
const textOf = (i: number) => `${'é'.repeat(i % 3)}${shuffled(i)}`;

export const numberedKeys: Readonly<Record<string, NumberedKey>> = {
  text: { columns: { k: text() }, sql: `${TEXT} AS k`, values: (i) => [textOf(i)] },
  int: { columns: { k: int() }, sql: `${SHUFFLED} - 50000 AS k`, values: (i) => [shuffled(i) - 50_000] },
  int64: {
    columns: { k: int64() },
    sql: `(${SHUFFLED} - 50000) * 184467440737 AS k`,
    values: (i) => [BigInt(shuffled(i) - 50_000) * 184_467_440_737n],
  },
  time: {
    columns: { k: time() },
    sql: `1700000000000 + ${SHUFFLED} AS k`,
    values: (i) => [1_700_000_000_000 + shuffled(i)],
  },
  decimal: {
    columns: { k: decimal(2) },
    sql: `CAST(${SHUFFLED} AS DECIMAL(16,0)) * 0.25 AS k`,
    values: (i) => [BigInt(shuffled(i)) * 25n],
  },
  'bool and text': {
    columns: { b: bool(), k: text() },
    sql: `i % 2 = 0 AS b, ${TEXT} AS k`,
    values: (i) => [i % 2 === 0, textOf(i)],
  },
};

const clicks = eventSource('clicks', { id: 'id', time: 'at', columns: { id: text(), at: time() } });
const features = { n: int(), text: text(), many: list(int()) };

/** A view whose SQL is `select`, which has the columns of the key, `n`, `text` and `many`. */
export function viewOf({ columns }: NumberedKey, select: () => string): BatchViewData {
  const made = batchView('numbered', {
    entity: entity('numbered', { k: text() }),
    schedule: '0 3 * * *',
    freshness: '26h',
    reads: { clicks },
    features,
    sql: () => sql``,
  });
  return {
    ...made,
    entity: { ...made.entity, key: columns },
    get sql() {
      return { kind: 'sql' as const, text: select() };
    },
  };
}

/** SQL of rows, `where` of `i` below `rows`; their values have the stamp. */
export function numberedSql(key: NumberedKey, rows: number, where: string, stamp: number): string {
  return `SELECT ${key.sql}, i + ${stamp} AS n, 't' || i AS text, [i, ${stamp}] AS many FROM range(${rows}) AS r(i) WHERE ${where}`;
}

/** The values of the i-th row. */
export function numberedValues(i: number, stamp: number): readonly Value[] {
  return [i + stamp, `t${i}`, [i, stamp]];
}

/** The i-th key as the stores have it. */
export function numberedKey(key: NumberedKey, i: number): string {
  return entityKeyCodec(key.columns).encode(key.values(i)) ?? '';
}
