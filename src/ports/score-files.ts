import type { ModelRows } from '../model/model-rows.ts';
import type { RowInputs } from '../model/row-inputs.ts';
import type { NumericTensorData, TensorType } from '../schema/tensor.ts';

/** The formats of files of rows to score. CSV and TSV have a header. */
export type ScoreFormat = 'parquet' | 'csv' | 'tsv' | 'jsonl';

/** A Parquet file whose rows are scored by ranges. */
export interface ScoreTable {
  readonly path: string;
  /** Columns of the model's inputs, in order; `taste[0]` is the first number of a list. */
  readonly features: readonly string[];
  /** Columns that go into the output as they are. */
  readonly keep: readonly string[];
}

/** Rows of a range as a model is fed them. */
export interface ScoreRows {
  /** Made of the cells by the rule of `model/cell-number.ts`. */
  readonly rows: ModelRows;
  /** Rows with a cell that does not fit its input, by their place in the range: their numbers in `rows` have no meaning. */
  readonly unreadable: ReadonlyMap<number, UnreadableRow>;
}

/** A row with a cell that does not fit its input. */
export interface UnreadableRow {
  readonly reason: string;
  /** In the order of the features; NaN: the cell is missing, or does not fit. */
  readonly features: readonly (number | bigint | string)[];
}

/** A column that a model answers. */
export interface ScoredColumn {
  readonly name: string;
  /** FP16 and BF16 come as FP32. */
  readonly type: Exclude<TensorType, 'FP16' | 'BF16'>;
  /** Values of a row, which are a list; null: a row has one value. */
  readonly width: number | null;
  /** The values, row by row. */
  readonly data: NumericTensorData | readonly string[];
}

/** The scored rows of a range, to be written as one file. */
export interface ScoredRange {
  /** Rows [from, to) of the table, from 0. */
  readonly from: number;
  readonly to: number;
  /** 1 for each row of the range that is scored; 0: the row is left out. */
  readonly isScored: Uint8Array<ArrayBuffer>;
  readonly columns: readonly ScoredColumn[];
  readonly version: number;
  readonly digest: string;
  readonly job: string;
}

/** The rows of a written file. */
export interface RowNumbers {
  readonly rows: number;
  /** Whether each row has a larger `_row` than the previous one. */
  readonly isAscending: boolean;
}

/** A rejected row of a written file. */
export interface RejectedCells {
  readonly row: number;
  readonly code: 'PREDICT_CELL' | 'MODEL_RUN' | 'MODEL_SCORE';
  readonly reason: string;
  /** NaN where a cell is null. */
  readonly features: readonly number[];
}

/** A column that the folders of a partitioned data set name: `year=2026`. */
export interface FolderColumn {
  readonly name: string;
  readonly type: 'BIGINT' | 'DOUBLE' | 'DATE' | 'VARCHAR';
}

/** A file of an input, with the values of the folders that it is in, in the order of the folder columns. */
export interface InputFile {
  readonly path: string;
  /** null: the folder says that the value is missing. */
  readonly folders: readonly (string | null)[];
}

/** The files of an input in the order of their rows, all of one format. */
export interface InputSet {
  readonly format: ScoreFormat;
  readonly files: readonly InputFile[];
  readonly folderColumns: readonly FolderColumn[];
}

/** How the files of an output are written. */
export interface ScoredForm {
  readonly format: 'parquet' | 'csv' | 'jsonl';
  /** The column whose values name folders: `country=fr`; null: all files are in one folder. */
  readonly partitionBy: string | null;
}

/** Columns of a file and the number of its rows. */
export interface DescribedFile {
  readonly rows: number;
  readonly columns: readonly string[];
}

/** A table of rows to score, open in one process. */
export interface OpenScoreTable {
  /** Rows [from, to). Errors: PREDICT_INPUT, PREDICT_COLUMN. */
  read(from: number, to: number): Promise<ScoreRows>;
  /**
   * Writes the scored rows of a range: `_row`, the kept columns, the columns of the model, `model_version`, `artifact_digest`, `job_id`.
   * The same range and columns give the same bytes. The file is durable on return. Errors: PREDICT_INPUT, PREDICT_FULL, PREDICT_WRITE.
   */
  write(scored: ScoredRange, path: string): Promise<void>;
  close(): void;
}

/**
 * Reads files of rows to score and writes scored rows.
 *
 * Rules:
 *  1. rows keep the order of their file, whatever its format;
 *  2. a cell that is no number of its input's type makes its own row unreadable, and no other;
 *  3. the bytes of a written file depend on rows, scores and stamp alone.
 */
export interface ScoreFiles {
  /** Errors: PREDICT_INPUT. */
  describe(path: string, format: ScoreFormat): Promise<DescribedFile>;
  /**
   * Writes files of any format as one Parquet file, the texts of CSV and TSV as texts; columns of truth values alone are BOOLEAN unless
   * `texts` has them. Errors: PREDICT_INPUT, PREDICT_SCHEMA, FILE_*, PREDICT_FULL, PREDICT_WRITE.
   */
  stage(input: InputSet, texts: ReadonlySet<string>, to: string): Promise<void>;
  /**
   * Writes a Parquet file of scored rows in another form below a folder, as `<name>.<format>`; gives the paths of the files below it.
   * Errors: PREDICT_INPUT, PREDICT_PARTITION, PREDICT_FULL, PREDICT_WRITE.
   */
  reshape(path: string, form: ScoredForm, folder: string, name: string): Promise<readonly string[]>;
  /** Opens a table for a model with these inputs, whose features are the table's, in order. Errors: PREDICT_INPUT, PREDICT_COLUMN, PREDICT_TYPE. */
  open(table: ScoreTable, inputs: RowInputs): Promise<OpenScoreTable>;
  /** Looks at `_row` of a written Parquet file. Errors: PREDICT_INPUT. */
  rowNumbers(path: string): Promise<RowNumbers>;
  /** Reads Parquet files of rejected rows: `_row`, `code`, `reason`, `features`. Errors: PREDICT_INPUT. */
  rejectedRows(paths: readonly string[]): Promise<readonly RejectedCells[]>;
}
