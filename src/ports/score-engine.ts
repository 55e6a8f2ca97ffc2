/** Partitions of a batch job to be scored as one job of another system. */
export interface ScoreJob {
  /** A Parquet file, where the machines of the system read it. */
  readonly input: string;
  /** Row r is in partition floor(r / partitionRows). */
  readonly partitionRows: number;
  /** Partitions to score. */
  readonly partitions: readonly number[];
  /** Columns of the model's inputs, in order; `taste[0]` is the first number of a list. */
  readonly features: readonly string[];
  readonly keep: readonly string[];
  /** An ONNX file of this machine, its input and its output. */
  readonly model: string;
  readonly modelInput: string;
  readonly modelOutput: string;
  readonly version: number;
  readonly digest: string;
  readonly job: string;
}

/** The files of a job's partitions. */
export interface ScoredFiles {
  /** Parquet files of the scored rows by partition: `_row`, the kept columns, `score`, `model_version`, `artifact_digest`, `job_id`. */
  readonly rows: ReadonlyMap<number, readonly string[]>;
  /** Parquet files of the rejected rows: `_row`, `code`, `reason`, `features` (a list of floats). */
  readonly rejected: readonly string[];
  /** Removes the files. */
  drop(): void;
}

/**
 * Scores the rows of a file by an ONNX model inside another system.
 *
 * Rules:
 *  1. each row of the partitions is in `rows` or in `rejected`, once, whatever processes of the system end meanwhile;
 *  2. rows of a file are in the order of `_row`;
 *  3. a cell that is no number, a run that throws and a score that is not finite reject their own row, and no other;
 *  4. a job that fails leaves no files.
 */
export interface ScoreEngine {
  /** `onProgress` receives its progress as text; `signal` ends it with any error. Errors: SPARK_*. */
  score(job: ScoreJob, onProgress: (text: string) => void, signal: AbortSignal | null): Promise<ScoredFiles>;
}
