import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { OpenSpan } from '../base/tracer.ts';
import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  StreamViewData,
} from '../features/define/declaration.ts';
import type { EventOf, EventSource } from '../features/define/event-source.ts';
import type { FeatureService, FeatureValues, RequestOf } from '../features/define/feature-service.ts';
import type { Tags } from '../features/define/tag.ts';
import type { Between } from '../featurestore/backfill/tile-tables.ts';
import type { Explanation } from '../featurestore/explain.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import type { BackfillRun } from '../featurestore/feature-store-options.ts';
import type { SourceCounters } from '../featurestore/ingest/ingest-part.ts';
import { type IngestReport, loggedIn } from '../featurestore/ingest/ingest-report.ts';
import type { ServedVector } from '../featurestore/online/served-vector.ts';
import type { Vector } from '../featurestore/online/user-values.ts';
import type { SkewReport } from '../featurestore/skew/skew-report.ts';
import type { JoinedSpine } from '../featurestore/training-set/join-spine.ts';
import type { TrainingSetSummary } from '../featurestore/training-set/training-set.ts';
import { type FeaturesReport, featuresReport } from '../monitoring/features/features-report.ts';
import type { ForgetReport } from '../operating/forget.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { readSpan } from '../schema/instant.ts';
import type { SpineTrainOptions, TrainOptions } from '../training/training-runs.ts';
import type { OpenProject } from './opened-project.ts';
import { RunningModels } from './running-models.ts';

/** A source as data, without the types of its columns, as `Headrace.source` returns it. */
export type NamedSource = EventSourceData & { readonly outputs?: never };

type Values = Readonly<Record<string, unknown>>;

/** The features of a running project: events in, vectors, training sets, views, history and audits. */
export abstract class RunningFeatures extends RunningModels {
  readonly #open: OpenProject;

  constructor(open: OpenProject) {
    super(open);
    this.#open = open;
  }

  /** A declared event source by name. Error: EVENT_SOURCE. */
  source(name: string): EventSourceData {
    const source = this.project.sources.find((one) => one.name === name);
    if (source === undefined) throw fail('EVENT_SOURCE', { source: name });
    return source;
  }

  /**
   * Takes events. Each that is malformed or from the future is rejected alone; the report counts all. Events of a declared source
   * have its types; those of a source that was looked up by name may be anything. Errors: those of the log, DISK_*.
   */
  async ingest(source: NamedSource, events: readonly unknown[], trace?: OpenSpan | null): Promise<IngestReport>;
  async ingest<C extends Tags>(
    source: EventSource<C>,
    events: readonly EventOf<EventSource<C>>[],
  ): Promise<IngestReport>;
  async ingest(source: EventSourceData, events: readonly unknown[], trace?: OpenSpan | null): Promise<IngestReport> {
    return this.#open.appends.noted(() => this.#open.features.ingest(source, events, trace), loggedIn);
  }

  /**
   * Starts to take the events of the topics that the environment names under `sources`, until the project is closed. A failing topic is
   * reported as a fault and in the status, and retried. Call it in a process that serves, once. Error: LOG_CLIENT.
   */
  takeTopics(): Promise<void> {
    return this.#open.topics.start();
  }

  /** Takes events of the past, in the order of their times: each is judged as if it had come at its own. Errors: those of the log, DISK_*. */
  bootstrap(source: EventSourceData, events: readonly unknown[]): Promise<IngestReport> {
    return this.#open.appends.noted(() => this.#open.features.bootstrap(source, events), loggedIn);
  }

  /** Reads a feature vector as of `at` (now). Errors: REQUEST_*, INSTANT_*. */
  async vector<I extends Tags, F extends Tags>(
    service: FeatureService<I, F>,
    request: RequestOf<FeatureService<I, F>>,
    at?: number,
  ): Promise<Vector<FeatureValues<FeatureService<I, F>>>>;
  async vector(service: FeatureServiceData, request: unknown, at?: number): Promise<Vector<Values>>;
  async vector(service: FeatureServiceData, request: unknown, at?: number): Promise<Vector<Values>> {
    return this.#open.features.vector(service, request, at);
  }

