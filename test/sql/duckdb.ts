import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBValue,
  LIST,
  VARCHAR,
} from '@duckdb/node-api';
import { onTestFinished } from 'vitest';
import type { EventSourceData } from '../../src/features/define/declaration.ts';
import { Admission } from '../../src/features/engine/admission.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import type { SqlType, Table } from '../../src/features/plan/table.ts';
import type { SqlValue } from '../../src/features/sql/decode.ts';

/** A DuckDB in memory with the tables that a test puts into it. */
export interface TestDatabase {
  /** Makes a table; the name is quoted by {@link relationOf}. */
  create(table: Table, rows: readonly (readonly SqlValue[])[]): Promise<void>;
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<readonly (readonly SqlValue[])[]>;
  close(): void;
}

/** One test's own database, closed when the test ends: a test that is cut off takes no other with it. */
export async function openForTest(): Promise<TestDatabase> {
  const database = await openDatabase();
  onTestFinished(() => database.close());
  return database;
}

export async function openDatabase(): Promise<TestDatabase> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  return {
    create: (table, rows) => createTable(connection, table, rows),
    run: async (sql) => {
      await connection.run(sql);
    },
    rows: async (sql) => {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRows().map((row) => row.map(toSqlValue));
    },
    close: () => {
      connection.interrupt();
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A table in a FROM clause. */
export function relationOf({ name }: Table): string {
  return `"${name}"`;
}

/** A delivery and where it is in the log. */
export interface LoggedDelivery extends Delivery {
  readonly partition: number;
  readonly offset: number;
}

/**
 * Puts deliveries into the raw table of their source: the first half in log order without a verdict, as the first format
 * of the history had them, the others judged.
 */
export async function createRaw(
  database: TestDatabase,
  source: EventSourceData,
  deliveries: readonly LoggedDelivery[],
): Promise<void> {
  const inOrder = [...deliveries].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  const admission = new Admission(source, Number.POSITIVE_INFINITY);
  await database.create(
    rawTable(source),
    inOrder.map((delivery, i) => {
      const { row, ingestTs, partition, offset } = delivery;
      const verdict = admission.judge(delivery, 0);
      return [...row, BigInt(ingestTs), BigInt(partition), BigInt(offset), i * 2 < inOrder.length ? null : verdict];
    }),
  );
}

const TYPES: Readonly<Record<SqlType, string>> = {
  BIGINT: 'BIGINT',
  DOUBLE: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
  STRING: 'VARCHAR',
  DECIMAL: 'DECIMAL(38,0)',
  'LIST<BIGINT>': 'BIGINT[]',
  'LIST<DOUBLE>': 'DOUBLE[]',
  'LIST<STRING>': 'VARCHAR[]',
  'LIST<BOOLEAN>': 'BOOLEAN[]',
};

const ELEMENTS: Readonly<Partial<Record<SqlType, typeof BIGINT | typeof DOUBLE | typeof VARCHAR | typeof BOOLEAN>>> = {
  'LIST<BIGINT>': BIGINT,
  'LIST<DOUBLE>': DOUBLE,
  'LIST<STRING>': VARCHAR,
  'LIST<BOOLEAN>': BOOLEAN,
};

async function createTable(
  connection: DuckDBConnection,
  table: Table,
  rows: readonly (readonly SqlValue[])[],
): Promise<void> {
  const columns = Object.entries(table.columns);
  const declared = columns.map(([name, type]) => `"${name}" ${TYPES[type]}`);
  await connection.run(`CREATE TABLE ${relationOf(table)} (${declared.join(', ')})`);
  const appender = await connection.createAppender(table.name);
  for (const row of rows) {
    row.forEach((value, index) => {
      if (value === null) appender.appendNull();
      else if (columns[index][1] === 'BIGINT') appender.appendBigInt(BigInt(value as bigint | number));
      else if (columns[index][1] === 'DOUBLE') appender.appendDouble(Number(value));
      else if (columns[index][1] === 'BOOLEAN') appender.appendBoolean(value === true);
      else if (columns[index][1] === 'STRING') appender.appendVarchar(String(value));
      else if (Array.isArray(value)) {
        const type = columns[index][1];
        const items = type === 'LIST<BIGINT>' ? value.map(BigInt) : value;
        appender.appendList(items, LIST(ELEMENTS[type] ?? VARCHAR));
      } else throw new TypeError(`a test cannot append ${columns[index][1]}`);
    });
    appender.endRow();
  }
  appender.closeSync();
}

function toSqlValue(value: DuckDBValue): SqlValue {
  if (value === null || typeof value === 'bigint' || typeof value === 'number') return value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if ('items' in value) return value.items as (bigint | number | string | boolean)[];
  if ('scale' in value) return value.value;
  throw new TypeError(`a test cannot read ${String(value)}`);
}
