import { isHeadraceError } from '../base/errors/fail.ts';

/** A part of a query's rows, and how many they are; Infinity: not known. */
export interface Slice {
  readonly rows: number;
}

/** The slices that fit into the memory of a store: kept over all slices of one piece of work. */
export interface Fit {
  /** Slices with more rows than this do not fit. */
  most: number;
  /** Rows of the largest slice that did fit. */
  fitted: number;
  /** Slices that did not fit and were cut. */
  cuts: number;
}

export interface FittingOptions<S extends Slice> {
  /** Two slices of about half the rows each, in order; null: the slice cannot be cut. */
  readonly cut: (slice: S) => Promise<readonly [S, S] | null>;
  readonly fit?: Fit;
  /** Called with the rows of a slice that did not fit, before its halves are read. */
  readonly onCut?: (rows: number) => void;
  /** A slice's rows come in the same order each time that it is read (false): then a failure between two rows is resumed there. */
  readonly repeats?: boolean;
}

/** A fit of which nothing is known. */
export function newFit(): Fit {
  return { most: Number.POSITIVE_INFINITY, fitted: 0, cuts: 0 };
}

/** A cut in words, while the work continues. */
export function cutNow(rows: number): string {
  const of = Number.isFinite(rows) ? ` of ${rows} rows` : '';
  return `a join${of} does not fit into the memory of the history (offline.memory) and becomes two smaller ones`;
}

/** The cuts in words. */
export function cutText({ cuts }: Fit): string {
  return `${cuts} ${cuts === 1 ? 'join' : 'joins'} did not fit into the memory of the history (offline.memory) and became smaller ones`;
}

/**
 * Reads slices one after the other, each by `read`, in batches of rows. One that the offline store cannot hold in its memory
 * (OFFLINE_MEMORY) is cut in two, and so is every later one of as many rows: a query that does not fit becomes smaller ones. A
 * slice no larger than one that did fit is read a second time first: other queries may have had the memory.
 * Errors: OFFLINE_MEMORY where a slice cannot be cut, or failed between two rows that do not repeat; those of `read`.
 */
export async function* inFittingSlices<S extends Slice, R>(
  slices: readonly S[],
  read: (slice: S) => AsyncIterable<readonly R[]>,
  { cut, fit = newFit(), repeats = false, onCut }: FittingOptions<S>,
): AsyncGenerator<readonly R[]> {
  const waiting = slices.toReversed();
  // Rows of the first waiting slices that were given before an attempt failed.
  let given = 0;
  let failed: S | null = null;
  for (let slice = waiting.pop(); slice !== undefined; slice = waiting.pop()) {
    const halves = slice.rows > fit.most ? await cut(slice) : null;
    if (halves !== null) {
      waiting.push(halves[1], halves[0]);
      continue;
    }
    let seen = 0;
    try {
      for await (const batch of read(slice)) {
        const fresh = batch.slice(Math.max(0, given - seen));
        seen += batch.length;
        if (fresh.length > 0) yield fresh;
      }
      given = Math.max(0, given - seen);
      fit.fitted = Math.max(fit.fitted, slice.rows);
    } catch (error) {
      given = Math.max(given, seen);
      const isCut = isHeadraceError(error, 'OFFLINE_MEMORY') && (repeats || given === 0);
      if (isCut && slice.rows <= fit.fitted && slice !== failed) {
        failed = slice;
        waiting.push(slice);
        continue;
      }
      const smaller = isCut ? await cut(slice) : null;
      if (smaller === null) throw error;
      fit.cuts += 1;
      onCut?.(slice.rows);
      fit.most = Math.min(fit.most, Math.max(1, smaller[0].rows, smaller[1].rows));
      waiting.push(smaller[1], smaller[0]);
    }
  }
}

/** Does work slice by slice, such as writing a file of each; the same cuts as {@link inFittingSlices}. */
export async function eachFittingSlice<S extends Slice>(
  slices: readonly S[],
  work: (slice: S) => Promise<void>,
  options: Omit<FittingOptions<S>, 'repeats'>,
): Promise<void> {
  const read = async function* (slice: S): AsyncGenerator<readonly never[]> {
    await work(slice);
    yield [];
  };
  for await (const none of inFittingSlices(slices, read, options)) none satisfies readonly never[];
}
