import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { openOfflineStore } from '../src/backends/embedded/offline/offline-store.ts';
import type { OfflineTable } from '../src/ports/offline-store.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/**
 * Rows from JavaScript memory to a published Parquet file, power loss survived. The yardstick has no JavaScript in it:
 * DuckDB makes the same rows itself, writes them with the same compression, and the file is synced.
 */
const ROWS = 1_000_000;
const COLUMNS = 8;

const names = Array.from({ length: COLUMNS }, (_, c) => `c${c}`);
const table: OfflineTable = { name: 'numbers@1', columns: Object.fromEntries(names.map((name) => [name, 'BIGINT'])) };
const columns = names.map((_, c) => Array.from({ length: ROWS }, (__, i) => numberAt(i, c)));
const directory = mkdtempSync(join(tmpdir(), 'bench-publish-'));
const store = await openOfflineStore({
  path: join(directory, 'store'),
  access: 'write',
  clock: Date.now,
  keepRetiredMs: 0,
});
const connection = await (await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GiB' })).connect();
try {
  const rates = await measureRates(
    { publish: { operations: ROWS, run: publish }, copy: { operations: ROWS, run: copy } },
    { warmUps: 1, rounds: 5 },
  );
  printFigure({
    name: 'rows of 8 numbers published to the history',
    unit: 'rows/s',
    value: rates.publish,
    yardstick: 'DuckDB alone, rows made by it',
    yardstickValue: rates.copy,
    aim: { of: 'value', atLeast: 1_000_000 },
  });
} finally {
  connection.closeSync();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
}

async function publish(): Promise<void> {
  await store.publish({ writer: 'bench', position: {}, mode: 'replace', tables: [{ table, rows: ROWS, columns }] });
}

async function copy(): Promise<void> {
  const path = join(directory, 'copy.parquet');
  const made = names.map((name, c) => `(range * 48271 + ${c}) % 2147483647 + range AS ${name}`);
  await connection.run(
    `COPY (SELECT ${made.join(', ')} FROM range(${ROWS})) TO '${path}' (FORMAT PARQUET, COMPRESSION ZSTD)`,
  );
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}

/** The same numbers in both, which neither compresses away. */
function numberAt(i: number, column: number): number {
  return ((i * 48_271 + column) % 2_147_483_647) + i;
}
