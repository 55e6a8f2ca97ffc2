import { rmSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { RowInputs } from '../../../model/row-inputs.ts';
import type {
  DescribedFile,
  OpenScoreTable,
  RejectedCells,
  ScoreFiles,
  ScoreTable,
} from '../../../ports/score-files.ts';
import { columnsOf, quotedPath, quotedText } from './file-relation.ts';
import { setRelation } from './file-set.ts';
import { reshapeFile } from './reshape.ts';
import { readFailure, writeFailure } from './score-failure.ts';
import { DuckScoreTable } from './score-table.ts';
import { makeDurable } from './written-file.ts';

const ROW_GROUP = 61_440;

/** Files of rows to score, read and written by DuckDB on one thread, so that rows keep their order. */
export const duckScoreFiles: ScoreFiles = {
  describe: (path, format) =>
    withConnection(path, async (connection): Promise<DescribedFile> => {
      const set = { format, files: [{ path, folders: [] }], folderColumns: [] };
      const relation = await setRelation(connection, set, new Set());
      const columns = (await columnsOf(connection, relation)).map(({ name }) => name);
      const counted = await connection.runAndReadAll(`SELECT CAST(COUNT(*) AS DOUBLE) FROM ${relation}`);
      return { rows: Number(counted.getRows()[0]?.[0]), columns };
    }),

  stage: (input, texts, to) =>
    withConnection(input.files[0].path, async (connection) => {
      const relation = await setRelation(connection, input, texts);
      try {
        await connection.run(
          `COPY (FROM ${relation}) TO ${quotedText(to)} (FORMAT parquet, ROW_GROUP_SIZE ${ROW_GROUP}, USE_TMP_FILE false)`,
        );
        makeDurable(to);
      } catch (error) {
        rmSync(to, { force: true });
        throw writeFailure(to, error) ?? error;
      }
    }),

  reshape: (path, form, folder, name) =>
    withConnection(path, (connection) => reshapeFile(connection, path, { form, folder, name })),

  rowNumbers: (path) =>
    withConnection(path, async (connection) => {
      const pairs = `SELECT _row, LAG(_row) OVER () AS before FROM read_parquet(${quotedPath(path)}, hive_partitioning = false)`;
      const sql = `SELECT CAST(COUNT(*) AS DOUBLE), COALESCE(BOOL_AND(before IS NULL OR _row > before), true) FROM (${pairs})`;
      const [[rows, isAscending]] = (await connection.runAndReadAll(sql)).getRows();
      return { rows: Number(rows), isAscending: isAscending === true };
    }),

  rejectedRows: async (paths) => {
    const found: RejectedCells[] = [];
    for (const path of paths) found.push(...(await rejectedRowsOf(path)));
    return found;
  },

  open: async (table: ScoreTable, inputs: RowInputs): Promise<OpenScoreTable> => {
    const instance = await DuckDBInstance.create(':memory:', OPTIONS);
    try {
      return await DuckScoreTable.open(table, inputs, instance);
    } catch (error) {
      instance.closeSync();
      throw readFailure(table.path, error);
    }
  },
};

function rejectedRowsOf(path: string): Promise<readonly RejectedCells[]> {
  return withConnection(path, async (connection) => {
    const sql = `SELECT CAST(_row AS DOUBLE), code, reason, features FROM read_parquet(${quotedPath(path)}, hive_partitioning = false)`;
    return (await connection.runAndReadAll(sql)).getRowsJS().map(([row, code, reason, features]) => ({
      row: Number(row),
      code: codeOf(String(code)),
      reason: String(reason),
      features: Array.isArray(features) ? features.map((value) => (value === null ? Number.NaN : Number(value))) : [],
    }));
  });
}

const CODES = ['PREDICT_CELL', 'MODEL_RUN', 'MODEL_SCORE'] as const;

function codeOf(code: string): RejectedCells['code'] {
  const known = CODES.find((one) => one === code);
  if (known === undefined) throw new Error(`a row was rejected as ${code}`);
  return known;
}

const OPTIONS = { threads: '1', memory_limit: '768MB', preserve_insertion_order: 'true' } as const;

async function withConnection<T>(path: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', OPTIONS);
  const connection = await instance.connect();
  try {
    return await work(connection);
  } catch (error) {
    throw readFailure(path, error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
