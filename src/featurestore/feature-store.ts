import { setImmediate } from 'node:timers/promises';
import { fail, type HeadraceError } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { OpenSpan, Tracer } from '../base/tracer.ts';
import type { SchemaTexts } from '../features/change/source-schemas.ts';
import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  OnDemandViewData,
  ProjectData,
  StreamViewData,
} from '../features/define/declaration.ts';
import type { Delivery } from '../features/engine/delivery.ts';
import { rawTable } from '../features/plan/raw-table.ts';
import type { ReadMode } from '../features/plan/stream-read.ts';
import { tileTable } from '../features/plan/tile-table.ts';
import { type TileLayout, tileLayout } from '../features/tile/tile-layout.ts';
import { type FeaturesReport, featuresReport } from '../monitoring/features/features-report.ts';
import { Quarantine } from '../monitoring/features/quarantine.ts';
import { ServingMeasures } from '../observe/serving-measures.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { HistoryEngine } from '../ports/history-engine.ts';
import type { DamagedFile, OfflineStore, TableAppend } from '../ports/offline-store.ts';
import type { OnlineStore, StoreCheck } from '../ports/online-store.ts';
import type { Position } from '../ports/position.ts';
import type { TileTopics } from '../ports/tile-topics.ts';
import { Background } from '../schedule/background.ts';
import { allTiles, backfillTiles } from './backfill/backfill.ts';
import type { Between } from './backfill/tile-tables.ts';
import { eraseReplaced, unstoredTiles } from './backfill/unstored-tiles.ts';
import { verifyTiles } from './backfill/verify-tiles.ts';
import { type BatchHealth, BatchSchedule } from './batch/batch-schedule.ts';
import type { DiskBudget } from './disk/disk-budget.ts';
import { dropUndeclared, isFilled, markDeclared, markFilled } from './fill-marks.ts';
import { HotTiles } from './hotkeys/hot-tiles.ts';
import { Gateway, type PlaceOf, topicOf } from './ingest/gateway.ts';
import type { SourceCounters, Unwritten } from './ingest/ingest-part.ts';
import { type IngestReport, loggedIn } from './ingest/ingest-report.ts';
import { IngestTrace } from './ingest/ingest-trace.ts';
import { sourceRows } from './ingest/source-rows.ts';
import { Archive, TILE_READER } from './materialise/archive.ts';
import { Materialiser, type TakeJudged } from './materialise/materialiser.ts';
import { NewestTiles } from './materialise/newest-tiles.ts';
import type { ReaderLag } from './materialise/reader-lag.ts';
import { remoteTiles } from './materialise/remote-tiles.ts';
import { retainHistory } from './materialise/retain-history.ts';
import type { TileHealth } from './materialise/tile-intake.ts';
import type { UnreadableReport } from './materialise/unreadable-records.ts';
import type { MemoryReport } from './memory/memory-part.ts';
import { RecentTimes } from './online/recent-times.ts';
import type { ServedVector } from './online/served-vector.ts';
import { ServiceReads } from './online/service-reads.ts';
import { storeTiles } from './online/store-tiles.ts';
import { type TileSource, toldTiles } from './online/tile-source.ts';
import { type Unstored, unstoredOf } from './publish-storable.ts';
import { auditSkew, type SkewReport } from './skew/audit.ts';
import { servedTable } from './skew/served-log.ts';
import { ServedPublisher } from './skew/served-publisher.ts';
import { SkewSchedule, type SkewVerdict } from './skew/skew-schedule.ts';
import { type JoinedSpine, joinSpine } from './training-set/join-spine.ts';
import type { SpineOptions } from './training-set/spine.ts';
import { type TrainingSetSummary, writeTrainingSet } from './training-set/training-set.ts';

/** How a backfill is followed and ended. */
export interface BackfillRun {
  /** Takes in words how an engine goes on. */
  readonly onProgress?: (text: string) => void;
  /** Switch to the run of a batch view however many keys it lacks. */
  readonly acceptLoss?: boolean;
  /** Ends it with JOB_CANCELLED: a stream view between two batches of tiles, a batch view before its run. */
  readonly signal?: AbortSignal;
}

/**
 * Deliveries after which the tiles are committed whatever the time: a commit writes every page that holds a changed tile,
 * so that few large ones cost much less than many small ones. The log is the truth for what is not committed.
 */
const COMMIT_EVERY = 250_000;

/** Longest time between two commits while events come, ms: what a restart has to read again. */
const COMMIT_AFTER_MS = 10_000;

/** Readers of other processes hear so often that nothing has come, ms: what they answer is not older than that. */
const SHARE_IDLE_MS = 500;

/** Longest time that rows wait to be published while the store ticks, ms. */
const FLUSH_AFTER_MS = 60_000;

