import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  OnDemandViewData,
} from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { neededFeatures } from '../../features/plan/needed-features.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { ServiceReadOptions } from '../../features/plan/service-read.ts';
import { serviceEvaluator } from '../../features/service/evaluate.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { type PointInTimeQuery, pointInTimeQuery } from '../../features/sql/point-in-time.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { cutNow, type Fit, inFittingSlices } from '../../schedule/fitting-slices.ts';
import type { Value } from '../../schema/column.ts';
import { type SlidAnswers, slidAnswers } from './slid-answers.ts';
import { cutSpine, sliceOf, WHOLE_SPINE } from './spine-slices.ts';

/** One row of a spine with its vector as of its instant. */
export interface PointInTimeRow {
  readonly id: string;
  readonly at: number;
  /** In the order of the service's features. */
  readonly values: readonly Value[];
  /** Events by stream lookup and window; empty unless asked for. */
  readonly counts: readonly (readonly (number | null)[])[];
  /** The columns that `wrap` added. */
  readonly also: readonly OfflineValue[];
}

/** The answers of a query: SQL of the offline store that gives its rows. */
export interface Answers {
  readonly query: PointInTimeQuery;
  readonly sql: string;
}

export interface AnsweredRowsOptions {
  readonly service: FeatureServiceData;
  readonly offline: OfflineStore;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Wraps the SELECT of the answers, which keeps its columns; the `columns` that it appends come out as `also`. */
  readonly wrap?: {
    readonly sql: (answers: string) => string;
    readonly columns: number;
    /** Its rows are ordered by instant and id. */
    readonly isOrdered?: boolean;
  };
}

export interface PointInTimeOptions extends AnsweredRowsOptions {
  /** A SELECT of `_id`, `_at` and the request columns. */
  readonly spine: string;
  readonly mode: ServiceReadOptions['mode'];
  readonly counts: boolean;
  /** SQL that stands for the generations of a batch view; the kept ones where it is left out. */
  readonly generationsOf?: (view: BatchViewData) => string;
  /** Shared by several joins of one piece of work: the slices that fit. */
  readonly fit?: Fit;
  /** Prefix of scratch files; without it they are in a temporary folder. */
  readonly scratch?: string | undefined;
  /** Called with progress in words. */
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The vectors of a service for the rows of a spine, each as of its instant, in no order. Streamed: memory is bounded by the join.
 * A join that does not fit into the memory of the offline store becomes several with less rows.
 */
export async function* pointInTimeRows(options: PointInTimeOptions): AsyncGenerator<readonly PointInTimeRow[]> {
  const { offline, spine, fit, wrap, onProgress } = options;
  const { slidOf, drop } = await slidAnswers({ ...options, ...relationsOf(options) });
  try {
    yield* inFittingSlices(
      [WHOLE_SPINE],
      (slice) => answeredRows(pointInTimeAnswers({ ...options, slidOf, spine: sliceOf(spine, slice) }), options),
      {
        cut: (slice) => cutSpine(offline, spine, slice),
        repeats: wrap?.isOrdered === true,
        onCut: (rows) => onProgress?.(cutNow(rows)),
        ...(fit === undefined ? {} : { fit }),
      },
    );
  } finally {
    drop();
  }
}

/** The answers of a service's lookups for the rows of a spine, by the offline store. */
export function pointInTimeAnswers(
  options: Pick<PointInTimeOptions, 'service' | 'offline' | 'spine' | 'mode' | 'counts' | 'generationsOf'> &
    Pick<SlidAnswers, 'slidOf'>,
): Answers {
  const { service, slidOf } = options;
  const query = pointInTimeQuery({
    service,
    spine: `(${options.spine})`,
    mode: options.mode,
    counts: options.counts,
    dialect: duckdb,
    slidOf,
    ...relationsOf(options),
  });
  return { query, sql: query.sql };
}

/** SQL text for the tables of a join in the offline store. */
export function relationsOf({ offline, generationsOf }: Pick<PointInTimeOptions, 'offline' | 'generationsOf'>) {
  return {
    deliveriesOf: (source: EventSourceData) => offline.relation(rawTable(source)),
    generationsOf: generationsOf ?? ((view: BatchViewData) => offline.relation(batchTable(view))),
  };
}

/** The vectors of a service from the answers of its lookups. */
export async function* answeredRows(
  { query, sql }: Answers,
  { service, offline, wrap, onComputeError }: AnsweredRowsOptions,
): AsyncGenerator<readonly PointInTimeRow[]> {
  const evaluate = serviceEvaluator(service);
  const readers = service.lookups.map((lookup) =>
    neededFeatures(service, lookup).map((name) => {
      const found = query.features.find((one) => one.lookup.alias === lookup.alias && one.feature === name);
      return found?.value ?? (() => null);
    }),
  );
  const counters = service.lookups
    .filter(({ view }) => view.kind === 'streamView')
    .map(({ alias }) => query.counts.filter(({ lookup }) => lookup.alias === alias));
  const added = wrap?.columns ?? 0;
  for await (const rows of offline.query(wrap?.sql(sql) ?? sql)) {
    yield rows.map((row): PointInTimeRow => {
      const lookups = readers.map((lookup) => lookup.map((read) => read(row)));
      return {
        id: String(query.id(row)),
        at: query.at(row),
        values: evaluate(query.request(row), lookups, onComputeError),
        counts: counters.map((lookup) => lookup.map(({ events }) => events(row))),
        also: row.slice(row.length - added),
      };
    });
  }
}
