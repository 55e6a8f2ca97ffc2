import type { FeatureServiceData, OnDemandViewData } from '../../features/define/declaration.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { windowsOf } from '../../features/window/window-reader.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import { type PointInTimeRow, pointInTimeRows } from '../training-set/point-in-time.ts';
import { countColumns, servedTable } from './served-log.ts';

/**
 * Why a served value differs from what is recomputed from the history:
 * lateness — the data came after the instant, and no serving could have had it;
 * staleness — it had come, and was not yet in what was served;
 * logic — the same events gave another value: an incident.
 */
export type MismatchClass = 'lateness' | 'staleness' | 'logic';

export interface FeatureSkew {
  readonly feature: string;
  readonly compared: number;
  readonly mismatches: Readonly<Record<MismatchClass, number>>;
  /** The mean of |a − b| / ((|a| + |b|) / 2) over compared numbers, 0 where both are 0. */
  readonly smape: number | null;
}

export interface SkewReport {
  readonly service: string;
  readonly vectors: number;
  readonly features: readonly FeatureSkew[];
  readonly mismatches: Readonly<Record<MismatchClass, number>>;
  /** Up to ten logic mismatches, to look into. */
  readonly examples: readonly {
    readonly id: string;
    readonly at: number;
    readonly feature: string;
    readonly served: string;
    readonly recomputed: string;
  }[];
}

export interface AuditOptions {
  readonly service: FeatureServiceData;
  readonly offline: OfflineStore;
  /** Vectors served in [from, to), epoch ms. */
  readonly from: number;
  readonly to: number;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

const EXAMPLES = 10;

/** Recomputes every logged vector from the history, as of its instant, and puts each mismatch in its class. */
export async function auditSkew(options: AuditOptions): Promise<SkewReport> {
  const { service } = options;
  const known = new Map<string, PointInTimeRow>();
  for await (const rows of recomputed(options, 'as-known')) for (const row of rows) known.set(rowName(row), row);
  const tally = new Tally(service);
  for await (const rows of recomputed(options, 'corrected')) {
    for (const row of rows) tally.add(row, known.get(rowName(row)) ?? row, readServed(service, row.also));
  }
  return tally.report();
}

function rowName({ id, at }: PointInTimeRow): string {
  return `${at} ${id}`;
}

function recomputed({ service, offline, from, to, onComputeError }: AuditOptions, mode: 'corrected' | 'as-known') {
  const table = servedTable(service);
  const served = offline.relation(table);
  const within = `_at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT)`;
  const request = Object.keys(service.request).map((name) => `"r_${name}" AS "${name}"`);
  const logged = Object.keys(table.columns).filter(
    (name) => name.startsWith('f_') || name.startsWith('n_') || name === 'missing',
  );
  const columns = logged.map((name, i) => `"${name}" AS s_${i}`).join(', ');
  return pointInTimeRows({
    service,
    offline,
    spine: `SELECT _id, _at, ${request.join(', ')} FROM ${served} WHERE ${within}`,
    mode,
    counts: true,
    onComputeError,
    wrap: {
      sql: (answers) => `
        SELECT a.*, ${logged.map((_, i) => `s_${i}`).join(', ')} FROM (${answers}) AS a
        JOIN (SELECT _id AS s_id, _at AS s_at, ${columns} FROM ${served} WHERE ${within}) AS s ON s_id = a._id AND s_at = a._at`,
      columns: logged.length,
    },
  });
}

interface Served {
  readonly values: readonly Value[];
  readonly missing: ReadonlySet<string>;
  /** Events by stream lookup and window. */
  readonly counts: readonly number[];
}

function readServed(service: FeatureServiceData, also: readonly OfflineValue[]): Served {
  const width = service.features.length;
  const missing = also[width];
  return {
    values: service.features.map(({ type }, i) => valueDecoder(type)(also[i])),
    missing: new Set(Array.isArray(missing) ? missing.map(String) : []),
    counts: also.slice(width + 1).map(Number),
  };
}

/** Adds up the comparison by feature. */
class Tally {
  readonly #service: FeatureServiceData;
  /** By feature: the positions of the windows it depends on among the counts. */
  readonly #windows: readonly (readonly number[])[];
  readonly #features: {
    compared: number;
    lateness: number;
    staleness: number;
    logic: number;
    smape: number;
    numbers: number;
  }[];
  readonly #examples: SkewReport['examples'][number][] = [];
  #vectors = 0;

  constructor(service: FeatureServiceData) {
    this.#service = service;
    this.#windows = featureWindows(service);
    this.#features = service.features.map(() => ({
      compared: 0,
      lateness: 0,
      staleness: 0,
      logic: 0,
      smape: 0,
      numbers: 0,
    }));
  }

  add(corrected: PointInTimeRow, known: PointInTimeRow, served: Served): void {
    this.#vectors += 1;
    const correctedCounts = eventCounts(corrected);
    const knownCounts = eventCounts(known);
    this.#service.features.forEach(({ name }, i) => {
      if (served.missing.has(name)) return;
      const tally = this.#features[i];
      const value = served.values[i];
      tally.compared += 1;
      if (typeof value === 'number' && typeof corrected.values[i] === 'number') {
        tally.numbers += 1;
        tally.smape += relativeDifference(value, corrected.values[i]);
      }
      if (equalValues(value, corrected.values[i])) return;
      const cause = classOf(
        this.#windows[i],
        served.counts,
        knownCounts,
        correctedCounts,
        equalValues(value, known.values[i]),
      );
      tally[cause] += 1;
      if (cause === 'logic' && this.#examples.length < EXAMPLES) {
        this.#examples.push({
          id: corrected.id,
          at: corrected.at,
          feature: name,
          served: String(value),
          recomputed: String(corrected.values[i]),
        });
      }
    });
  }

  report(): SkewReport {
    const features = this.#features.map(({ compared, numbers, smape, lateness, staleness, logic }, i) => ({
      feature: this.#service.features[i].name,
      compared,
      mismatches: { lateness, staleness, logic },
      smape: numbers === 0 ? null : smape / numbers,
    }));
    const total = (cause: MismatchClass) => features.reduce((sum, feature) => sum + feature.mismatches[cause], 0);
    return {
      service: this.#service.name,
      vectors: this.#vectors,
      features,
      mismatches: { lateness: total('lateness'), staleness: total('staleness'), logic: total('logic') },
      examples: this.#examples,
    };
  }
}

/**
 * Inside a window events are only added: as many events are the same events. Equal counts and another value, or more
 * events than there are, is a fault of logic; fewer than had arrived is staleness; fewer than came in the end is lateness.
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
  return equalsKnown ? 'lateness' : 'logic';
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