/** Time between two files of the history that are compared with their sums where nothing waits, ms. */
const SCRUB_EVERY_MS = 10_000;

/** Rows waiting for the offline store above which they are published, behind the calls that go on. */
const PUBLISH_ABOVE = 300_000;

/** Rows waiting above which calls wait for the publish that is under way. */
const WAIT_ABOVE = 900_000;

/** Deliveries to be committed from which on they are published first: most of their tiles need not be written then. */
const PUBLISH_FIRST = 25_000;

/** Tiles that nothing can reach are looked for this often at most, ms: it is a walk over every key. */
const DROP_AFTER_MS = 30_000;

export interface FeatureStoreOptions {
  readonly project: ProjectData;
  /** Columns that rows of the log may have been written under; only the declared ones where it is left out. */
  readonly schemas?: SchemaTexts;
  readonly log: EventLog;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  /** Where another engine writes the tiles; left out: this process makes them. */
  readonly topics?: TileTopics | undefined;
  /** Whether other processes write those to the online store, which is then read as they have left it. */
  readonly apart?: boolean;
  /** What computes over the history; left out: the offline store itself. */
  readonly engine?: HistoryEngine | undefined;
  readonly partitions: number;
  /** The most bytes of what grows with keys. */
  readonly memoryBytes: number;
  readonly sampleRate: number;
  /** Takes what models were fed since the last call, to be published with the vectors that they were fed from. */
  readonly drainFed?: () => readonly TableAppend[];
  /** `historyBytes` is the budget of each table of the offline store. */
  readonly retention: { readonly logAgeMs: number; readonly logBytes: number; readonly historyBytes: number };
  /** Without it nothing bounds what a day adds. */
  readonly disk?: DiskBudget;
  readonly clock: Clock;
  /** Called once with every judged delivery, in log order; `offset` is that of the first. */
  readonly judged?: TakeJudged;
  /** Further topics of the log that are trimmed with those of the sources. */
  readonly otherTopics?: readonly LoggedTopic[];
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Sees what goes wrong between calls. */
  readonly onFault?: (error: unknown) => void;
  /** null, or left out: nothing is traced. */
  readonly tracer?: Tracer | null;
}

/** A topic of the log and what a restart of its readers has to read: the first offset, by partition. */
export interface LoggedTopic {
  readonly topic: string;
  readonly keepFrom: () => MaybePromise<readonly number[]>;
}

/** The embedded feature store: one process that takes events, keeps the tiles, serves vectors and writes the history. */
export class FeatureStore {
  readonly project: ProjectData;
  /** From the arrival of a call's events to their being in what is served. */
  readonly freshness = new RecentTimes();
  /** What was measured against every budget. */
  readonly measures: ServingMeasures;
  readonly #options: FeatureStoreOptions;
  readonly #gateway: Gateway;
  readonly #materialiser: Materialiser;
  readonly #archive: Archive;
  readonly #batch: BatchSchedule;
  readonly #quarantine: Quarantine;
  readonly #served: ServedPublisher;
  readonly #skew: SkewSchedule;
  readonly #layouts: ReadonlyMap<StreamViewData, TileLayout>;
  readonly #reads: ServiceReads;
  /** Of tiles that others write. */
  readonly #hot: HotTiles | null;
  /** What the store said last of how fresh those are. */
  #toldUntil = Number.NEGATIVE_INFINITY;
  #committedAt = performance.now();
  #flushedAt = performance.now();
  #droppedAt = performance.now();
  #undeclaredDropped = false;
  readonly #committing = new Background();
  readonly #flushing = new Background();
  readonly #scrubbing = new Background();
  #scrubbedAt = performance.now();
  /** The dropping of stored tiles. */
  readonly #dropping = new Background();
  readonly #closing = new AbortController();

