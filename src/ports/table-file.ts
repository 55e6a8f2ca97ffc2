/** A column of a file: numbers as doubles, everything else as text. */
export interface TableFileColumn {
  readonly name: string;
  readonly type: 'number' | 'text';
  /** As the file declares it, for people. */
  readonly declared: string;
}

/** Whether a column of this declared type holds times, which differ between any two spans. */
export function isTime(declared: string): boolean {
  return /^(DATE|TIMESTAMP|TIME)/.test(declared);
}

/** Whether a column of this declared type holds lists of numbers. */
export function holdsLists(declared: string): boolean {
  return /^(U?(TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))\[\d*\]$/.test(declared);
}

/** Values of one column: numbers with NaN for a missing one, or texts with null. */
export type ColumnValues = Float64Array | readonly (string | null)[];

/**
 * A table in a file of a user's own, open for reading.
 *
 * Rules:
 *  1. columns are in the file's order; a value is the file's, a missing number NaN and a missing text null;
 *  2. `column` gives all rows in the file's order, `batches` the same rows in parts;
 *  3. `vectors` gives evenly spaced rows of a column of lists of numbers, in the file's order or by `order`, without missing lists;
 *  4. a file that is no table is DRIFT_FILE when it is opened, never fewer rows.
 */
export interface TableFile {
  readonly path: string;
  readonly rows: number;
  readonly columns: readonly TableFileColumn[];
  /** All values of a column, sorted by the column `order` where there is one. */
  column(name: string, order?: string | null): Promise<ColumnValues>;
  /** Some columns, row by row, in parts. */
  batches(names: readonly string[]): AsyncIterable<readonly ColumnValues[]>;
  /** At most `most` lists of a column that `holdsLists` says yes to, and its missing ones. */
  vectors(
    name: string,
    most: number,
    order?: string | null,
  ): Promise<{ readonly missing: number; readonly sample: readonly Float64Array[] }>;
  /** Rows in which all the named columns are missing. */
  missingTogether(names: readonly string[]): Promise<number>;
  close(): Promise<void>;
}
