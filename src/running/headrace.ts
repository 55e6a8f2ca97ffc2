import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Closing, closingWithin } from '../base/closing.ts';
import { fail, type HeadraceError, isHeadraceError } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { OpenSpan, Tracer } from '../base/tracer.ts';
import { closeStores, openStores, type Stores } from '../compose/compose.ts';
import { sourceTopics, type TakenTopic } from '../compose/source-topics.ts';
import {
  checkRequiredModels,
  type Environment,
  type EnvironmentOptions,
  resolveEnvironment,
  tilesApart,
} from '../environment/config.ts';
import { checkDeclaration, placeDeclaration } from '../environment/place-declaration.ts';
import { declarationHash } from '../features/change/declaration-hash.ts';
import type { EventSourceData, FeatureServiceData, ModelData, ProjectData } from '../features/define/declaration.ts';
import type { EventOf, EventSource } from '../features/define/event-source.ts';
import type { FeatureService, FeatureValues, RequestOf } from '../features/define/feature-service.ts';
import type { Tags } from '../features/define/tag.ts';
import type { Delivery } from '../features/engine/delivery.ts';
import type { ReadMode } from '../features/plan/stream-read.ts';
import { bytesElsewhere } from '../featurestore/disk/bytes-elsewhere.ts';
import { DiskBudget } from '../featurestore/disk/disk-budget.ts';
import { FeatureStore } from '../featurestore/feature-store.ts';
import { featureStoreParts } from '../featurestore/feature-store-parts.ts';
import type { SourceCounters } from '../featurestore/ingest/ingest-part.ts';
import { type IngestReport, loggedIn } from '../featurestore/ingest/ingest-report.ts';
import { logPart } from '../featurestore/ingest/log-part.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { TopicIntake } from '../featurestore/ingest/topic-intake.ts';
import type { ServedVector } from '../featurestore/online/served-vector.ts';
import type { Vector } from '../featurestore/online/user-values.ts';
import type { SkewReport } from '../featurestore/skew/audit.ts';
import type { TrainingSetProgram, TrainingSetRun } from '../featurestore/training-set/asked-training-set.ts';
import type { JoinedSpine } from '../featurestore/training-set/join-spine.ts';
import type { SpineOptions } from '../featurestore/training-set/spine.ts';
import type { TrainingSetSummary } from '../featurestore/training-set/training-set.ts';
import { trainingSpan } from '../featurestore/training-set/training-span.ts';
import type { LabelCounters } from '../monitoring/labels/label-join.ts';
import { labelsPart } from '../monitoring/labels/labels-part.ts';
import { offlineQuality } from '../monitoring/labels/offline-quality.ts';
import type { Task } from '../monitoring/labels/quality.ts';
import type { RealisedQuality } from '../monitoring/labels/realised-quality.ts';
import { openPart } from '../observe/part-kind.ts';
import { Prometheus } from '../observe/prometheus.ts';
import type { SloReport } from '../observe/slo-report.ts';
import { degradedOf, statusOf, waitingOf } from '../observe/status.ts';
import { type ForgetOptions, type ForgetReport, forget } from '../operating/forget.ts';
import { begunForgettings } from '../operating/forget-record.ts';
import { freeBytes } from '../operating/free-bytes.ts';
import { checkMigration } from '../operating/migrate/migration-files.ts';
import type { ModelVersion } from '../ports/model-registry.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import type { Part } from '../ports/part.ts';
import { CHAMPION, promote } from '../registry/champion.ts';
import { Background } from '../schedule/background.ts';
import { OpenModel } from '../serving/models/open-model.ts';
import { modelsPart, type ServedModel } from '../serving/online/models-part.ts';
import type { Prediction } from '../serving/online/prediction.ts';
import { mustBeLoggable } from '../serving/online/prediction-log.ts';
import { predictionTopic } from '../serving/online/prediction-record.ts';
import { trainModel } from '../training/train-model.ts';
import type { ProjectStatus } from './parts.ts';

export interface OpenOptions {
  readonly project: ProjectData;
  /** Environment of the configuration; embedded in `.headrace` where it is left out. */
  readonly environment?: EnvironmentOptions;
  /** Epoch ms; the system's where it is left out. A replay brings its own. */
  readonly clock?: Clock;
  /** Takes what goes wrong behind a call: an on-demand function that throws, a background run that fails. */
  readonly onFault?: (error: unknown) => void;
}

