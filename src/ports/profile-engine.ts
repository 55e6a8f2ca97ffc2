/** Bins that a column is counted over, as plain data. */
export type JobBins = { readonly edges: readonly number[] } | { readonly values: readonly string[] };

/** Files to profile as one table. */
export interface ProfileJob {
  /** Parquet files or patterns of them, where the machines of the system read them. */
  readonly files: readonly string[];
  /** Columns that are left out. */
  readonly ignore: readonly string[];
  readonly bins: Readonly<Record<string, JobBins>>;
}

/** A profiled column; its numbers are counted one by one while they are few. */
export interface ProfiledColumn {
  readonly name: string;
  readonly type: 'number' | 'text';
  readonly rows: number;
  readonly missing: number;
  readonly infinite: number;
  readonly mean: number;
  readonly squares: number;
  readonly whole: boolean;
  /** 4,096 ranks of the HyperLogLog sketch of `features/aggregate/registers.ts`. */
  readonly registers: Uint8Array;
  /** By bin, the last one of missing values; null without bins. */
  readonly counts: readonly number[] | null;
  /** Null: there are too many different ones. */
  readonly numbers: readonly (readonly [value: number, count: number])[] | null;
  readonly texts: { readonly n: number; readonly offset: number; readonly counts: ReadonlyMap<string, number> };
  /** Null for texts. Level h has items of weight 2^h. */
  readonly quantiles: {
    readonly min: number;
    readonly max: number;
    readonly levels: readonly (readonly number[])[];
  } | null;
}

/**
 * Profiles Parquet files inside another system, in one scan.
 *
 * Rules:
 *  1. a column has the counts, bins and registers of the embedded profile of the same rows; quantiles have its rank error;
 *  2. columns whose text differs between systems, such as lists, are an error that names them, unless they are left out;
 *  3. a job that fails leaves no files.
 */
export interface ProfileEngine {
  /** `onProgress` receives its progress as text. Errors: SPARK_*. */
  profile(job: ProfileJob, onProgress: (text: string) => void): Promise<readonly ProfiledColumn[]>;
}
