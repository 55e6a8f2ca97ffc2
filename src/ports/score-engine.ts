import type { RowInput } from '../model/row-inputs.ts';

/** Rows with the scores that the trainer gave them. */
export interface ParityRows {
  /** null: a missing number. */
  readonly rows: readonly (readonly (number | null)[])[];
  readonly scores: readonly number[];
  /** The most that a score may differ, as a share of those above 1. */
  readonly tolerance: number;
}

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
  /** An ONNX file of this machine, and the digest of its bytes. */
  readonly model: string;
  readonly modelSha256: string;
  readonly modelInputs: readonly RowInput[];
  /** Its output, of one number a row, or of two, of which the second is the score. */
  readonly modelOutput: string;
  /** Whether the model takes one row a run. */
  readonly isSingle: boolean;
  /** Each process of the system checks these before it scores a row; null: there are none. */
  readonly parity: ParityRows | null;
  readonly modelName: string;
  readonly version: number;
  readonly digest: string;
  readonly job: string;
}

/** The files of a job's partitions. */
export interface ScoredFiles {
  /** Parquet files of the scored rows by partition: `_row`, the kept columns, `score`, `model_version`, `artifact_digest`, `job_id`. */
  readonly rows: ReadonlyMap<number, readonly string[]>;
  /**
   * Parquet files of the rejected rows: `_row`, `code`, `reason`, `features` (a list of doubles). The reason of PREDICT_CELL is the fault
   * that `model/cell-fault.ts` reads.
   */
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
 *  3. a cell that is no number of its input's type, a run that throws and a score that is not finite reject their own row, and no other;
 *  4. a job that fails leaves no files;
 *  5. no process of the system scores a row by a model whose scores differ from the parity rows: the job fails with MODEL_PARITY.
 */
export interface ScoreEngine {
  /** `onProgress` receives its progress as text; `signal` ends it with any error. Errors: SPARK_*, MODEL_PARITY. */
  score(job: ScoreJob, onProgress: (text: string) => void, signal: AbortSignal | null): Promise<ScoredFiles>;
}
