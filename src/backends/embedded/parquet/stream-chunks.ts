import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';

/**
 * The chunks of a query's result, as they come: all of them, or an error. Leaves the connection within a transaction.
 * Errors: those of DuckDB, OFFLINE_CUT.
 *
 * DuckDB gives no chunk after an error in the middle of a result, as it does after the last row, and its Node API has no
 * call that tells the two apart. An error that comes while a query runs aborts the query's transaction, and an aborted
 * transaction takes no further query.
 */
export async function* streamChunks(connection: DuckDBConnection, sql: string): AsyncGenerator<DuckDBDataChunk> {
  await connection.run('BEGIN TRANSACTION');
  const result = await connection.stream(sql);
  let rows = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; ) {
    rows += chunk.rowCount;
    yield chunk;
    chunk = await result.fetchChunk();
  }
  if (await isAborted(connection)) throw await reasonOf(connection, sql, rows);
}

async function isAborted(connection: DuckDBConnection): Promise<boolean> {
  try {
    await connection.run('SELECT 1');
    return false;
  } catch {
    return true;
  }
}

/** Runs a query once more without its rows, for the error that the stream did not give. */
async function reasonOf(connection: DuckDBConnection, sql: string, rows: number): Promise<unknown> {
  try {
    await connection.run('ROLLBACK');
    await connection.run(`EXPLAIN ANALYZE ${sql}`);
    return fail('OFFLINE_CUT', { rows });
  } catch (error) {
    return error;
  }
}