export interface TrainOptions {
  /**
   * Rows asked for in [from, to), epoch ms. Without `to` they end where labels have had their time, the label's `within` before
   * now; without `from` they begin the model's window before that, or with the first. A row after that end has no label until one comes.
   */
  readonly from?: number;
  readonly to?: number;
  readonly mode?: ReadMode;
  /** Told in words how the join of the features goes on where another engine makes it, and what training prints. */
  readonly onLine?: (line: string) => void;
  /** Cancels it: the call fails with JOB_CANCELLED or the error of what was ended, and no version is registered. */
  readonly signal?: AbortSignal;
}

export interface SpineTrainOptions {
  /** The rows, each of which gets its features as of its own instant. */
  readonly spine: SpineOptions;
  readonly mode?: ReadMode;
  /** Told in words how the join goes on where another engine makes it. */
  readonly onLine?: (line: string) => void;
  /** Cancels it: the call fails with JOB_CANCELLED, and leaves no file. */
  readonly signal?: AbortSignal;
}

/** One request for a prediction; `id` is what its label will name. */
export interface PredictionRequest<R = unknown> {
  readonly id: string;
  readonly request: R;
}

/** What became of a model's predictions and labels, and the realised quality by day of prediction. */
export interface ModelOutcomes<T extends Task = Task> {
  readonly counters: Readonly<LabelCounters>;
  readonly quality: RealisedQuality<T>;
}

const TRAINING_TIMEOUT_MS = 3_600_000;

export interface CloseOptions {
  /** How long closing may take, ms; as long as it needs where it is left out. */
  readonly withinMs?: number;
}

/** A project that cannot be opened closes what it had opened within this, ms. */
const CLOSE_FAILED_MS = 10_000;

/** Opens a project: its stores, caught up with its log, and its champions, loaded and warm. */
export async function openHeadrace(options: OpenOptions): Promise<Headrace> {
  const environment = resolveEnvironment('local', options.environment ?? {}, options.project.name);
  return Headrace.open(options.project, environment, options.clock ?? Date.now, options.onFault ?? (() => undefined));
}

/** A source as data, without the types of its columns: what `Headrace.source` gives. */
export type NamedSource = EventSourceData & { readonly outputs?: never };

/** A running project: events in, features and predictions out, labels joined, models trained. */
export class Headrace {
  readonly project: ProjectData;
  readonly #stores: Stores;
  readonly #features: FeatureStore;
  readonly #models: ReadonlyMap<string, OpenModel>;
  readonly #parts: readonly Part[];
  readonly #metrics: Prometheus;
  readonly #clock: Clock;
  readonly #environment: Environment;
  /** Why the last events could not be put into the log; null where they could. */
  #untaken: HeadraceError | null = null;
  readonly #taken: readonly TakenTopic[];
  #topics: readonly TopicIntake[] = [];
  readonly #rowsOf: ForgetOptions['rowsOf'];
  #forgetting: Promise<unknown> = Promise.resolve();
  #publishedAt = performance.now();
  #closing: Promise<void> | null = null;
  readonly #publishing = new Background();
  readonly #onFault: (error: unknown) => void;
  /** Writes training sets in another process; null: they are written here. */
  #program: TrainingSetProgram | null = null;

