import { DuckDBInstance } from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import { streamChunks } from './stream-chunks.ts';

/**
 * Columns of a Parquet file, or numbers of its lists (`taste[0]` is the first), as float32, the numbers that a model is given, NaN where one is null. Memory: 4 bytes a value.
 * Error: TRAINING_DATA.
 */
export async function readNumbers(path: string, names: readonly string[]): Promise<readonly Float32Array[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '256MB' });
  const connection = await instance.connect();
  try {
    const file = `read_parquet('${path.replaceAll("'", "''")}')`;
    const counted = await connection.runAndReadAll(`SELECT CAST(COUNT(*) AS INTEGER) FROM ${file}`);
    const rows = Number(counted.getRows()[0]?.[0]);
    const columns = names.map(() => new Float32Array(rows));
    const select = names.map((name) => `COALESCE(CAST(${columnSql(name)} AS DOUBLE), 'NaN')`).join(', ');
    let row = 0;
    for await (const chunk of streamChunks(connection, `SELECT ${select} FROM ${file}`)) {
      for (let c = 0; c < columns.length; c += 1) {
        const values = chunk.getColumnValues(c);
        for (let i = 0; i < values.length; i += 1) columns[c][row + i] = Number(values[i]);
      }
      row += chunk.rowCount;
    }
    // Columns of other lengths than the rows that came would be filled up with zeros.
    if (row !== rows) throw new Error(`it has ${rows} rows, and ${row} of them were read`);
    return columns;
  } catch (error) {
    throw fail('TRAINING_DATA', { path, reason: reasonOf(error) }, error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function columnSql(name: string): string {
  const [, list, place] = /^(.+)\[(\d+)\]$/.exec(name) ?? [];
  const column = `"${(list ?? name).replaceAll('"', '""')}"`;
  return place === undefined ? column : `${column}[${Number(place) + 1}]`;
}
