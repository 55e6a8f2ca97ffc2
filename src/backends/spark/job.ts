import type { ProfileJob } from '../../ports/profile-engine.ts';
import type { ScoreJob } from '../../ports/score-engine.ts';

/** The column of the number of a slice, the last of an output that is sliced, and what the folders of slices are called by. */
export const SLICE = 'slice';

/** A job: SQL over tables of Parquet files in, Parquet files out. */
export interface SparkJob {
  readonly tables: readonly JobTable[];
  readonly outputs: readonly JobOutput[];
  /** Rows to score, in `path`; `score-runner/ScoreRows.java` has its files. */
  readonly scores?: ScoreJob & { readonly path: string };
  /** Files to profile into `path`; `runner/ProfileTable.java` has its file. */
  readonly profile?: ProfileJob & { readonly path: string };
}

export interface JobTable {
  readonly name: string;
  readonly columns: JobColumns;
  readonly parts: readonly { readonly columns: JobColumns; readonly files: readonly string[] }[];
}

export type JobColumns = readonly (readonly [name: string, type: string])[];

/** A named result that later steps and the output read: kept as files in `path`, or computed where it is read. */
export interface JobStep {
  readonly name: string;
  readonly sql: string;
  readonly path: string | null;
}

export interface JobOutput {
  readonly name: string;
  readonly steps: readonly JobStep[];
  readonly sql: string;
  readonly path: string;
  /** Whether its last column is that of the slice. */
  readonly sliced: boolean;
}

/** A file that was written, its path below that of its output. */
export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Runs jobs one after the other, until it is closed. */
export interface JobRunner {
  /** Gives the files of each output by its name. Errors: SPARK_SQL, SPARK_FAILED, SPARK_MEMORY, and that it is gone. */
  run(job: SparkJob): Promise<ReadonlyMap<string, readonly WrittenFile[]>>;
  close(): Promise<void>;
}