  private constructor(
    project: ProjectData,
    stores: Stores,
    features: FeatureStore,
    models: ReadonlyMap<string, OpenModel>,
    clock: Clock,
    onFault: (error: unknown) => void,
    environment: Environment,
    rowsOf: ForgetOptions['rowsOf'],
    disk: DiskBudget,
    taken: readonly TakenTopic[],
  ) {
    this.#taken = taken;
    this.#environment = environment;
    this.#rowsOf = rowsOf;
    this.project = project;
    this.#stores = stores;
    this.#features = features;
    this.#models = models;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#parts = [
      ...featureStoreParts({ features, disk, topics: () => this.#topics.map((topic) => topic.report()) }),
      openPart(logPart, { untaken: () => this.#untaken, freeBytes: () => freeBytes(this.directory) }),
      openPart(modelsPart, () => servedModels(models.values(), environment), {
        tick: () => this.#refreshModels(),
        close: () => this.#closeModels(),
      }),
      openPart(labelsPart, () => models.values(), {
        tick: (now) => this.#tickPredictions(now),
        flush: () => this.#flushPredictions(),
      }),
    ];
    this.#metrics = new Prometheus(this.#parts, clock);
  }

  /** Errors: MIGRATE_MOVED, MIGRATE_UNFINISHED, DECLARATION_*, those of the stores. */
  static async open(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
  ): Promise<Headrace> {
    checkMigration(environment.directory);
    return Headrace.openMigrating(project, environment, clock, onFault);
  }

  /** Opens either side of a migration, whoever of them takes events: for the migration alone. */
  static async openMigrating(
    project: ProjectData,
    environment: Environment,
    clock: Clock,
    onFault: (error: unknown) => void,
  ): Promise<Headrace> {
    checkRequiredModels(project, environment);
    checkDeclaration(project, environment.directory);
    const disk = diskBudget(environment, clock, onFault);
    const stores = await openStores(project, environment, onFault, (table, bytes) => disk.published(table, bytes));
    try {
      // Only now: one that may not write here leaves the declaration of the one that does.
      const { schemas } = placeDeclaration(project, environment.directory);
      const taken = sourceTopics(project, environment);
      const models = new Map<string, OpenModel>();
      const { partitions, sampleRate } = environment;
      for (const model of project.models)
        models.set(model.name, await OpenModel.open(model, { ...stores, partitions, sampleRate, clock, onFault }));
      const features = await FeatureStore.open({
        project,
        schemas,
        log: stores.log,
        topics: stores.topics ?? undefined,
        apart: tilesApart(environment),
        online: stores.online,
        offline: stores.offline,
        engine: stores.engine ?? undefined,
        partitions: environment.partitions,
        memoryBytes: environment.memoryBytes,
        sampleRate: environment.sampleRate,
        drainFed: () => [...models.values()].map(({ fed }) => fed.drain()),
        disk,
        retention: {
          logAgeMs: environment.log.ageMs,
          logBytes: environment.log.bytes,
          historyBytes: environment.offline.bytes,
        },
        clock,
        judged: (...judged) => {
          for (const { labels } of models.values()) labels.judged(...judged);
        },
        otherTopics: [...models.values()].map(({ data, history }) => ({
          topic: predictionTopic(data),
          keepFrom: () => history.published,
        })),
        onComputeError: (_, error) => onFault(error),
        onFault,
        tracer: stores.traces?.tracer ?? null,
      });
      // A champion that cannot serve must not keep the events out.
      for (const { server } of models.values()) await server.refresh().catch(onFault);
      for (const model of models.values()) await model.catchUp(() => features.publishDeliveries());
      const rowsOf = sourceRows(schemas, stores.log.capabilities.rows);
      const headrace = new Headrace(
        project,
        stores,
        features,
        models,
        clock,
        onFault,
        environment,
        rowsOf,
        disk,
        taken,
      );
      // What a dead process began to forget is forgotten before anything is served.
      for (const { entity, key } of begunForgettings(environment.directory)) await headrace.forget(entity, key);
      return headrace;
    } catch (error) {
      // What failed first is what is thrown.
      await closeStores(stores, closingWithin(CLOSE_FAILED_MS));
      throw error;
    }
  }

  /** A declared event source by name. Error: EVENT_SOURCE. */
  source(name: string): EventSourceData {
    return (
      this.project.sources.find((source) => source.name === name) ?? refuse(fail('EVENT_SOURCE', { source: name }))
    );
  }

  /** A declared feature service by name. Error: SERVICE_UNKNOWN. */
  service(name: string): FeatureServiceData {
    const known = this.project.services.map((service) => service.name);
    return (
      this.project.services.find((service) => service.name === name) ??
      refuse(fail('SERVICE_UNKNOWN', { service: name, known }))
    );
  }

  /** A declared model by name. Error: MODEL_UNKNOWN. */
  model(name: string): ModelData {
    return this.#modelOf(name).data;
  }

  /**
   * Takes events; each that is malformed or from the future is refused alone, and the report says what became of the others. Events
   * of a declared source have its types; those of one that was looked up by its name may be anything. Errors: those of the log.
   */
  async ingest(source: NamedSource, events: readonly unknown[], trace?: OpenSpan | null): Promise<IngestReport>;
  async ingest<C extends Tags>(
    source: EventSource<C>,
    events: readonly EventOf<EventSource<C>>[],
  ): Promise<IngestReport>;
  async ingest(source: EventSourceData, events: readonly unknown[], trace?: OpenSpan | null): Promise<IngestReport> {
    return this.#noted(() => this.#features.ingest(source, events, trace), loggedIn);
  }

  /** Notes whether the log took the newest append of `work`, which appends so many records. */
  async #noted<T>(work: () => MaybePromise<T>, appended: (result: T) => number): Promise<T> {
    try {
      const result = await work();
      if (appended(result) > 0) this.#untaken = null;
      return result;
    } catch (error) {
      if (isHeadraceError(error, 'LOG_WRITE')) this.#untaken = error;
      throw error;
    }
  }

  /**
   * Begins to take the events of the topics that the environment names under `sources`, until the project is closed; what is wrong with
   * a topic is told as a fault and in the status, and tried again. Call it in a process that serves, once. Errors: LOG_CLIENT.
   */
  async takeTopics(): Promise<void> {
    const features = this.#features;
    const onFault = this.#onFault;
    for (const { source, format, open } of this.#taken) {
      const topic = await open();
      this.#topics = [
        ...this.#topics,
        new TopicIntake({
          source,
          topic,
          format,
          take: (of, events, placeOf) => this.#noted(() => features.take(of, events, placeOf), loggedIn),
          refuse: (of, payload, error, place) => features.refuse(of, payload, error, place),
          onFault,
        }),
      ];
    }
  }

  /** Takes events of the past, in the order of their times: each is judged as if it had come at its own. Errors: those of the log, DISK_*. */
  bootstrap(source: EventSourceData, events: readonly unknown[]): Promise<IngestReport> {
    return this.#noted(() => this.#features.bootstrap(source, events), loggedIn);
  }

  /** Takes deliveries that another log has, in its order, at the ingest times that they have there. Errors: those of the log, DISK_*. */
  replay(source: EventSourceData, deliveries: readonly Delivery[]): Promise<void> {
    return this.#noted(
      () => this.#features.replay(source, deliveries),
      () => deliveries.length,
    );
  }

