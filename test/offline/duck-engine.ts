import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { parquetRelation } from '../../src/featurestore/parquet-relation.ts';
import type { Computation, HistoryEngine } from '../../src/ports/history-engine.ts';
import { type OfflineTable, SQL_TYPES } from '../../src/ports/offline-store.ts';

/** An engine of the history in another DuckDB than the offline store's: it reads files and what is brought, as Spark does. */
export function duckEngine(directory: string): HistoryEngine {
  return {
    dialect: duckdb,
    open: async () => ({ compute: (computation) => compute(computation, directory), close: async () => undefined }),
  };
}

async function compute({ tables, brought = [], outputs }: Computation, directory: string) {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const files = new Map<string, readonly (readonly string[])[]>();
  const written: string[] = [];
  const view = (name: string, columns: OfflineTable['columns'], paths: readonly string[]) =>
    connection.run(
      `CREATE VIEW ${name} AS ${paths.length === 0 ? nothing(columns) : `SELECT * FROM ${parquetRelation(paths)}`}`,
    );
  const drop = () => {
    for (const path of written) rmSync(path, { force: true });
  };
  for (const { name, table, files: parts } of tables)
    await view(
      name,
      table.columns,
      parts.flatMap(({ paths }) => paths),
    );
  for (const { name, columns, write } of brought) {
    const path = join(directory, `${name}.brought`);
    written.push(path);
    await write(path);
    await view(name, columns, [path]);
  }
  for (const [i, { name, steps = [], sql }] of outputs.entries()) {
    const path = join(directory, `output-${i}.answers`);
    written.push(path);
    const named = steps.map((step) => `${step.name} AS (${step.sql})`);
    const query = named.length === 0 ? sql : `WITH ${named.join(', ')} ${sql}`;
    await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet)`);
    files.set(name, [[path]]);
  }
  connection.closeSync();
  return { files, drop };
}

function nothing(columns: OfflineTable['columns']): string {
  const list = Object.entries(columns).map(([name, type]) => `CAST(NULL AS ${SQL_TYPES[type]}) AS "${name}"`);
  return `SELECT ${list.join(', ')} WHERE false`;
}
