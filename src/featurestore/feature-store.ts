import type { HeadraceError } from '../base/errors/fail.ts';
import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { OpenSpan } from '../base/tracer.ts';
import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  ProjectData,
  StreamViewData,
} from '../features/define/declaration.ts';
import type { Delivery } from '../features/engine/delivery.ts';
import { rawTable } from '../features/plan/raw-table.ts';
import { servedTable } from '../features/plan/served-table.ts';
import type { ReadMode } from '../features/plan/stream-read.ts';
import { type TileLayout, tileLayout } from '../features/tile/tile-layout.ts';
import type { ServingMeasures } from '../observe/serving-measures.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import type { Position } from '../ports/position.ts';
import type { RecordVerdicts } from '../ports/record-verdicts.ts';
import { readSpan } from '../schema/instant.ts';
import { backfillTiles } from './backfill/backfill.ts';
import type { Between } from './backfill/tile-tables.ts';
import { eraseReplaced, unstoredTiles } from './backfill/unstored-tiles.ts';
import { type Explanation, shownLookup } from './explain.ts';
import type { BackfillRun, FeatureStoreOptions } from './feature-store-options.ts';
import type { PlaceOf } from './ingest/gateway.ts';
import type { SourceCounters } from './ingest/ingest-part.ts';
import type { IngestReport } from './ingest/ingest-report.ts';
import type { RecentTimes } from './online/recent-times.ts';
import type { ServedVector, UnrecordedVector } from './online/served-vector.ts';
import type { ServiceReads } from './online/service-reads.ts';
import { type OpenStore, openStore } from './open-store.ts';
import { auditSkew } from './skew/audit.ts';
import { fedTable } from './skew/fed-log.ts';
import type { SkewReport } from './skew/skew-report.ts';
import { StoreFacts } from './store-facts.ts';
import type { TrainingSetRun } from './training-set/asked-training-set.ts';
import { type JoinedSpine, joinSpine } from './training-set/join-spine.ts';
import { type PastDeliveries, type PastVector, pastVectors } from './training-set/past-vectors.ts';
import type { SpineOptions } from './training-set/spine.ts';
import { type TrainingSetSummary, writeTrainingSet } from './training-set/training-set.ts';
import { untilTiles } from './until-tiles.ts';

/** A training set to write: the Parquet file, and how features are read. */
export interface SetToWrite extends TrainingSetRun {
  readonly path: string;
  readonly mode: ReadMode;
  /** Spans whose rows are left out, of a model's own rows. */
  readonly exclude?: readonly { readonly from: number; readonly to: number }[];
}

/** The embedded feature store: one process that takes events, keeps the tiles, serves vectors and writes the history. */
export class FeatureStore {
  /** The sources of figures, health and status. */
  readonly facts: StoreFacts;
  readonly #open: OpenStore;
  #works = 0;

  private constructor(open: OpenStore) {
    this.#open = open;
    this.facts = new StoreFacts(open);
  }

  /** Opens the topics, catches up with the log, and brings the history up to it. Errors: those of the stores. */
  static async open(options: FeatureStoreOptions): Promise<FeatureStore> {
    return new FeatureStore(await openStore(options));
  }

  get project(): ProjectData {
    return this.#open.options.project;
  }

  /** Measurements against every budget. */
  get measures(): ServingMeasures {
    return this.#open.measures;
  }

