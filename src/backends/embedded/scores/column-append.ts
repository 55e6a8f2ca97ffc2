import {
  ARRAY,
  BIGINT,
  BOOLEAN,
  DOUBLE,
  DuckDBArrayVector,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBVector,
  FLOAT,
  INTEGER,
  SMALLINT,
  TINYINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import type { ScoredColumn, ScoredRange } from '../../../ports/score-files.ts';

/** Rows that are appended at a time. */
const CHUNK = 2_048;

const TYPES: Readonly<Record<ScoredColumn['type'], DuckDBType>> = {
  BOOL: BOOLEAN,
  UINT8: UTINYINT,
  UINT16: USMALLINT,
  UINT32: UINTEGER,
  UINT64: UBIGINT,
  INT8: TINYINT,
  INT16: SMALLINT,
  INT32: INTEGER,
  INT64: BIGINT,
  FP32: FLOAT,
  FP64: DOUBLE,
  BYTES: VARCHAR,
};

/** The SQL of a column of the table `scored AS s` that {@link appendColumns} makes. */
export function columnSql(place: number): string {
  return `s.c${place}`;
}

/** Makes the temporary table `scored`: the columns, and whether each row is scored where one is not. Says whether all are. */
export async function appendColumns(connection: DuckDBConnection, scored: ScoredRange): Promise<boolean> {
  const { from, to, isScored, columns } = scored;
  const isWhole = !isScored.includes(0);
  const flags = isWhole ? [] : [{ name: '', type: 'BOOL', width: null, data: isScored } as const];
  const all = [...columns, ...flags];
  const types = all.map(typeOf);
  const names = [...columns.map((_, i) => `c${i}`), ...flags.map(() => 'is_scored')];
  const list = names.map((name, i) => `${name} ${types[i]}`).join(', ');
  await connection.run(`CREATE OR REPLACE TEMP TABLE scored (${list})`);
  const appender = await connection.createAppender('scored');
  try {
    for (let at = 0; at < to - from; at += CHUNK) {
      const size = Math.min(CHUNK, to - from - at);
      const chunk = DuckDBDataChunk.create(types, size);
      for (const [i, column] of all.entries()) fill(chunk.getColumnVector(i), column, at, size);
      appender.appendDataChunk(chunk);
    }
  } finally {
    appender.closeSync();
  }
  return isWhole;
}

function typeOf({ type, width }: ScoredColumn): DuckDBType {
  return width === null ? TYPES[type] : ARRAY(TYPES[type], width);
}

/** Fills a vector with rows [at, at + size) of a column. */
function fill(vector: DuckDBVector, { type, width, data }: ScoredColumn, at: number, size: number): void {
  const [from, to] = [at * (width ?? 1), (at + size) * (width ?? 1)];
  const inner: unknown = vector instanceof DuckDBArrayVector ? Reflect.get(vector, 'childData') : vector;
  if (!isVector(inner)) throw new Error('DuckDB gives no items of a list to write to');
  const items: unknown = Reflect.get(inner, 'items');
  if (type !== 'BOOL' && !Array.isArray(data) && ArrayBuffer.isView(items) && items.constructor === data.constructor) {
    const part = data.slice(from, to);
    Reflect.apply(Reflect.get(items, 'set'), items, [part]);
  } else for (let i = from; i < to; i += 1) inner.setItem(i - from, type === 'BOOL' ? data[i] === 1 : data[i]);
  if (inner !== vector) inner.flush();
  vector.flush();
}

interface WritableVector {
  setItem(place: number, value: unknown): void;
  flush(): void;
}

function isVector(value: unknown): value is WritableVector {
  return typeof value === 'object' && value !== null && 'setItem' in value && 'flush' in value;
}
