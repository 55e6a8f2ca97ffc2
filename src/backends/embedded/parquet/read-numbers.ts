import { DuckDBInstance } from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import { elementType, numberColumn, quickNumberSql } from '../../../model/cell-sql.ts';
import { streamChunks } from './stream-chunks.ts';

/** Columns of a Parquet file, or numbers of its lists: `taste[0]` is the first. */
export interface AskedNumbers {
  /** To be held as float32, as own trainers are fed. Memory: 4 bytes a value. */
  readonly singles: readonly string[];
  /** To be held as doubles: labels, and what may be fed to any model. Memory: 8 bytes a value. */
  readonly doubles: readonly string[];
}

/** Columns in the order that they were asked for. */
export interface ReadNumbers {
  readonly singles: readonly Float32Array[];
  readonly doubles: readonly Float64Array[];
}

/**
 * Reads columns as numbers by the rule of `model/cell-number.ts`, NaN where a cell is null; a double beyond float32 is infinite as a single.
 * Error: TRAINING_DATA.
 */
export async function readNumbers(path: string, { singles, doubles }: AskedNumbers): Promise<ReadNumbers> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '256MB' });
  const connection = await instance.connect();
  try {
    const file = `read_parquet('${path.replaceAll("'", "''")}', hive_partitioning = false)`;
    const counted = await connection.runAndReadAll(`SELECT CAST(COUNT(*) AS INTEGER) FROM ${file}`);
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${file}`);
    const types = new Map(described.getRows().map(([name, type]) => [String(name), String(type)]));
    const rows = Number(counted.getRows()[0]?.[0]);
    const read = {
      singles: singles.map(() => new Float32Array(rows)),
      doubles: doubles.map(() => new Float64Array(rows)),
    };
    const columns = [...read.singles, ...read.doubles];
    const select = [...singles, ...doubles].map((name) => `COALESCE(${doubleSql(name, types)}, 'NaN')`).join(', ');
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
    return read;
  } catch (error) {
    throw fail('TRAINING_DATA', { path, reason: reasonOf(error) }, error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** A text that is no number is an error. */
function doubleSql(name: string, types: ReadonlyMap<string, string>): string {
  const whole = types.get(name);
  const [, list = name, place] = whole === undefined ? (/^(.+)\[(\d+)\]$/.exec(name) ?? []) : [];
  const quoted = `"${list.replaceAll('"', '""')}"`;
  const sql = place === undefined ? quoted : `${quoted}[${Number(place) + 1}]`;
  const column = numberColumn(whole ?? elementType(types.get(list) ?? ''));
  return column === null || column.kind === 'text' ? `CAST(${sql} AS DOUBLE)` : quickNumberSql(sql, column, 'FP64');
}