  /** Durations of calls: reads of a vector, and from the arrival of events to their being in the tiles. */
  get timings(): { readonly reads: RecentTimes; readonly freshness: RecentTimes } {
    return { reads: this.#open.reads.times, freshness: this.#open.freshness };
  }

  /** Takes events of a source; each is rejected alone, all others are in the log when this returns. Errors: DISK_DAY, DISK_FULL. */
  ingest(source: EventSourceData, events: readonly unknown[], trace?: OpenSpan | null): MaybePromise<IngestReport> {
    return this.#open.calls.ingest(source, events, trace);
  }

  /** Takes events of the past, in the order of their times, each as if it had come at its own. Errors: DISK_DAY, DISK_FULL. */
  bootstrap(source: EventSourceData, events: readonly unknown[]): Promise<IngestReport> {
    return this.#open.calls.bootstrap(source, events);
  }

  /** Takes deliveries of another log in its order, with its ingest times. Errors: DISK_DAY, DISK_FULL, LOG_ORDER. */
  replay(source: EventSourceData, deliveries: readonly Delivery[]): Promise<void> {
    return this.#open.calls.replay(source, deliveries);
  }

  /** Takes events of a topic of other services, which keeps them until they are taken. Errors: DISK_DAY, DISK_FULL, those of the log. */
  take(source: EventSourceData, events: readonly unknown[], placeOf: PlaceOf): Promise<IngestReport> {
    return this.#open.calls.take(source, events, placeOf);
  }

  /** Takes deliveries that were made here, such as scores, which are kept until they are taken. Errors: DISK_DAY, DISK_FULL, those of the log. */
  feed(source: EventSourceData, deliveries: readonly Delivery[]): Promise<IngestReport> {
    return this.#open.calls.feed(source, deliveries);
  }

  /** Counts and keeps a record of such a topic that is no event, as rejected. */
  refuse(source: EventSourceData, payload: string, error: HeadraceError, place: string): void {
    this.#open.calls.refuse(source, payload, error, place);
  }

  /** Reads a vector; `id` names the request in the log of served vectors. Errors: REQUEST_*, SERVICE_UNKNOWN. */
  read(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    id?: string,
    trace?: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    return this.#open.reads.read(service, request, at, id, trace);
  }

  /** Reads a vector for a use that is not certain yet; `recordUse` records it once it was used. Errors: as `read`. */
  look(service: FeatureServiceData, request: unknown, at: number, id: string): MaybePromise<UnrecordedVector> {
    return this.#open.reads.look(service, request, at, id);
  }

  /** Records a vector under the id of its use. */
  recordUse(id: string, used: UnrecordedVector): void {
    this.#open.reads.record(id, used);
  }

  /** Reads a vector as users see it. */
  vector(service: FeatureServiceData, request: unknown, at?: number): ReturnType<ServiceReads['vector']> {
    return this.#open.reads.vector(service, request, at);
  }

  /** Reads a vector as JSON text. */
  vectorText(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<string> {
    return this.#open.reads.text(service, request, at, trace);
  }

  /** Tiles that the last read of a service merged. */
  tilesMerged(service: FeatureServiceData): number {
    return this.#open.reads.tilesMerged(service);
  }

  /** Does what is due. Call it about once a second. It may throw an earlier failure of background work. */
  tick(): Promise<void> {
    return this.#open.cycle.tick();
  }

  /** Writes the changed tiles, and the position in the log, to the online store. */
  commit(): Promise<void> {
    return this.#open.cycle.commit();
  }

  /** Whether other processes read what this one commits, as far as the store knows without a request. */
  get hasReaders(): boolean {
    return this.#open.cycle.hasReaders;
  }

  /** Commits if readers of other processes wait for it. */
  share(): Promise<void> {
    return this.#open.cycle.share();
  }

  /** Commits the tiles and publishes everything that waits; every store then has what was ingested before. */
  flush(): Promise<void> {
    return this.#open.cycle.flush();
  }

  /** Publishes the deliveries that wait, so that the history has every one that was taken before. */
  publishDeliveries(): Promise<void> {
    return this.#open.archive.publishDeliveries();
  }

  /** Drops records that are older than the retention and that every store has. */
  retainLog(): Promise<void> {
    return this.#open.retention.retain();
  }

  /** Recomputes the closed tiles of a stream view from the history, or runs a batch view now. Errors: INSTANT_*, BACKFILL_*, BATCH_*, JOB_CANCELLED. */
  async backfill(
    view: StreamViewData | BatchViewData,
    between: Between = { from: null, to: null },
    { onProgress = () => undefined, acceptLoss = false, signal }: BackfillRun = {},
  ): Promise<Readonly<Record<string, number>>> {
    readSpan(between, this.#open.options.clock(), 'the backfill');
    await this.flush();
    if (signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `backfill ${view.name}` });
    if (view.kind === 'batchView') {
      if (between.from !== null || between.to !== null) throw fail('BACKFILL_SPAN', { view: view.name });
      const { rows, nullKeys } = await this.#open.batch.run(view, { acceptLoss, signal, onProgress });
      return { rows, nullKeys };
    }
    const { materialiser, fill, options } = this.#open;
    const { offline, engine = null } = options;
    const layout = this.#layoutOf(view);
    const unstored = await unstoredTiles(view, offline);
    const logClock = materialiser.judge.clockOf(view.source);
    // An event that another process adds to a computed tile would be in it twice.
    await untilTiles(materialiser, view.source);
    const tiles = backfillTiles({ layout, offline, engine, logClock, between, onProgress, signal });
    const report = await materialiser.replaceTiles(tiles);
    await eraseReplaced(unstored, { layout, offline, logClock, between });
    return { ...report, verified: await fill.verifySample(layout) };
  }

  /** Computes all tiles of a stream view from the history, whatever the store has. No event may be taken meanwhile. Error: BACKFILL_DIFFERS. */
  async computeTilesAgain(view: StreamViewData): Promise<void> {
    await this.flush();
    await this.#open.fill.again(this.#layoutOf(view));
  }

  /** Serves the generation of a batch view before the newest again. Error: BATCH_GENERATION. */
  async rollBack(view: BatchViewData): Promise<Readonly<Record<string, number>>> {
    const { rows, generation } = await this.#open.batch.rollBack(view);
    return { rows, as_of: generation.asOf };
  }

  /** Writes a training set as one Parquet file, over everything that was ingested. */
  async writeTrainingSet(
    model: ModelData,
    between: { readonly from: number | null; readonly to: number | null },
    { mode, path, exclude = [], ...run }: SetToWrite,
  ): Promise<TrainingSetSummary> {
    await this.flush();
    const { offline, engine = null, clock, onComputeError } = this.#open.options;
    const asked = { model, offline, engine, between, now: clock(), mode, exclude, onComputeError };
    return writeTrainingSet({ ...asked, ...progressOf(run) }, path);
  }

  /** Writes a user's spine with the features of a service as of each row's instant, over everything that was ingested. */
  async joinSpine(
    service: FeatureServiceData,
    spine: SpineOptions,
    { mode, path, ...run }: SetToWrite,
  ): Promise<JoinedSpine> {
    await this.flush();
    const { offline, engine = null, clock, onComputeError } = this.#open.options;
    return joinSpine({ service, offline, engine, spine, mode, now: clock(), onComputeError, ...progressOf(run) }, path);
  }

  /** By offset, the vectors of deliveries as of their own event times, from the history: everything that was ingested is in it first. */
  async pastVectors(deliveries: PastDeliveries): Promise<ReadonlyMap<number, PastVector>> {
    await this.flush();
    const { offline, onComputeError } = this.#open.options;
    return pastVectors({ ...deliveries, offline, onComputeError, scratch: this.#scratch() });
  }

  /** A vector with the tiles and events behind its streaming values; nothing of it is recorded. Errors: as `read`. */
  async explain(service: FeatureServiceData, request: unknown, at?: number): Promise<Explanation> {
    const { vector, lookups } = await this.#open.reads.explain(service, request, at);
    await this.publishDeliveries();
    const { offline } = this.#open.options;
    return { vector, lookups: await Promise.all(lookups.map((lookup) => shownLookup(lookup, offline))) };
  }

  /** Deliveries of a source, up to some offsets, that processes which make the tiles have not put into them. */
  missingTiles(source: EventSourceData, to: readonly number[]): Promise<number> {
    return this.#open.materialiser.missing(source, to);
  }

  /** The verdicts on the records of a stream's source, for one reader of it. */
  verdictsOf(source: EventSourceData): RecordVerdicts {
    return this.#open.verdicts.readerOf(source);
  }

  /** Recomputes the logged vectors served in [from, to) and classes every mismatch. */
  async auditSkew(service: FeatureServiceData, from: number, to: number): Promise<SkewReport> {
    readSpan({ from, to }, this.#open.options.clock(), 'the audit');
    await this.flush();
    const { offline, onComputeError, project } = this.#open.options;
    const scratch = this.#scratch();
    return auditSkew({ service, models: project.models, offline, from, to, scratch, onComputeError });
  }

  /** Drops a key's tiles and batch rows; returns the position up to which events were in them. Error: STORE_CAPABILITY. */
  forgetKey(views: readonly StreamViewData[], batchViews: readonly string[], key: string): Promise<Position> {
    const layouts = views.map((view) => this.#layoutOf(view));
    return this.#open.materialiser.forgetKey(layouts, batchViews, key);
  }

  counters(source: EventSourceData): SourceCounters {
    return this.facts.counters(source);
  }

  /** Takes vectors that a reader's process served and logged, to be published with those of this one. */
  takeServed(tables: readonly TableAppend[]): void {
    const { services, models } = this.#open.options.project;
    const known = new Set([...services.map(servedTable), ...models.map(fedTable)].map(({ name }) => name));
    this.#open.served.keep(tables.filter(({ table }) => known.has(table.name)));
  }

  /** SQL text of a source's raw deliveries in the offline store. */
  deliveries(source: EventSourceData): string {
    return this.#open.options.offline.relation(rawTable(source));
  }

  /** Ends the background work, then brings every store up to what was ingested. */
  close(): Promise<void> {
    return this.#open.cycle.close();
  }

  /** Prefix of the scratch files of one piece of work; null: there is no place for them. */
  #scratch(): string | null {
    const { scratch } = this.#open.options;
    this.#works += 1;
    return scratch === undefined ? null : `${scratch}${this.#works}`;
  }

  #layoutOf(view: StreamViewData): TileLayout {
    return this.#open.layouts.get(view) ?? tileLayout(view);
  }
}

function progressOf({ onLine, signal }: TrainingSetRun): {
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
} {
  return { ...(onLine === undefined ? {} : { onProgress: onLine }), ...(signal === undefined ? {} : { signal }) };
}