  /** Reads a feature vector as of `at` (now). Errors: REQUEST_*. */
  async vector<I extends Tags, F extends Tags>(
    service: FeatureService<I, F>,
    request: RequestOf<FeatureService<I, F>>,
    at?: number,
  ): Promise<Vector<FeatureValues<FeatureService<I, F>>>>;
  async vector(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
  ): Promise<Vector<Readonly<Record<string, unknown>>>>;
  async vector(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
  ): Promise<Vector<Readonly<Record<string, unknown>>>> {
    return this.#features.vector(service, request, at);
  }

  /** Reads a feature vector as of `at` (now), its values in the order of the service's features. Errors: REQUEST_*. */
  read(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<ServedVector> {
    return this.#features.read(service, request, at, undefined, trace);
  }

  /** Reads a vector as JSON text: what the HTTP route answers. */
  vectorText(
    service: FeatureServiceData,
    request: unknown,
    at?: number,
    trace?: OpenSpan | null,
  ): MaybePromise<string> {
    return this.#features.vectorText(service, request, at, trace);
  }

  /** Notes a request of a service that was turned away because more came than could be answered. */
  turnedAway(service: FeatureServiceData): void {
    this.#features.measures.turnedAway(service);
  }

  /** Predicts for one request. Errors: as `predictMany`. */
  async predict(
    model: ModelData,
    id: string,
    request: unknown,
    options: { readonly at?: number | undefined; readonly trace?: OpenSpan | null } = {},
  ): Promise<Prediction> {
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
    { at, trace }: { readonly at?: number | undefined; readonly trace?: OpenSpan | null } = {},
  ): Promise<readonly Prediction[]> {
    if (trace === undefined) {
      const span = this.#stores.traces?.tracer.begin(`predict ${model.name}`) ?? null;
      return span === null
        ? this.#predictMany(model, requests, at, null)
        : span.around(() => this.#predictMany(model, requests, at, span));
    }
    return this.#predictMany(model, requests, at, trace);
  }

  async #predictMany(
    model: ModelData,
    requests: readonly PredictionRequest[],
    at: number | undefined,
    trace: OpenSpan | null,
  ): Promise<readonly Prediction[]> {
    const open = this.#modelOf(model.name);
    for (const { id } of requests) mustBeLoggable(model.name, id, at);
    if (open.server.serving === null) throw open.server.refusal;
    const vectors: ServedVector[] = [];
    for (const { id, request } of requests) {
      const vector = this.#features.read(model.service, request, at, id, trace);
      vectors.push(vector instanceof Promise ? await vector : vector);
    }
    const read = performance.now();
    const { version, scores, features, fed } = await open.server.score(vectors.map(({ values }) => values));
    const scored = performance.now();
    trace?.past('inference', read, scored, {
      'headrace.model': model.name,
      'headrace.version': version,
      'headrace.rows': vectors.length,
    });
    const predictions = vectors.map((vector, i) => {
      const prediction: Prediction = {
        id: requests[i].id,
        model: model.name,
        version,
        score: scores[i],
        at: vector.at,
        ages: vector.ages,
        missing: vector.missing.length,
      };
      open.fed.add({ id: prediction.id, at: vector.at, version, names: features, inputs: fed(i) });
      return prediction;
    });
    await this.#noted(
      () => open.log.append(predictions),
      () => predictions.length,
    );
    trace?.past('prediction log', scored, performance.now());
    return predictions;
  }

