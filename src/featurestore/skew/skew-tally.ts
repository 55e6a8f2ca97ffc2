import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { countColumns } from '../../features/plan/served-table.ts';
import { windowsOf } from '../../features/window/view-windows.ts';
import type { Value } from '../../schema/column.ts';
import type { PointInTimeRow } from '../training-set/point-in-time.ts';
import type { MismatchClass, SkewReport } from './skew-report.ts';

const EXAMPLES = 10;
/** Vectors that differ, up to which they are looked into one by one. */
export const MOST_SUSPECTS = 10_000;

/** The values of a logged vector. */
export interface Served {
  readonly values: readonly Value[];
  readonly missing: ReadonlySet<string>;
  /** Events by stream lookup and window. */
  readonly counts: readonly number[];
}

/** Names a vector among others. */
export function rowName({ id, at }: PointInTimeRow): string {
  return `${at} ${id}`;
}

/** Adds up the comparison by feature. */
export class SkewTally {
  readonly #service: FeatureServiceData;
  /** By feature: the positions of the windows it depends on among the counts. */
  readonly #windows: readonly (readonly number[])[];
  readonly #features: {
    compared: number;
    missing: number;
    lateness: number;
    staleness: number;
    logic: number;
    smape: number;
    numbers: number;
  }[];
  /** Values that look like a fault of logic, at most as many as can be looked into. */
  readonly suspects: { readonly row: PointInTimeRow; readonly feature: number; readonly served: Value }[] = [];
  #vectors = 0;

  constructor(service: FeatureServiceData) {
    this.#service = service;
    this.#windows = featureWindows(service);
    this.#features = service.features.map(() => ({
      compared: 0,
      missing: 0,
      lateness: 0,
      staleness: 0,
      logic: 0,
      smape: 0,
      numbers: 0,
    }));
  }

  /** Counts a vector; whether all that was served is equal. */
  compare(corrected: PointInTimeRow, served: Served): boolean {
    this.#vectors += 1;
    let equal = true;
    this.#service.features.forEach(({ name }, i) => {
      const tally = this.#features[i];
      if (served.missing.has(name)) {
        if (corrected.values[i] !== null) tally.missing += 1;
        return;
      }
      const value = served.values[i];
      tally.compared += 1;
      if (typeof value === 'number' && typeof corrected.values[i] === 'number') {
        tally.numbers += 1;
        tally.smape += relativeDifference(value, corrected.values[i]);
      }
      equal &&= equalValues(value, corrected.values[i]);
    });
    return equal;
  }

  /** Puts what differs in a vector in its class. */
  classify(corrected: PointInTimeRow, known: PointInTimeRow, served: Served): void {
    const correctedCounts = eventCounts(corrected);
    const knownCounts = eventCounts(known);
    this.#service.features.forEach(({ name }, i) => {
      const tally = this.#features[i];
      const value = served.values[i];
      if (served.missing.has(name) || equalValues(value, corrected.values[i])) return;
      const cause = classOf(
        this.#windows[i],
        served.counts,
        knownCounts,
        correctedCounts,
        equalValues(value, known.values[i]),
      );
      tally[cause] += 1;
      if (cause === 'logic' && this.suspects.length < MOST_SUSPECTS)
        this.suspects.push({ row: corrected, feature: i, served: value });
    });
  }

  /** Moves suspects that have the values of other generations to another class; null: they are right. */
  acquit(before: ReadonlyMap<string, PointInTimeRow>, to: 'staleness' | null): void {
    for (let s = this.suspects.length - 1; s >= 0; s -= 1) {
      const { row, feature, served } = this.suspects[s];
      const old = before.get(rowName(row));
      if (old === undefined || !equalValues(served, old.values[feature])) continue;
      this.#features[feature].logic -= 1;
      if (to !== null) this.#features[feature][to] += 1;
      this.suspects.splice(s, 1);
    }
  }

  report(logged: number): Omit<SkewReport, 'models'> {
    const features = this.#features.map(({ compared, missing, numbers, smape, lateness, staleness, logic }, i) => ({
      feature: this.#service.features[i].name,
      compared,
      missing,
      mismatches: { lateness, staleness, logic },
      smape: numbers === 0 ? null : smape / numbers,
    }));
    const total = (cause: MismatchClass) => features.reduce((sum, feature) => sum + feature.mismatches[cause], 0);
    return {
      service: this.#service.name,
      logged,
      vectors: this.#vectors,
      compared: features.reduce((sum, { compared }) => sum + compared, 0),
      missing: features.reduce((sum, { missing }) => sum + missing, 0),
      features,
      mismatches: { lateness: total('lateness'), staleness: total('staleness'), logic: total('logic') },
      examples: this.suspects.slice(0, EXAMPLES).map(({ row, feature, served }) => ({
        id: row.id,
        at: row.at,
        feature: this.#service.features[feature].name,
        served: String(served),
        recomputed: String(row.values[feature]),
      })),
    };
  }
}

/**
 * Inside a window events are only added: as many events are the same events. Equal counts and another value, or more
 * events than there are, is a fault of logic; fewer than had arrived is staleness; fewer than came in the end is lateness, also
 * with some that arrived behind the instant, while the answer was on its way.
 */
function classOf(
  windows: readonly number[],
  served: readonly number[],
  known: readonly number[],
  corrected: readonly number[],
  equalsKnown: boolean,
): MismatchClass {
  if (windows.some((w) => served[w] > corrected[w])) return 'logic';
  if (windows.every((w) => served[w] === corrected[w])) return 'logic';
  if (windows.some((w) => served[w] < known[w])) return 'staleness';
  return equalsKnown || windows.some((w) => served[w] > known[w]) ? 'lateness' : 'logic';
}

function eventCounts({ counts }: PointInTimeRow): readonly number[] {
  return counts.flatMap((lookup) => lookup.map((events) => events ?? 0));
}

function featureWindows(service: FeatureServiceData): readonly (readonly number[])[] {
  const columns = countColumns(service);
  const ofLookup = new Map(
    service.lookups.map(({ alias, view }) => [
      alias,
      view.kind === 'streamView'
        ? view.features.map(({ name }, index) => ({
            name,
            at: columns.indexOf(`n_${alias}_${windowsOf(view).findIndex(({ features }) => features.includes(index))}`),
          }))
        : [],
    ]),
  );
  const windowOf = (alias: string, feature: string) =>
    (ofLookup.get(alias) ?? []).filter(({ name }) => name === feature).map(({ at }) => at);
  return service.features.map(({ from, feature }) => {
    const computed = service.computed.find(({ alias }) => alias === from);
    if (computed === undefined) return windowOf(from, feature ?? '');
    const expressions = computed.kind === 'value' ? [computed.of] : Object.values(computed.inputs);
    return expressions.flatMap((expression) => {
      const inner = expression.kind === 'orElse' ? expression.of : expression;
      return inner.kind === 'feature' ? windowOf(inner.lookup, inner.feature) : [];
    });
  });
}

function equalValues(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
  return a === b;
}

function relativeDifference(a: number, b: number): number {
  return a === 0 && b === 0 ? 0 : Math.abs(a - b) / ((Math.abs(a) + Math.abs(b)) / 2);
}
