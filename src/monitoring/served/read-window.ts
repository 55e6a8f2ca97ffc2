import { compareText } from '../../base/text-order.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { sideOfSketch } from '../detect/column-side.ts';
import { countsOver } from '../detect/reference-bins.ts';
import { HOURS_OF_WEEK, hourOfWeek } from '../detect/seasonal-counts.ts';
import { type ColumnSketch, mergeColumn } from '../profile/column-sketch.ts';
import { type FrozenBins, sameBins } from '../profile/frozen-bins.ts';
import { createProfile, type Profile } from '../profile/profile.ts';
import { decodeProfile } from '../profile/profile-bytes.ts';
import { profileTable } from './profile-table.ts';

/** The vectors of a window, from their profiles. */
export interface ProfiledWindow {
  readonly profile: Profile;
  /** Vectors that were served. */
  readonly served: number;
  /** Those of them that are in the profile. */
  readonly profiled: number;
  /** Features whose counts over the reference's bins come from quantiles or frequent values, in a part of the window at least. */
  readonly estimated: readonly string[];
  /** Processes that served it. */
  readonly processes: number;
  /** Vectors in the profile, by hour of the week of their interval. */
  readonly hours: Float64Array;
}

/** Which rows of profiles are read. */
export interface ProfileSpan {
  readonly from: number;
  readonly to: number;
  /** Of one host alone. */
  readonly host?: string;
  /** Of one process alone. */
  readonly process?: string;
}

/**
 * Merges the profiles of the intervals that begin in [from, to). Counts are over the bins of `like`; without it over the bins of the
 * first row. Rows come in one order: quantiles depend on it, and a replay must find the same. Null: no row is there. Errors: those of the history, DRIFT_PROFILE, DRIFT_MERGE.
 */
export async function readWindow(
  history: History,
  service: FeatureServiceData,
  like: Profile | null,
  span: ProfileSpan,
): Promise<ProfiledWindow | null> {
  const names = like === null ? '' : ` AND "feature" IN (${['', ...like.columns.keys()].map(duckdb.text).join(', ')})`;
  const one = (column: 'host' | 'process') =>
    span[column] === undefined ? '' : ` AND "${column}" = ${duckdb.text(span[column])}`;
  const own = `${names}${one('host')}${one('process')}`;
  const merging = new WindowMerge(like);
  let found = false;
  for (const part of await partsOf(history, service, span, own)) {
    const sql = `SELECT "process", "feature", "served", "rows", "profile", "begins" ${rowsIn(history, service, part, own)}
ORDER BY "begins", "process", "feature", "rows"`;
    for await (const rows of history.query(sql)) {
      for (const [process, feature, served, count, bytes, begins] of rows) {
        found = true;
        if (bytes instanceof Uint8Array) merging.add(String(feature), bytes);
        else merging.count(String(process), Number(served), Number(count), Number(begins));
      }
    }
  }
  return found ? merging.result() : null;
}

type History = Pick<OfflineStore, 'query' | 'relation'>;

/** Rows that one query sorts, about: with their profiles they take a part of the history's memory. */
const ROWS_AT_ONCE = 20_000;
const PART_MS = 3_600_000;

/** Consecutive parts of a span, so that the rows of each are sorted in memory. Their order is that of one query. */
async function partsOf(history: History, service: FeatureServiceData, span: ProfileSpan, own: string) {
  const parts: { from: number; to: number }[] = [];
  const sql = `SELECT "begins" // ${PART_MS} AS part, COUNT(*) ${rowsIn(history, service, span, own)} GROUP BY part ORDER BY part`;
  let count = Number.POSITIVE_INFINITY;
  for await (const rows of history.query(sql))
    for (const [part, inPart] of rows) {
      const from = Math.max(span.from, Number(part) * PART_MS);
      const to = Math.min(span.to, (Number(part) + 1) * PART_MS);
      const last = parts.at(-1);
      if (last === undefined || count + Number(inPart) > ROWS_AT_ONCE) {
        parts.push({ from, to });
        count = 0;
      } else last.to = to;
      count += Number(inPart);
    }
  return parts;
}

function rowsIn(
  history: History,
  service: FeatureServiceData,
  { from, to }: Pick<ProfileSpan, 'from' | 'to'>,
  own: string,
) {
  return `FROM ${history.relation(profileTable(service))}
WHERE "begins" >= CAST(${from} AS BIGINT) AND "begins" < CAST(${to} AS BIGINT)${own}`;
}

/** Merges rows in any order. */
export class WindowMerge {
  readonly #like: Profile | null;
  readonly #columns = new Map<string, ColumnSketch>();
  readonly #estimated = new Set<string>();
  readonly #processes = new Set<string>();
  readonly #hours = new Float64Array(HOURS_OF_WEEK);
  #served = 0;
  #profiled = 0;

  constructor(like: Profile | null) {
    this.#like = like;
  }

  count(process: string, served: number, profiled: number, begins: number): void {
    this.#processes.add(process);
    this.#hours[hourOfWeek(begins)] += profiled;
    this.#served += served;
    this.#profiled += profiled;
  }

  /** Adds the profile of a feature. Errors: DRIFT_PROFILE, DRIFT_MERGE. */
  add(feature: string, bytes: Uint8Array): void {
    for (const read of decodeProfile(bytes).columns.values()) {
      const held = this.#columns.get(feature);
      const bins = this.#like === null ? (held ?? read).bins : (this.#like.columns.get(feature)?.bins ?? null);
      const added = this.#over(feature, read, bins);
      if (held === undefined) this.#columns.set(feature, added);
      else mergeColumn(held, added, feature);
    }
  }

  result(): ProfiledWindow {
    const profile = createProfile();
    profile.rows = this.#profiled;
    // In the order of the reference, whatever the order of rows.
    const names = this.#like === null ? [...this.#columns.keys()].sort(compareText) : [...this.#like.columns.keys()];
    for (const name of names) {
      const column = this.#columns.get(name);
      if (column !== undefined) profile.columns.set(name, column);
    }
    const [served, profiled, processes] = [this.#served, this.#profiled, this.#processes.size];
    const estimated = [...this.#estimated].sort(compareText);
    return { profile, served, profiled, estimated, processes, hours: this.#hours };
  }

  /** The sketch with counts over bins; where it was counted over others they are estimated. */
  #over(feature: string, sketch: ColumnSketch, bins: FrozenBins | null): ColumnSketch {
    if (sameBins(sketch.bins, bins)) return { ...sketch, bins };
    if (bins !== null && !isWhole(sketch)) this.#estimated.add(feature);
    return { ...sketch, bins, counts: bins === null ? null : countsOver(sideOfSketch(sketch), bins) };
  }
}

/** Whether a sketch still has every value, so that counts over any bins are exact. */
function isWhole({ type, kll, frequent }: ColumnSketch): boolean {
  return (frequent !== null && frequent.offset === 0) || (type === 'number' && kll !== null && kll.levels.length === 1);
}
