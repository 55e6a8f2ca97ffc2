// Hot path: the work per value is chosen once per column.
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBListValue,
  type DuckDBType,
  type DuckDBValue,
  type DuckDBVector,
  ENUM,
  HUGEINT,
  LIST,
  VARCHAR,
} from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import { type OfflineType, type OfflineValue, type RowBatch, SQL_TYPES } from '../../../ports/offline-store.ts';
import { HOLDS } from '../../../ports/offline-value.ts';

/** The values of one column as the port takes them. */
export type ColumnValues = RowBatch['columns'][number];

/** A column on its way into DuckDB: the type it is staged as, and how its values get there. */
export interface StagedColumn {
  readonly type: DuckDBType;
  /** Writes values `from` to `from + count` into the rows of a vector. Error: OFFLINE_VALUE. */
  readonly write: (vector: DuckDBVector, from: number, count: number) => void;
}

/** Chooses how a column is staged, which checks each value as it is written; `wide` asks for whole numbers as bigint, `few` are all texts that there are. Error: OFFLINE_VALUE. */
export function stagedColumn(
  table: string,
  column: string,
  type: OfflineType,
  values: ColumnValues,
  wide: boolean,
  few: readonly string[] | null,
): StagedColumn {
  const refuse = (value: unknown): Error =>
    fail('OFFLINE_VALUE', { table, column, found: shown(value), type: SQL_TYPES[type] });
  switch (type) {
    case 'BIGINT':
      return wholeNumbers(values, wide, BIGINT, HOLDS.BIGINT, refuse);
    case 'DECIMAL':
      return wholeNumbers(values, wide, HUGEINT, HOLDS.DECIMAL, refuse);
    case 'DOUBLE':
      return { type: DOUBLE, write: asTheyAre(values, HOLDS.DOUBLE, refuse) };
    case 'BOOLEAN':
      return { type: BOOLEAN, write: asTheyAre(values, HOLDS.BOOLEAN, refuse) };
    case 'STRING':
      // Each of few goes over once, in the type: in the rows it is a number.
      return few === null
        ? { type: VARCHAR, write: asTheyAre(values, HOLDS.STRING, refuse) }
        : { type: ENUM(few), write: asTheyAre(values, HOLDS.STRING, refuse) };
    case 'BLOB':
      return { type: BLOB, write: converted(values, toBlob, HOLDS.BLOB, refuse) };
    case 'LIST<BIGINT>':
      return { type: LIST(BIGINT), write: converted(values, listFrom(toBigInt), HOLDS[type], refuse) };
    case 'LIST<DOUBLE>':
      return { type: LIST(DOUBLE), write: converted(values, listFrom(asIs), HOLDS[type], refuse) };
    case 'LIST<STRING>':
      return { type: LIST(VARCHAR), write: converted(values, listFrom(asIs), HOLDS[type], refuse) };
    case 'LIST<BOOLEAN>':
      return { type: LIST(BOOLEAN), write: converted(values, listFrom(asIs), HOLDS[type], refuse) };
    default:
      return type satisfies never;
  }
}

type Refuse = (value: unknown) => Error;

/** Numbers are staged as doubles, which hold each of them exactly, and cast on the way to the file: no bigint per value. */
function wholeNumbers(
  values: ColumnValues,
  wanted: boolean,
  whole: DuckDBType,
  fits: Fits,
  refuse: Refuse,
): StagedColumn {
  let wide = wanted;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    if (value === null || Number.isSafeInteger(value)) continue;
    if (!fits(value)) throw refuse(value);
    wide = true;
  }
  return wide
    ? { type: whole, write: converted(values, toBigInt, fits, refuse) }
    : { type: DOUBLE, write: asTheyAre(values, HOLDS.DOUBLE, refuse) };
}

type Fits = (value: unknown) => boolean;

function asTheyAre(values: ColumnValues, fits: Fits, refuse: Refuse): StagedColumn['write'] {
  return (vector, from, count) => {
    for (let i = 0; i < count; i += 1) {
      const value = values[from + i];
      if (value !== null && !fits(value)) throw refuse(value);
      vector.setItem(i, asIs(value));
    }
    vector.flush();
  };
}

function converted(
  values: ColumnValues,
  convert: (value: OfflineValue) => DuckDBValue,
  fits: Fits,
  refuse: Refuse,
): StagedColumn['write'] {
  return (vector, from, count) => {
    for (let i = 0; i < count; i += 1) {
      const value = values[from + i];
      if (value !== null && !fits(value)) throw refuse(value);
      vector.setItem(i, value === null ? null : convert(value));
    }
    vector.flush();
  };
}

// Values were checked before; these functions only narrow the type for the compiler.

function asIs(value: OfflineValue): DuckDBValue {
  return typeof value === 'object' ? null : value;
}

function toBigInt(value: OfflineValue): DuckDBValue {
  return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : null;
}

function toBlob(value: OfflineValue): DuckDBValue {
  return value instanceof Uint8Array ? new DuckDBBlobValue(value) : null;
}

function listFrom(convert: (value: OfflineValue) => DuckDBValue): (value: OfflineValue) => DuckDBValue {
  return (value) => new DuckDBListValue(Array.isArray(value) ? value.map(convert) : []);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : String(value);
}
