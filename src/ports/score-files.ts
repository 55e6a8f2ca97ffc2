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
  /** Row by row, NaN where a cell is null. */
  readonly features: Float32Array<ArrayBuffer>;
  /** Rows with a cell that is no float32 number, by their place in the range, with the reason. */
  readonly unreadable: ReadonlyMap<number, string>;
}

/** The scores of a range, to be written as one file. */
export interface ScoredRange {
  /** Rows [from, to) of the table, from 0. */
  readonly from: number;
  readonly to: number;
  /** One for each row of the range; NaN: the row is left out. */
  readonly scores: Float64Array;
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
   * Writes the scored rows of a range: `_row`, the kept columns, `score`, `model_version`, `artifact_digest`, `job_id`. The same
   * range and scores give the same bytes. The file is durable on return. Errors: PREDICT_INPUT, PREDICT_FULL, PREDICT_WRITE.
   */
  write(scored: ScoredRange, path: string): Promise<void>;
  close(): void;
}

/**
 * Reads files of rows to score and writes scored rows.
 *
 * Rules:
 *  1. rows keep the order of their file, whatever its format;
 *  2. a cell that is no number makes its own row unreadable, and no other;
 *  3. the bytes of a written file depend on rows, scores and stamp alone.
 */
export interface ScoreFiles {
  /** Errors: PREDICT_INPUT. */
  describe(path: string, format: ScoreFormat): Promise<DescribedFile>;
  /** Writes a file of any format as Parquet, the texts of CSV and TSV as texts. Errors: PREDICT_INPUT, PREDICT_FULL, PREDICT_WRITE. */
  stage(path: string, format: ScoreFormat, to: string): Promise<void>;
  open(table: ScoreTable): Promise<OpenScoreTable>;
  /** Looks at `_row` of a written Parquet file. Errors: PREDICT_INPUT. */
  rowNumbers(path: string): Promise<RowNumbers>;
  /** Reads Parquet files of rejected rows: `_row`, `code`, `reason`, `features`. Errors: PREDICT_INPUT. */
  rejectedRows(paths: readonly string[]): Promise<readonly RejectedCells[]>;
}