  /**
   * Writes a training set as one Parquet file: point-in-time features with the labels of a model; or, with a `spine`, the
   * rows of a file of one's own with the features of a service. Errors: SPINE_*, those of the engine that joins them.
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
    const { mode = 'corrected', onLine, signal } = options;
    if ('spine' in options) {
      const service = of.kind === 'model' ? of.service : of;
      const { spine } = options;
      if (this.#program === null) return this.#features.joinSpine(service, spine, mode, path, onLine, signal);
      await this.flush();
      return (await this.#program(
        { kind: 'spine', service: service.name, spine, mode, path },
        { onLine, signal },
      )) as JoinedSpine;
    }
    if (of.kind !== 'model') throw fail('SPINE_NONE', { target: of.name });
    return this.#writeModelSet(of, trainingSpan(of, options, this.#clock()), mode, path, { onLine, signal });
  }

  async #writeModelSet(
    model: ModelData,
    between: { readonly from: number | null; readonly to: number },
    mode: ReadMode,
    path: string,
    run: TrainingSetRun,
  ): Promise<TrainingSetSummary> {
    if (this.#program === null)
      return this.#features.writeTrainingSet(model, between, mode, path, run.onLine, run.signal);
    await this.flush();
    const now = this.#clock();
    return (await this.#program(
      { kind: 'model', model: model.name, between, now, mode, path },
      run,
    )) as TrainingSetSummary;
  }

  /** From now on another process writes the training sets, from the published history: this one goes on to serve. */
  writeTrainingSetsBy(program: TrainingSetProgram): void {
    this.#program = program;
  }