  /** Reads a feature vector as of `at` (now), its values in the order of the service's features. Errors: REQUEST_*. */
  read(of: FeatureServiceData, request: unknown, at?: number, trace?: OpenSpan | null): MaybePromise<ServedVector> {
    return this.#open.features.read(of, request, at, undefined, trace);
  }

  /** Reads a vector as JSON text: the answer of the HTTP route. */
  vectorText(of: FeatureServiceData, request: unknown, at?: number, trace?: OpenSpan | null): MaybePromise<string> {
    return this.#open.features.vectorText(of, request, at, trace);
  }

  /** A vector with the tiles and events behind its streaming values, for a person: nothing of it is recorded. Errors: as `vector`. */
  explain(service: FeatureServiceData, request: unknown, at?: number): Promise<Explanation> {
    return this.#open.features.explain(service, request, at);
  }

  /**
   * Writes a training set as one Parquet file: point-in-time features with the labels of a model; or, with a `spine`, the
   * rows of a file of your own with the features of a service. Errors: SPINE_*, those of the engine that joins them.
   */
  async writeTrainingSet(
    of: ModelData | FeatureServiceData,
    path: string,
    options: SpineTrainOptions,
  ): Promise<JoinedSpine>;
  async writeTrainingSet(of: ModelData, path: string, options?: TrainOptions): Promise<TrainingSetSummary>;
  async writeTrainingSet(
    of: ModelData | FeatureServiceData,
    path: string,
    options: TrainOptions | SpineTrainOptions = {},
  ): Promise<JoinedSpine | TrainingSetSummary> {
    return this.#open.training.writeSet(of, path, options);
  }

  /** Recomputes the closed tiles of a stream view from the history, or runs a batch view now. Errors: BACKFILL_*, BATCH_*, JOB_CANCELLED. */
  backfill(
    view: StreamViewData | BatchViewData,
    between?: Between,
    run?: BackfillRun,
  ): Promise<Readonly<Record<string, number>>> {
    return this.#open.features.backfill(view, between, run);
  }

  /** Serves the generation of a batch view before the newest again. Error: BATCH_GENERATION. */
  rollBack(view: BatchViewData): Promise<Readonly<Record<string, number>>> {
    return this.#open.features.rollBack(view);
  }

  /** The published history, to be queried with SQL. */
  get history(): Pick<OfflineStore, 'query' | 'tables' | 'relation'> {
    return this.#open.stores.offline;
  }

  /** SQL text of a source's raw deliveries in the history. */
  deliveries(source: EventSourceData): string {
    return this.#open.features.deliveries(source);
  }

  /** The counts of a source's events since the start. */
  counters(source: EventSourceData): SourceCounters {
    return this.#open.features.counters(source);
  }

  /** Recomputes the logged vectors served in [from, to) and classes every mismatch. */
  auditSkew(service: FeatureServiceData, from: number, to: number): Promise<SkewReport> {
    return this.#open.features.auditSkew(service, from, to);
  }

  /** Profiles of the served features and the events of [from, to), epoch ms. */
  async featuresReport(from: number, to: number): Promise<FeaturesReport> {
    readSpan({ from, to }, this.#open.clock(), 'the report');
    await this.flush();
    return featuresReport(this.project, this.history, from, to);
  }

  /** Takes an entity out of every store, one at a time; resumes by itself when the project is opened. Errors: FORGET_*, REQUEST_*. */
  forget(entity: string, key: Values): Promise<ForgetReport> {
    return this.#open.forgetting.forget(entity, key);
  }

  /** Durations of the newest reads of a vector, and from the arrival of events to their being in the tiles. */
  get timings(): FeatureStore['timings'] {
    return this.#open.features.timings;
  }

  /** Tiles that the last read of a service merged. */
  tilesMerged(service: FeatureServiceData): number {
    return this.#open.features.tilesMerged(service);
  }
}
