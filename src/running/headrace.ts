import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { OpenSpan } from '../base/tracer.ts';
import { type Environment, type EnvironmentOptions, resolveEnvironment } from '../environment/config.ts';
import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  ProjectData,
  StreamViewData,
} from '../features/define/declaration.ts';
import type { EventOf, EventSource } from '../features/define/event-source.ts';
import type { FeatureService, FeatureValues, RequestOf } from '../features/define/feature-service.ts';
import type { Tags } from '../features/define/tag.ts';
import type { Between } from '../featurestore/backfill/tile-tables.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import type { BackfillRun } from '../featurestore/feature-store-options.ts';
import type { SourceCounters } from '../featurestore/ingest/ingest-part.ts';
import { type IngestReport, loggedIn } from '../featurestore/ingest/ingest-report.ts';
import type { ServedVector } from '../featurestore/online/served-vector.ts';
import type { Vector } from '../featurestore/online/user-values.ts';
import type { SkewReport } from '../featurestore/skew/audit.ts';
import type { JoinedSpine } from '../featurestore/training-set/join-spine.ts';
import type { TrainingSetSummary } from '../featurestore/training-set/training-set.ts';
import { type FeaturesReport, featuresReport } from '../monitoring/features/features-report.ts';
import type { ModelOutcomes } from '../monitoring/labels/project-labels.ts';
import type { RealisedQuality } from '../monitoring/labels/realised-quality.ts';
import type { Playbook } from '../monitoring/playbook/playbook.ts';
import type { Replay } from '../monitoring/playbook/replay.ts';
import type { ForgetReport } from '../operating/forget.ts';
import { checkMigration } from '../operating/migrate/migration-files.ts';
import type { ModelVersion } from '../ports/model-registry.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { type BatchJob, type BatchOptions, startBatch } from '../serving/batch/start-batch.ts';
import {
  type PredictingWith,
  type PredictionRequest,
  type PredictOptions,
  predictMany,
} from '../serving/online/predict-many.ts';
import type { Prediction } from '../serving/online/prediction.ts';
import type { RolloutControl } from '../serving/rollout/rollout-control.ts';
import type { RunningStream } from '../serving/streaming/project-streams.ts';
import { openBatchContext } from './batch-context.ts';
import { type CloseOptions, closeProject } from './close-project.ts';
import { keepInside } from './inside.ts';
import { localWorld } from './local-world.ts';
import { flushParts, type OpenProject, openProject } from './open-project.ts';
import type { ProjectStatus } from './parts.ts';
import { Running } from './running.ts';
import type { SpineTrainOptions, TrainOptions } from './training-runs.ts';

export interface OpenOptions {
  readonly project: ProjectData;
  /** Environment of the configuration; default: embedded, in `.headrace`. */
  readonly environment?: EnvironmentOptions;
  /** Epoch ms; default: the clock of the system. A replay brings its own. */
  readonly clock?: Clock;
  /** Receives failures behind a call: an on-demand function that throws, a background run that fails. */
  readonly onFault?: (error: unknown) => void;
}

/** Opens a project: its stores, caught up with its log, and its champions, loaded and warm. */
export async function openHeadrace(options: OpenOptions): Promise<Headrace> {
  const environment = resolveEnvironment('local', options.environment ?? {}, options.project.name);
  return Headrace.open(options.project, environment, options.clock ?? Date.now, options.onFault ?? (() => undefined));
}

/** A source as data, without the types of its columns, as `Headrace.source` returns it. */
export type NamedSource = EventSourceData & { readonly outputs?: never };

type Values = Readonly<Record<string, unknown>>;

/** A running project: events in, features and predictions out, labels joined, models trained. */
export class Headrace extends Running<ProjectStatus> {
  readonly #open: OpenProject;
  #closing: Promise<void> | null = null;

  private constructor(open: OpenProject) {
    super({ ...open, measures: open.features.measures, tracer: open.stores.traces?.tracer ?? null });
    this.#open = keepInside(this, open);
  }

  /** Errors: MIGRATE_MOVED, MIGRATE_UNFINISHED, DECLARATION_*, those of the stores. */
  static async open(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
  ): Promise<Headrace> {
    checkMigration(environment.directory);
    return new Headrace(await openProject({ project, environment, clock, onFault }));
  }

  /** A declared event source by name. Error: EVENT_SOURCE. */
  source(name: string): EventSourceData {
    const source = this.project.sources.find((one) => one.name === name);
    if (source === undefined) throw fail('EVENT_SOURCE', { source: name });
    return source;
  }