  /** A path for a training set that is asked for over HTTP: `name` in a folder of the environment. */
  trainingSetPath(name: string): string {
    const directory = resolve(this.#stores.runs, '../training-sets');
    mkdirSync(directory, { recursive: true });
    return resolve(directory, name);
  }

  /**
   * Builds a training set, trains in a process of its own, registers the version. It serves once an alias points at it. Error: JOB_CANCELLED,
   * those of the training set and of the job.
   */
  async train(model: ModelData, options: TrainOptions = {}): Promise<ModelVersion> {
    const directory = resolve(this.#stores.runs, `${model.name}-${this.#clock().toString(36)}`);
    try {
      return await this.#train(model, options, directory);
    } catch (error) {
      if (options.signal?.aborted !== true) throw error;
      rmSync(directory, { recursive: true, force: true });
      throw fail('JOB_CANCELLED', { job: `train ${model.name}` }, error);
    }
  }

  async #train(model: ModelData, options: TrainOptions, directory: string): Promise<ModelVersion> {
    const { registry, artifacts, runtime, trainer } = this.#stores;
    const { mode = 'corrected', onLine, signal } = options;
    // Before the work, not after it.
    await runtime.ready();
    const between = trainingSpan(model, options, this.#clock());
    mkdirSync(directory, { recursive: true });
    const file = resolve(directory, 'training-set.parquet');
    const set = await this.#writeModelSet(model, between, mode, file, { onLine, signal });
    const { path, rows, unlabelled, uniform } = set;
    if (rows === 0) {
      const end = new Date(between.to).toISOString();
      throw fail('TRAINING_DATA', { path, reason: `it has no labelled row that was asked before ${end}` });
    }
    return trainModel({
      model,
      trainingSet: { path, rows, unlabelled, ...between, mode, uniform: uniform.map(({ feature }) => feature) },
      declaration: declarationHash(this.project),
      directory,
      worker: trainer,
      registry,
      artifacts,
      runtime,
      clock: this.#clock,
      timeoutMs: TRAINING_TIMEOUT_MS,
      ...(onLine === undefined ? {} : { onLine }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /**
   * Makes a version the champion by compare-and-swap and loads it; without `expected`, from wherever the alias stands. A
   * version that cannot serve is refused before the alias moves.
   */
  async promote(model: ModelData, version: number, expected?: number | null): Promise<void> {
    const { server } = this.#modelOf(model.name);
    await server.check(version);
    await promote(this.#stores.registry, model.name, { version, expected, at: this.#clock() });
    await server.refresh();
  }

  /** All versions of a model, and the one that is champion. */
  async versions(
    model: ModelData,
  ): Promise<{ readonly versions: readonly ModelVersion[]; readonly champion: number | null }> {
    const { registry } = this.#stores;
    return { versions: await registry.versions(model.name), champion: await registry.alias(model.name, CHAMPION) };
  }

  /**
   * What became of a model's predictions and labels, and the realised quality by day of prediction: since the start, and
   * before it as far back as a label could still come.
   */
  outcomes(model: ModelData & { readonly task: 'binary' }): ModelOutcomes<'binary'>;
  outcomes(model: ModelData & { readonly task: 'regression' }): ModelOutcomes<'regression'>;
  outcomes(model: ModelData): ModelOutcomes;
  outcomes(model: ModelData): ModelOutcomes {
    const { counters, quality } = this.#modelOf(model.name).labels;
    return { counters, quality };
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
    return offlineQuality(model, this.#stores.offline, { from, to });
  }

  /** What became of a source's events since the start. */
  counters(source: EventSourceData): SourceCounters {
    return this.#features.counters(source);
  }

  /** Recomputes the logged vectors served in [from, to) and classes every mismatch. */
  async auditSkew(service: FeatureServiceData, from: number, to: number): Promise<SkewReport> {
    return this.#features.auditSkew(service, from, to);
  }

  /** Takes vectors that a reader's process served and logged, to be published with those of this one. */
  takeServed(tables: readonly TableAppend[]): void {
    this.#features.takeServed(tables);
  }

  /** Takes an entity out of every store, one at a time; resumes by itself when the project is opened. Errors: FORGET_*, REQUEST_*. */
  forget(entity: string, key: Readonly<Record<string, unknown>>): Promise<ForgetReport> {
    const turn = this.#forgetting.then(async () => {
      await this.flush();
      return forget(
        {
          ...this.#stores,
          rowsOf: this.#rowsOf,
          directory: this.directory,
          project: this.project,
          features: this.#features,
        },
        entity,
        key,
      );
    });
    this.#forgetting = turn.catch(() => undefined);
    return turn;
  }

  /** Makes the spans of what is called; null where nothing is traced. */
  get tracer(): Tracer | null {
    return this.#stores.traces?.tracer ?? null;
  }

  /** The feature store, for what the methods here do not cover. */
  get features(): FeatureStore {
    return this.#features;
  }

  /** Where the environment keeps its data. */
  get directory(): string {
    return this.#environment.directory;
  }

  /** The event log, to be read. */
  get log(): Stores['log'] {
    return this.#stores.log;
  }

  /** The offline store, to be queried. */
  get offline(): Stores['offline'] {
    return this.#stores.offline;
  }

  /** Does the work that is due by the clock. Call it about once a second. */
  async tick(): Promise<void> {
    for (const part of this.#parts) await part.tick(this.#clock());
  }

  async #refreshModels(): Promise<void> {
    for (const { server } of this.#models.values()) await server.refresh().catch(this.#onFault);
  }

  async #closeModels(): Promise<void> {
    for (const { server } of this.#models.values()) await server.close();
  }

  async #tickPredictions(now: number): Promise<void> {
    let waiting = 0;
    for (const model of this.#models.values()) {
      await model.catchUp(() => this.#features.publishDeliveries());
      model.labels.expire(now);
      waiting += model.history.waiting;
    }
    const overdue = performance.now() - this.#publishedAt >= PUBLISH_AFTER_MS;
    this.#publishing.check();
    if (waiting >= 2 * PUBLISH_PREDICTIONS) await this.#publishing.settled();
    if (waiting >= PUBLISH_PREDICTIONS || (waiting > 0 && overdue))
      this.#publishing.start(() => this.#publishPredictions());
  }

  async #flushPredictions(): Promise<void> {
    await this.#publishing.settled();
    const flushed = await Promise.allSettled([...this.#models.values()].map((model) => model.flush()));
    for (const one of flushed) if (one.status === 'rejected') throw one.reason;
  }

  /** Whether readers of other processes wait for what `share` lets them see, of a store on this machine. */
  get hasReaders(): boolean {
    return this.#features.hasReaders;
  }

  /** Lets readers of other processes see what came. Call it about ten times a second where there are any. */
  share(): Promise<void> {
    return this.#features.share();
  }

  /** Writes everything that was ingested and predicted to every store. */
  async flush(): Promise<void> {
    for (const part of this.#parts) await part.flush();
  }

  /** Everything that requests need and that is missing, such as a required model without a champion. */
  notReady(): readonly string[] {
    return waitingOf(this.#parts);
  }

  /** Everything that works, but not as declared: a batch view that is overdue, a service that differs from the history. */
  degraded(): readonly string[] {
    return degradedOf(this.#parts, this.#clock());
  }

  /** The state of the project: events in, features served, faults. */
  status(): ProjectStatus {
    const { namespace } = this.#environment;
    return statusOf(this.#parts, { project: this.project.name, namespace, now: this.#clock() });
  }

  /** Every declared budget, and what this process measured against it in the last hour. */
  slo(): SloReport {
    return this.#features.measures.report(performance.now());
  }

  /** Prometheus text. */
  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    return this.#metrics.text();
  }

  /**
   * Writes what was accepted to every store and closes them. What fails keeps nothing else open. `withinMs`: how long that may take (as long as
   * it needs, up to the limits of the stores); then connections are cut. What is left is in the log, and is read from there at the next
   * start. A second call gives the outcome of the first. Error: CLOSE_UNFINISHED.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#end(options);
    return this.#closing;
  }

  async #end({ withinMs = Number.POSITIVE_INFINITY }: CloseOptions): Promise<void> {
    const closing = closingWithin(withinMs);
    // What they have taken is flushed with the rest.
    await closing.work('topics of other services', () => Promise.all(this.#topics.map((topic) => topic.stop())));
    for (const part of this.#parts) await closing.work(part.name, () => part.flush());
    // In reverse order: a part may use those before it. The log closes after everything that reads it.
    for (const part of this.#parts.toReversed()) await closing.end(part.name, () => part.close());
    const left = this.#parts.flatMap((part) => part.left());
    await closeStores(this.#stores, closing);
    const error = unfinished(closing, left, withinMs);
    if (error !== null) throw error;
  }

  async #publishPredictions(): Promise<void> {
    this.#publishedAt = performance.now();
    for (const { history } of this.#models.values()) await history.publish();
  }

  #modelOf(name: string): OpenModel {
    const model = this.#models.get(name);
    if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: [...this.#models.keys()] });
    return model;
  }
}

/** Predictions waiting above which they are published, behind the calls that go on; of twice as many, calls wait for it. */
const PUBLISH_PREDICTIONS = 50_000;

/** Longest time that predictions wait to be published while the project ticks, ms. */
const PUBLISH_AFTER_MS = 60_000;

/** What keeps a closed project from having written everything; null: nothing. */
function unfinished({ failure, late }: Closing, left: readonly string[], withinMs: number): Error | null {
  if (failure === null && late.length === 0) return null;
  if (failure !== null && left.length === 0) return failure;
  const reason = failure?.message ?? `${late.join(', ')} did not end within ${withinMs / 1_000} s`;
  return fail('CLOSE_UNFINISHED', { left: left.length === 0 ? ['nothing that was accepted'] : left, reason }, failure);
}

function diskBudget({ directory, disk }: Environment, clock: Clock, onFault: (error: unknown) => void): DiskBudget {
  return new DiskBudget({
    bytes: disk.bytes ?? Number.POSITIVE_INFINITY,
    bytesPerDay: disk.bytesPerDay ?? Number.POSITIVE_INFINITY,
    ledgerPath: resolve(directory, 'disk.json'),
    clock,
    elsewhere: () => bytesElsewhere(directory),
    onFault,
  });
}

/** Open models with what the environment says of them. */
function* servedModels(models: Iterable<OpenModel>, { requiredModels }: Environment): Generator<ServedModel> {
  for (const { data, server } of models) yield { data, server, isRequired: requiredModels.includes(data.name) };
}

function refuse(error: Error): never {
  throw error;
}