  private constructor(options: FeatureStoreOptions, parts: Parts) {
    this.project = options.project;
    this.measures = parts.measures;
    this.#quarantine = parts.quarantine;
    this.#served = new ServedPublisher(options.offline);
    this.#skew = parts.skew;
    this.#options = options;
    this.#gateway = parts.gateway;
    this.#materialiser = parts.materialiser;
    this.#archive = parts.archive;
    this.#batch = parts.batch;
    this.#layouts = parts.layouts;
    const { project, online, sampleRate, clock, onComputeError } = options;
    const { layouts, measures } = parts;
    this.#hot = parts.hot;
    const tiles = parts.hot === null ? writerTiles(parts.materialiser) : storeTiles(parts.hot);
    this.#reads = new ServiceReads({
      project,
      online,
      layouts,
      tiles,
      measures,
      sampleRate,
      clock,
      onComputeError,
      tracer: options.tracer ?? null,
    });
  }

  /** Opens the topics, catches up with the log, and brings the history up to it. */
  static async open(options: FeatureStoreOptions): Promise<FeatureStore> {
    const { project, log, online, offline, engine = null, clock, partitions } = options;
    const measures = new ServingMeasures(project);
    const quarantine = new Quarantine();
    const layouts = new Map(streamViews(project).map((view): [StreamViewData, TileLayout] => [view, tileLayout(view)]));
    const rowsOf = sourceRows(options.schemas ?? {}, log.capabilities.rows);
    for (const source of project.sources) await offline.evolve(rawTable(source));
    // Tables of an earlier version have sums of 64 bits.
    for (const { view } of layouts.values())
      for (const hopMs of view.hopsMs) await offline.evolve(tileTable(view, hopMs));
    const wiring: { materialiser?: Materialiser; archive?: Archive; batch?: BatchSchedule } = {};
    const gateway = await Gateway.open({
      log,
      partitions,
      clock,
      sources: project.sources,
      rowsOf,
      listener: (source, partition, offset, deliveries) => {
        const taken = wiring.materialiser?.offer(source, partition, offset, deliveries);
        measures.arrived(source, deliveries);
        return taken ?? [];
      },
      refused: (source, event, error, at, place) => quarantine.add(source, event, error, at, place),
    });
    await markDeclared([...layouts.values()], online);
    const { remote } = online;
    const hot = options.apart === true && remote !== undefined ? new HotTiles(remote, clock) : null;
    const apart = hot === null ? undefined : { from: await offline.position(TILE_READER), newest: new NewestTiles() };
    const materialiser = await Materialiser.open({
      log,
      store: online,
      topics: options.topics,
      apart,
      sources: project.sources,
      rowsOf,
      layouts: [...layouts.values()],
      memoryBytes: options.memoryBytes,
      changed: (layout, key, changes) => wiring.archive?.touch(layout, key, changes),
      clock,
      ...(options.onFault === undefined ? {} : { onFault: options.onFault }),
      unreadable: (source, payload, error) => {
        quarantine.add(source, new TextDecoder().decode(payload), error, clock());
        options.onFault?.(error);
      },
      rewound: () =>
        fillAfterLoss([...layouts.values()], { ...wiring, online, offline, engine }, project, options.onFault),
      archivedUpTo: () => wiring.archive?.publishedClock ?? Number.NEGATIVE_INFINITY,
      judged: (source, partition, offset, deliveries, verdicts) => {
        wiring.archive?.take(source, partition, offset, deliveries, verdicts);
        options.judged?.(source, partition, offset, deliveries, verdicts);
      },
    });
    wiring.materialiser = materialiser;
    const archive = await Archive.open(
      {
        log,
        offline,
        sources: project.sources,
        rowsOf,
        layouts: [...layouts.values()],
        tiles: materialiser.tiles,
        topics: options.topics,
        newest: apart?.newest,
      },
      materialiser.position(),
    );
    wiring.archive = archive;
    await fillNewLayouts([...layouts.values()], { materialiser, archive, online, offline, engine });
    const views = project.views.filter((view): view is BatchViewData => view.kind === 'batchView');
    const batch = await BatchSchedule.open({ views, online, offline, clock, tracer: options.tracer ?? null });
    const { onComputeError } = options;
    const skew = await SkewSchedule.open({ ...project, offline, clock, onComputeError });
    wiring.batch = batch;
    await materialiser.feed?.start();
    const others = (options.otherTopics ?? []).map(({ topic }) => topic);
    await options.disk?.measure({ log, offline, topics: [...project.sources.map(topicOf), ...others] });
    materialiser.follow();
    const parts = { gateway, materialiser, archive, batch, layouts, measures, quarantine, skew, hot };
    return new FeatureStore(options, parts);
  }

  /** Takes events of a source; each is refused alone, all others are in the log when this returns. Errors: DISK_DAY, DISK_FULL. */
  ingest(source: EventSourceData, events: readonly unknown[], trace?: OpenSpan | null): MaybePromise<IngestReport> {
    this.#options.disk?.mustTake(events.length);
    const span = this.#partOf(trace, `ingest ${source.name}`);
    if (span !== null) return this.#ingestTraced(source, events, span);
    const started = performance.now();
    const report = this.#gateway.ingest(source, events);
    if (report instanceof Promise) return report.then((later) => this.#ingested(source, started, later));
    return this.#ingested(source, started, report);
  }

  /** Takes events of the past, in the order of their times, each as if it had come at its own. Errors: DISK_DAY, DISK_FULL. */
  async bootstrap(source: EventSourceData, events: readonly unknown[]): Promise<IngestReport> {
    this.#options.disk?.mustTake(events.length);
    const started = performance.now();
    return this.#ingested(source, started, await this.#gateway.bootstrap(source, events));
  }

  /** Takes deliveries that another log has, in its order, ingest times as there. Errors: DISK_DAY, DISK_FULL, LOG_ORDER. */
  async replay(source: EventSourceData, deliveries: readonly Delivery[]): Promise<void> {
    this.#options.disk?.mustTake(deliveries.length);
    const started = performance.now();
    const report = await this.#gateway.replay(source, deliveries);
    await this.#ingested(source, started, report);
  }

  /** Takes events of a topic of others, which keeps them while they are not taken. Errors: DISK_DAY, DISK_FULL, those of the log. */
  async take(source: EventSourceData, events: readonly unknown[], placeOf: PlaceOf): Promise<IngestReport> {
    this.#options.disk?.mustTake(events.length, true);
    const started = performance.now();
    return this.#ingested(source, started, await this.#gateway.ingest(source, events, null, placeOf));
  }

  /** Counts and keeps what a topic of others has and is no event, as refused. */
  refuse(source: EventSourceData, payload: string, error: HeadraceError, place: string): void {
    this.#gateway.refuse(source, payload, error, place);
  }

  #ingestTraced(source: EventSourceData, events: readonly unknown[], span: OpenSpan): Promise<IngestReport> {
    const steps = new IngestTrace(span);
    const started = performance.now();
    return span.around(async () => {
      const report = await this.#gateway.ingest(source, events, steps);
      steps.end(report);
      return this.#ingested(source, started, report);
    });
  }

  /** A span that is a part of a caller's; of the sample where there is none. */
  #partOf(trace: OpenSpan | null | undefined, name: string): OpenSpan | null {
    if (trace === undefined) return this.#options.tracer?.begin(name) ?? null;
    return trace === null ? null : trace.child(name);
  }

  #ingested(source: EventSourceData, started: number, report: IngestReport): MaybePromise<IngestReport> {
    const now = performance.now();
    // What another engine makes of them comes later: the age of what is served says when.
    if (this.#materialiser.intake === null) this.freshness.add(now - started);
    if (loggedIn(report) > 0 && this.#materialiser.intake === null) this.measures.servable(source, now - started, now);
    const { uncommitted } = this.#materialiser;
    const { tiles } = this.#materialiser;
    if (uncommitted >= COMMIT_EVERY || tiles.mustCommit) this.#committing.start(() => this.commit());
    // Calls that write faster than can be committed wait.
    if (uncommitted >= 2 * COMMIT_EVERY || tiles.isFull) return this.#committing.settled().then(() => report);
    // Its turns come between those of the callers, who may never leave the event loop one.
    return this.#committing.busy ? setImmediate(report) : report;
  }

  /** Time of a read of a vector. */
  get reads(): RecentTimes {
    return this.#reads.times;
  }

  /** Reads a vector; `id` names the request in the log of served vectors. Errors: REQUEST_*, SERVICE_UNKNOWN. */
  read(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    id?: string,
    trace?: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    return this.#reads.read(service, request, at, id, trace);
  }

  /** Reads a vector as users see it. */
  vector(service: FeatureServiceData, request: unknown, at?: number): ReturnType<ServiceReads['vector']> {
    return this.#reads.vector(service, request, at);
  }

  /** Reads a vector as JSON text. */
  vectorText(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<string> {
    return this.#reads.text(service, request, at, trace);
  }

  /**
   * Does what is due: commits, batch views; publishing and retention go on behind it, and what goes wrong there is thrown by
   * a later call. Call it about once a second of the clock.
   */
  async tick(): Promise<void> {
    this.#committing.check();
    this.#flushing.check();
    this.#scrubbing.check();
    this.#dropping.check();
    if (this.#hot !== null) await this.#hear(this.#hot).catch(this.#options.onFault ?? (() => undefined));
    const { uncommitted } = this.#materialiser;
    // A publish that is under way ends with a commit, and where there is much to commit one begins before it.
    const publishFirst = uncommitted >= PUBLISH_FIRST;
    const commitDue = this.#commitDue() || this.hasReaders;
    if (uncommitted > 0 && !publishFirst && commitDue && !this.#flushing.busy)
      this.#committing.start(() => this.commit());
    if (this.#batch.due().length > 0) {
      await this.#archive.publishDeliveries();
      await this.#batch.runDue();
    }
    if (this.#skew.due) {
      await this.flush();
      await this.#skew.runDue();
    }
    const waiting = this.#waiting();
    if (waiting >= WAIT_ABOVE) await this.#flushing.settled();
    const overdue = performance.now() - this.#flushedAt >= FLUSH_AFTER_MS;
    if (waiting >= PUBLISH_ABOVE || overdue || (publishFirst && this.#commitDue()))
      this.#flushing.start(() => this.#publish(() => this.#commitDue()));
    // Its turns come between those of the callers, who may never leave the event loop one.
    if (waiting === 0 && performance.now() - this.#scrubbedAt >= SCRUB_EVERY_MS) this.#scrub();
    if (this.#flushing.busy || this.#committing.busy) await setImmediate();
  }

  /** Compares one file of the history with its sum; what it finds is in {@link damaged}, and told once. */
  #scrub(): void {
    const { offline, onFault = () => undefined } = this.#options;
    this.#scrubbedAt = performance.now();
    this.#scrubbing.start(async () => {
      const known = new Set(offline.damaged().map(({ file }) => file));
      const damaged = await offline.check(1);
      for (const { file, reason } of damaged) if (!known.has(file)) onFault(fail('OFFLINE_CORRUPT', { file, reason }));
    });
  }

  /** Files of the history whose bytes are not those that were published. */
  damaged(): readonly DamagedFile[] {
    return this.#options.offline.damaged();
  }

  /** Hears what others say of the tiles that they write, and of keys that are hot. */
  async #hear(hot: HotTiles): Promise<void> {
    this.#toldUntil = (await this.#options.online.remote?.freshUntil()) ?? Number.NEGATIVE_INFINITY;
    await hot.share();
  }

  /** Writes the tiles that changed, and the position in the log, to the online store. */
  async commit(): Promise<void> {
    this.#committedAt = performance.now();
    const span = this.#partOf(undefined, 'commit');
    span?.set({ 'headrace.events': this.#materialiser.uncommitted });
    await (span === null ? this.#materialiser.commit() : span.around(() => this.#materialiser.commit()));
  }

  /** Tiles that the last read of a service merged. */
  tilesMerged(service: FeatureServiceData): number {
    return this.#reads.tilesMerged(service);
  }

  /** Whether other processes read what this one commits, as far as the store tells without a call. */
  get hasReaders(): boolean {
    return this.#options.online.hasReaders?.() ?? false;
  }

  /** Commits where readers of other processes wait for it: what came, or after a while that nothing did. */
  async share(): Promise<void> {
    // A store behind a network is committed to anyway.
    if (this.#materialiser.feed !== null) return;
    if (this.#materialiser.uncommitted > 0 || performance.now() - this.#committedAt >= SHARE_IDLE_MS)
      await this.commit();
  }

  /** Commits the tiles and publishes everything that waits; what was ingested before is in every store afterwards. */
  flush(): Promise<void> {
    return this.#publish(() => true);
  }

  /** Publishes the deliveries that wait, so that the history has every one that was taken before. */
  publishDeliveries(): Promise<void> {
    return this.#archive.publishDeliveries();
  }

  #commitDue(): boolean {
    return performance.now() - this.#committedAt >= COMMIT_AFTER_MS;
  }

  /** Publishes everything that waits and, where `commits` then says so, commits the tiles. */
  async #publish(commits: () => boolean): Promise<void> {
    this.#flushedAt = performance.now();
    const { position, clock } = await this.#materialiser.tellChanges();
    // Drained before the deliveries and published after them: who reads a logged vector finds every event that it had.
    const served = this.#drainServed();
    try {
      await Promise.all([this.#archive.publishDeliveries(), this.#archive.publishTiles(position, clock)]);
    } catch (error) {
      this.#served.keep(served);
      throw error;
    } finally {
      // After the history: what it has, and no window can reach any more, need not be written to the online store.
      if (commits()) await this.commit();
    }
    await this.#served.publish(served);
    await retainHistory(this.#options.offline, this.#options.retention.historyBytes);
    // A walk over every key: neither this publish nor the next one waits for it.
    if (!this.#closing.signal.aborted) this.#dropping.start(() => this.#dropTiles());
    await this.retainLog();
    await this.#settleDisk();
  }

  /** Drops tiles that nothing can reach, and once those of layouts that are not declared, until the store is closed. */
  async #dropTiles(): Promise<void> {
    const { signal } = this.#closing;
    if (performance.now() - this.#droppedAt >= DROP_AFTER_MS) {
      this.#droppedAt = performance.now();
      await this.#materialiser.dropUnreachable(signal);
    }
    if (this.#undeclaredDropped) return;
    await dropUndeclared([...this.#layouts.values()], this.#options.online, signal);
    this.#undeclaredDropped = true;
  }

  /** Computes the closed tiles of a stream view anew from the history, or runs a batch view now; `acceptLoss` switches to a run that lost too many keys. */
  async backfill(
    view: StreamViewData | BatchViewData,
    between: Between = { from: null, to: null },
    { onProgress = () => undefined, acceptLoss = false, signal }: BackfillRun = {},
  ): Promise<Readonly<Record<string, number>>> {
    await this.flush();
    if (signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `backfill ${view.name}` });
    if (view.kind === 'batchView') {
      if (between.from !== null || between.to !== null) throw fail('BACKFILL_SPAN', { view: view.name });
      const { rows, nullKeys } = await this.#batch.run(view, acceptLoss);
      return { rows, nullKeys };
    }
    const layout = this.#layoutOf(view);
    const { offline, engine = null } = this.#options;
    const unstored = await unstoredTiles(view, offline);
    const logClock = this.#materialiser.clockOf(view.source);
    const tiles = backfillTiles({ layout, offline, engine, logClock, between, onProgress, signal });
    const report = await this.#materialiser.replaceTiles(tiles);
    await eraseReplaced(unstored, { layout, offline, logClock, between });
    return {
      ...report,
      verified: await verifySample(layout, { materialiser: this.#materialiser, archive: this.#archive, offline }),
    };
  }

  /** Serves the generation of a batch view before the newest again. Error: BATCH_GENERATION. */
  async rollBack(view: BatchViewData): Promise<Readonly<Record<string, number>>> {
    const { rows, generation } = await this.#batch.rollBack(view);
    return { rows, as_of: generation.asOf };
  }

  /** Drops what the log need not keep: older than the retention and, as just published, taken by every store. */
  async retainLog(): Promise<void> {
    const { log, retention, clock } = this.#options;
    for (const { topic, keepFrom } of this.#topics()) {
      await log.retain(topic, {
        olderThanIngestTs: clock() - retention.logAgeMs,
        maxBytes: retention.logBytes,
        keepFrom: await keepFrom(),
      });
    }
  }

  /** Writes a training set as one Parquet file, over all that was ingested. */
  async writeTrainingSet(
    model: ModelData,
    between: { readonly from: number | null; readonly to: number | null },
    mode: ReadMode,
    path: string,
    onProgress?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<TrainingSetSummary> {
    await this.flush();
    const { offline, engine = null, clock, onComputeError } = this.#options;
    const told = { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) };
    return writeTrainingSet({ model, offline, engine, between, now: clock(), mode, onComputeError, ...told }, path);
  }

  /** Writes a user's spine with the features of a service as of each row's instant, over all that was ingested. */
  async joinSpine(
    service: FeatureServiceData,
    spine: SpineOptions,
    mode: ReadMode,
    path: string,
    onProgress?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<JoinedSpine> {
    await this.flush();
    const { offline, engine = null, onComputeError } = this.#options;
    const told = { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) };
    return joinSpine({ service, offline, engine, spine, mode, onComputeError, ...told }, path);
  }

  /** Recomputes the logged vectors served in [from, to) and classes every mismatch. */
  async auditSkew(service: FeatureServiceData, from: number, to: number): Promise<SkewReport> {
    await this.flush();
    const { offline, onComputeError } = this.#options;
    return auditSkew({ service, models: this.project.models, offline, from, to, onComputeError });
  }

  /** What the features and events of [from, to) look like. */
  async featuresReport(from: number, to: number): Promise<FeaturesReport> {
    await this.flush();
    return featuresReport(this.project, this.#options.offline, from, to);
  }

  /** Drops a key's tiles and batch rows; gives the position up to which events were in them. Error: STORE_CAPABILITY. */
  forgetKey(views: readonly StreamViewData[], batchViews: readonly string[], key: string): Promise<Position> {
    return this.#materialiser.forgetKey(
      views.map((view) => this.#layoutOf(view)),
      batchViews,
      key,
    );
  }

  /** Memory that grows with keys. */
  memory(): MemoryReport {
    const { busyBytes, keys, evicted } = this.#materialiser.tiles;
    const parts = this.#materialiser.memory();
    return { budgetBytes: this.#options.memoryBytes, parts, uncommittedBytes: busyBytes, keys, evicted };
  }

  /** How far the online store has been checked; null of one that is always whole. */
  storeCheck(): StoreCheck | null {
    return this.#options.online.check?.() ?? null;
  }

  counters(source: EventSourceData): SourceCounters {
    return { gateway: this.#gateway.counters(source), admission: this.#materialiser.counters(source) };
  }

  /** How the tiles of another engine come; null where this process makes them. */
  get intake(): TileHealth | null {
    const { intake } = this.#materialiser;
    if (intake === null || this.#hot === null) return intake;
    const { outcomes, conflicts, progress } = intake;
    // What others write of them is what is served.
    const freshUntil = Math.min(progress.freshUntil, this.#toldUntil);
    return { outcomes, conflicts, progress: { ...progress, freshUntil } };
  }

  /** How far the readers of topics that others write too are behind; nothing of a log in the directory. */
  lag(): readonly ReaderLag[] {
    return this.#materialiser.lag();
  }

  /** Records of a shared log that nobody can read. */
  unreadable(): readonly UnreadableReport[] {
    return this.#materialiser.unreadable.reports();
  }

  /** The last scheduled skew audit of each service since the start. */
  skewVerdicts(): readonly SkewVerdict[] {
    return this.#skew.verdicts();
  }

  /** Takes vectors that a reader's process served and logged, to be published with those of this one. */
  takeServed(tables: readonly TableAppend[]): void {
    const known = new Set(this.project.services.map((service) => servedTable(service).name));
    this.#served.keep(tables.filter(({ table }) => known.has(table.name)));
  }

  /** Logged rows that could not be published and were dropped. */
  get servedLost(): number {
    return this.#served.lost;
  }

  /** Rows that the history cannot hold in their table, by table. */
  unstored(): readonly Unstored[] {
    return unstoredOf(this.#options.offline.tables());
  }

  /** How the runs of every batch view go. */
  batchHealth(): readonly BatchHealth[] {
    return this.#batch.health();
  }

  /** Vectors logged for the audit since the start, by service. */
  logged(service: FeatureServiceData): number {
    return this.#reads.logged(service);
  }

  /** SQL text of a source's raw deliveries in the offline store. */
  deliveries(source: EventSourceData): string {
    return this.#options.offline.relation(rawTable(source));
  }

  /** What keeps a store behind a network from having all of the log; null: nothing. */
  get storeTrouble(): Error | null {
    return this.#materialiser.feed?.trouble ?? null;
  }

  /** What was accepted and is not in every store, as far as it is known without asking. */
  unwritten(): Unwritten {
    const { deliveries, tiles } = this.#archive.waiting;
    return {
      uncommitted: this.#materialiser.uncommittedPlaces(),
      unpublished: deliveries + tiles,
      vectors: this.#reads.waiting + this.#served.waiting,
    };
  }

  /** Ends what works by itself, then brings every store up to what was ingested. */
  async close(): Promise<void> {
    await this.#materialiser.close();
    await this.#scrubbing.settled().catch(this.#options.onFault ?? (() => undefined));
    try {
      await this.flush();
    } finally {
      this.#closing.abort();
      await this.#dropping.settled().catch(this.#options.onFault ?? (() => undefined));
    }
  }

  /** Holds what is on the disk against its budgets. */
  async #settleDisk(): Promise<void> {
    const { disk, log, offline } = this.#options;
    const topics = this.#topics().map(({ topic }) => topic);
    await disk?.settle({ log, offline, topics, shrinkLog: (bytes) => this.#shrinkLog(bytes) });
  }

  /** Takes so many bytes out of the log, from each topic its share, where its readers do not need them. */
  async #shrinkLog(bytes: number): Promise<void> {
    const { log } = this.#options;
    const sizes = new Map<LoggedTopic, number>();
    for (const logged of this.#topics()) {
      const ends = await log.ends(logged.topic);
      sizes.set(
        logged,
        ends.reduce((size, { sizeBytes }) => size + sizeBytes, 0),
      );
    }
    const all = [...sizes.values()].reduce((total, size) => total + size, 0);
    for (const [{ topic, keepFrom }, size] of sizes)
      await log.retain(topic, {
        olderThanIngestTs: Number.NEGATIVE_INFINITY,
        maxBytes: Math.max(0, Math.floor(size - (bytes * size) / Math.max(1, all))),
        keepFrom: await keepFrom(),
      });
  }

  /** What a restart of any of the log's readers has to read. */
  async #keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const archived = await this.#archive.keepFrom(source);
    return (await this.#materialiser.keepFrom(source)).map((offset, partition) =>
      Math.min(offset, archived[partition]),
    );
  }

  /** All topics of the log that this process fills. */
  #topics(): readonly LoggedTopic[] {
    const sources = this.project.sources.map((source) => ({
      topic: topicOf(source),
      keepFrom: () => this.#keepFrom(source),
    }));
    return [...sources, ...(this.#options.otherTopics ?? [])];
  }

  #waiting(): number {
    const { deliveries, tiles } = this.#archive.waiting;
    return deliveries + tiles + this.#materialiser.tiles.untold + this.#reads.waiting;
  }

  #drainServed(): readonly TableAppend[] {
    const fed = this.#options.drainFed?.() ?? [];
    const logged = [...this.#reads.drain(), ...fed, this.#quarantine.drain()].filter(({ rows }) => rows > 0);
    const rows = logged.reduce((sum, table) => sum + table.rows, 0);
    return this.#options.disk?.mayLog(rows) === false ? [] : logged;
  }

  #layoutOf(view: StreamViewData): TileLayout {
    return this.#layouts.get(view) ?? tileLayout(view);
  }
}

interface Parts {
  readonly gateway: Gateway;
  readonly materialiser: Materialiser;
  readonly archive: Archive;
  readonly batch: BatchSchedule;
  readonly layouts: ReadonlyMap<StreamViewData, TileLayout>;
  readonly measures: ServingMeasures;
  readonly quarantine: Quarantine;
  readonly skew: SkewSchedule;
  readonly hot: HotTiles | null;
}

/**
 * Tiles of a layout that the store has not seen before, of a new view or of one with another aggregate, are computed from
 * the history: the log position of the store says nothing of them. So are all tiles where the store lost its place and
 * the log has dropped what came before. Runs before any event is taken.
 */
async function fillNewLayouts(
  layouts: readonly TileLayout[],
  {
    materialiser,
    archive,
    online,
    offline,
    engine,
  }: {
    readonly materialiser: Materialiser;
    readonly archive: Archive;
    readonly online: OnlineStore;
    readonly offline: OfflineStore;
    readonly engine: HistoryEngine | null;
  },
): Promise<void> {
  if (materialiser.missedEvents) for (const layout of layouts) await markFilled(layout, online, false);
  for (const layout of layouts) {
    if (await isFilled(layout, online)) continue;
    if (!materialiser.startedEmpty || materialiser.missedEvents) {
      await archive.publishDeliveries();
      await materialiser.replaceTiles(allTiles(layout, offline, engine));
      await verifySample(layout, { materialiser, archive, offline });
    }
    await markFilled(layout, online, true);
  }
}

/** After a loss: what the log has no more comes from the history, and batch views run again. */
async function fillAfterLoss(
  layouts: readonly TileLayout[],
  {
    materialiser,
    archive,
    batch,
    online,
    offline,
    engine,
  }: {
    readonly materialiser?: Materialiser;
    readonly archive?: Archive;
    readonly batch?: BatchSchedule;
    readonly online: OnlineStore;
    readonly offline: OfflineStore;
    readonly engine: HistoryEngine | null;
  },
  { views }: ProjectData,
  onFault: (error: unknown) => void = () => undefined,
): Promise<void> {
  if (materialiser === undefined || archive === undefined) return;
  await fillNewLayouts(layouts, { materialiser, archive, online, offline, engine });
  if (batch === undefined) return;
  await archive.publishDeliveries();
  for (const view of views) if (view.kind === 'batchView') await batch.run(view).catch(onFault);
}

/** How many keys of a view are compared with its events before its computed tiles are relied on. */
const VERIFIED_KEYS = 100;

/**
 * Asks tiles and events for the same keys, after the last event of the source; 0 where events came meanwhile, of which the
 * history knows nothing yet, or may be in no tile yet as another engine makes them. Error: BACKFILL_DIFFERS.
 */
async function verifySample(
  layout: TileLayout,
  { materialiser, archive, offline }: { materialiser: Materialiser; archive: Archive; offline: OfflineStore },
): Promise<number> {
  const { source } = layout.view;
  const clock = materialiser.lastIngestOf(source);
  if (clock === Number.NEGATIVE_INFINITY || materialiser.intake !== null) return 0;
  const position = JSON.stringify(materialiser.position());
  await archive.publishDeliveries();
  const runsOf = async (key: string) => {
    await materialiser.tiles.hold([{ layout, key }]);
    return materialiser.tiles.tilesOf(layout, key).runs;
  };
  try {
    return await verifyTiles({ layout, offline, runsOf, at: clock + source.futureSkewMs + 1, keys: VERIFIED_KEYS });
  } catch (error) {
    if (JSON.stringify(materialiser.position()) !== position) return 0;
    throw error;
  }
}

function streamViews(project: ProjectData): readonly StreamViewData[] {
  return project.views.filter((view): view is StreamViewData => view.kind === 'streamView');
}

/** Tiles as their writer has them: in memory, or fetched into it from a store behind a network. */
function writerTiles(materialiser: Materialiser): TileSource {
  const { tiles, feed } = materialiser;
  const held: TileSource = {
    runsOf: (layout, key) => tiles.tilesOf(layout, key).runs,
    told: toldTiles(tiles),
    // What this process appended is in the tiles when `ingest` returns; what others did, when it was looked for.
    lagMs: (_, now) => materialiser.lagMs(now),
    answersFrom: ({ source }) => materialiser.clockOf(source) - source.latenessMs - source.futureSkewMs,
  };
  return feed === null ? held : remoteTiles(tiles, feed, held);
}