  /** A declared model by name. Error: MODEL_UNKNOWN. */
  model(name: string): ModelData {
    return this.#open.models.named(name).data;
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

  /** Reads a feature vector as of `at` (now). Errors: REQUEST_*. */
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

  /** Predicts for one request. Errors: as `predictMany`. */
  async predict(model: ModelData, id: string, request: unknown, options?: PredictOptions): Promise<Prediction> {
    const [prediction] = await this.predictMany(model, [{ id, request }], options);
    return prediction;
  }

  /**
   * Predicts for many requests in one run of the model. Each is in the log under its id when this returns, as durable as an
   * event, and waits for its label. Errors: REQUEST_*, MODEL_NONE, PREDICTION_VALUE, those of the log.
   */
  async predictMany(
    model: ModelData,
    requests: readonly PredictionRequest[],
    options?: PredictOptions,
  ): Promise<readonly Prediction[]> {
    const { models, features, appends } = this.#open;
    const read: FeatureStore['read'] = (of, request, at, id, trace) => features.read(of, request, at, id, trace);
    const predicted: PredictingWith['predicted'] = (...call) => features.measures.predicted(...call);
    const using = { open: models.named(model.name), read, appends, tracer: this.tracer, predicted };
    return predictMany(using, model, requests, options);
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

  /** Builds a training set, trains in a separate process, registers the version. Errors: JOB_CANCELLED, those of training set and job. */
  async train(model: ModelData, options: TrainOptions = {}): Promise<ModelVersion> {
    return this.#open.training.train(model, options);
  }

  /**
   * Starts a batch job: scores every row of a file in worker processes, and commits the output at once. The same spec is the same
   * job: it resumes, and does nothing when its output is there. Errors: MODEL_NONE, REGISTRY_VERSION, PREDICT_*, SPINE_*.
   */
  startBatch(model: ModelData, options: BatchOptions): Promise<BatchJob> {
    return startBatch(this.model(model.name), options, openBatchContext(this.#open));
  }

  /** A declared stream: how far it is, rolls to other versions, its shadow, and scoring again. Error: STREAM_UNKNOWN. */
  stream(
    name: string,
  ): Pick<RunningStream, 'status' | 'counts' | 'roll' | 'commit' | 'abort' | 'shadow' | 'reprocess'> {
    return this.#open.streams.named(name);
  }

  /** Makes a version the champion by compare-and-swap and loads it; without `expected`, whatever the alias names now. Errors: MODEL_*. */
  promote(model: ModelData, version: number, expected?: number | null): Promise<void> {
    return this.#open.models.promote(model, version, expected);
  }

  /** Decides over the rollouts of a model: starts, reads, holds, promotes and rolls back. Error: MODEL_UNKNOWN. */
  rollout(model: Pick<ModelData, 'name'>): RolloutControl {
    return this.#open.models.named(model.name).rollouts.control;
  }

  /**
   * The playbook of a model: `step` looks, decides and acts, in this process. `headrace monitor` does so by itself, in its own.
   * Error: PLAYBOOK_NONE.
   */
  playbook(model: Pick<ModelData, 'name'>): Playbook {
    return this.#open.playbooks.named(model.name, localWorld(this.#open));
  }

  /** Decides again from the journal of a model's playbook and, with `history`, from the history. Error: PLAYBOOK_NONE. */
  replayPlaybook(model: Pick<ModelData, 'name'>, options: { readonly history: boolean }): Promise<Replay> {
    return this.#open.playbooks.replay(model.name, localWorld(this.#open), options);
  }

  /** All versions of a model, and the champion; null: none. */
  versions(
    model: ModelData,
  ): Promise<{ readonly versions: readonly ModelVersion[]; readonly champion: number | null }> {
    return this.#open.models.versions(model);
  }

  /**
   * The counts of a model's predictions and labels, and the realised quality by day of prediction: since the start, and
   * before it as far back as a label could still come. Error: MODEL_UNKNOWN.
   */
  outcomes(model: ModelData & { readonly task: 'binary' }): ModelOutcomes<'binary'>;
  outcomes(model: ModelData & { readonly task: 'regression' }): ModelOutcomes<'regression'>;
  outcomes(model: ModelData): ModelOutcomes;
  outcomes(model: ModelData): ModelOutcomes {
    return this.#open.labels.outcomes(model);
  }

  /** The realised quality of predictions made in [from, to), from the history: over restarts and crashes too. */
  realisedQuality(
    model: ModelData & { readonly task: 'binary' },
    from: number,
    to: number,
  ): Promise<RealisedQuality<'binary'>>;
  realisedQuality(
    model: ModelData & { readonly task: 'regression' },
    from: number,
    to: number,
  ): Promise<RealisedQuality<'regression'>>;
  realisedQuality(model: ModelData, from: number, to: number): Promise<RealisedQuality>;
  async realisedQuality(model: ModelData, from: number, to: number): Promise<RealisedQuality> {
    await this.flush();
    return this.#open.labels.realisedQuality(model, from, to);
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

  /** Writes everything that was ingested and predicted to every store. */
  flush(): Promise<void> {
    return flushParts(this.#open.parts);
  }

  /**
   * Writes every accepted event to every store and closes them; a failing store does not keep another one open. After `withinMs`
   * connections are cut. Events that were not written are in the log, and are read from there at the next start. A second call returns
   * the outcome of the first. Error: CLOSE_UNFINISHED.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= closeProject(this.#open, options);
    return this.#closing;
  }
}
