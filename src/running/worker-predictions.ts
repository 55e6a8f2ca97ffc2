import type { Tracer } from '../base/tracer.ts';
import type { FeatureServiceData, ModelData, PipelineData, ProjectData } from '../features/define/declaration.ts';
import type { FeatureReader } from '../featurestore/feature-reader.ts';
import { AppendOutcome } from '../featurestore/ingest/append-outcome.ts';
import type { SampleRoom } from '../featurestore/skew/sampled-rows.ts';
import { openPart } from '../observe/part-kind.ts';
import type { QueueReport } from '../observe/queue-report.ts';
import { storesPart } from '../observe/stores-part.ts';
import { ProjectPlaybooks } from '../playbook/project-playbooks.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import type { Part } from '../ports/part.ts';
import type { OpenHostOptions } from '../serving/models/open-host.ts';
import { PipelineSource } from '../serving/models/pipeline-source.ts';
import { WorkerModels } from '../serving/models/worker-models.ts';
import type { ModelHost } from '../serving/oip/model-host.ts';
import {
  type PredictingWith,
  type PredictionRequest,
  type PredictOptions,
  predictMany,
} from '../serving/online/predict-many.ts';
import { openPipelines, type PipelinePrediction, type Pipelines } from '../serving/online/predict-pipeline.ts';
import type { Prediction } from '../serving/online/prediction.ts';
import type { PredictionSink } from '../serving/online/prediction-sink.ts';
import { runtimes } from '../site/runtimes.ts';
import type { Site, SiteStores } from '../site/site.ts';
import { openVersionCache } from '../versions/cache/open-version-cache.ts';
import { RegisteredVersions } from '../versions/cache/registered-versions.ts';
import type { VersionCache } from '../versions/cache/version-cache.ts';
import { pythonPart } from '../versions/python-part.ts';

/** The way of a process to the log of another one, and how many processes share the bounds of the queues. */
export interface WorkerPlace {
  readonly sink: PredictionSink;
  readonly processes: number;
}

export interface WorkerPredictionsOptions {
  /** Of the process, which closes it. */
  readonly site: Site;
  readonly features: FeatureReader;
  readonly sampled: SampleRoom;
  readonly place: WorkerPlace;
  readonly tracer: Tracer | null;
}

/** Next to the process that writes the environment. */
const STORES = ['artifacts', 'registry', 'rollouts', 'playbooks', 'runtime', 'python', 'upstreams'] as const;

interface Opened {
  readonly stores: SiteStores<(typeof STORES)[number]>;
  readonly versions: VersionCache;
  readonly models: WorkerModels;
  readonly playbooks: ProjectPlaybooks;
}

/** Predictions of a process of a group: features are joined and scored here, and the writer's log has each before it is answered. */
export class WorkerPredictions {
  readonly project: ProjectData;
  readonly #options: WorkerPredictionsOptions;
  readonly #open: Opened;
  readonly #pipelines: Pipelines;
  /** The writer shows it: its log takes the appends. */
  readonly #appends = new AppendOutcome();

  private constructor(options: WorkerPredictionsOptions, open: Opened) {
    this.project = options.site.project;
    this.#options = options;
    this.#open = open;
    this.#pipelines = openPipelines(this.project.pipelines ?? [], (model) => this.#using(model));
  }

  /** Opens the registry next to the writer's, and loads the champions. Errors: those of the stores. */
  static async open(options: WorkerPredictionsOptions): Promise<WorkerPredictions> {
    const { site, place, sampled } = options;
    const { project, environment, clock, onFault } = site;
    const stores = await site.open(...STORES);
    const { directory, sampleRate, requiredModels } = environment;
    const playbooks = new ProjectPlaybooks({ project, directory, store: stores.playbooks, clock, onFault });
    await playbooks.follow();
    const versions = openVersionCache({ environment, runtimes, processes: place.processes, clock, onFault });
    const models = new WorkerModels({
      ...stores,
      registered: new RegisteredVersions({ ...stores, versions }),
      project,
      sampleRate,
      sampled,
      clock,
      onFault,
      required: requiredModels,
      sink: place.sink,
      guardOf: (model) => playbooks.answersOf(model)?.guard,
    });
    await models.start();
    return new WorkerPredictions(options, { stores, versions, models, playbooks });
  }

  /** The part of the options of a model host that makes its answers count here as they do in the writer. */
  hostOptions(): Pick<
    OpenHostOptions,
    'registered' | 'versions' | 'laneOf' | 'checkLog' | 'log' | 'more' | 'rollouts'
  > {
    const { stores, versions, models } = this.#open;
    return {
      registered: stores,
      rollouts: stores.rollouts,
      versions,
      ...models.hooks,
      more: [new PipelineSource(this.project.pipelines ?? [], (...call) => this.#pipelines.predict(...call))],
    };
  }

  /** Follows rollouts of the models of a host, which answers by their lanes from then on. */
  async serve(host: ModelHost): Promise<void> {
    await this.#open.models.hosted.serve(host);
  }

  /** A declared model by name. Error: MODEL_UNKNOWN. */
  model(name: string): ModelData {
    return this.#open.models.named(name).data;
  }

  /** Counts a request of a service that was rejected because more came than could be answered. */
  turnedAway(service: FeatureServiceData): void {
    this.#options.features.measures.turnedAway(service);
  }

  /** As `Headrace.predictMany`: each is in the writer's log when this returns. Errors: the same, and SERVER_WRITER. */
  predictMany(
    model: ModelData,
    requests: readonly PredictionRequest[],
    options?: PredictOptions,
  ): Promise<readonly Prediction[]> {
    return predictMany(this.#using(model), model, requests, options);
  }

  /** A declared pipeline by name; null: there is none. */
  pipeline(name: string): PipelineData | null {
    return this.#pipelines.named(name);
  }

  /** As `Headrace.predictPipeline`. Errors: the same, and SERVER_WRITER. */
  async predictPipeline(
    pipeline: Pick<PipelineData, 'name'>,
    requests: readonly PredictionRequest[],
    options?: PredictOptions,
  ): Promise<readonly PipelinePrediction[]> {
    return this.#pipelines.predict(pipeline, requests, options);
  }

  #using(model: ModelData): PredictingWith {
    const { features, tracer } = this.#options;
    return {
      open: this.#open.models.named(model.name),
      read: (...[of, request, at, id, trace]: Parameters<FeatureReader['readAs']>) =>
        features.readAs(of, request, at, id, trace),
      appends: this.#appends,
      tracer,
      predicted: (name: string, tookMs: number, now: number) => features.measures.predicted(name, tookMs, now),
    };
  }

  /** Follows rollouts and playbooks that other processes changed. Call it some times a second. Errors: ROLLOUT_*. */
  async follow(): Promise<void> {
    await this.#open.playbooks.follow();
    await this.#open.models.followRollouts();
  }

  /** Follows everything, champions too: another process has changed something and waits. Errors: as `follow`. */
  async followAll(): Promise<void> {
    await this.#open.playbooks.follow();
    await this.#open.models.follow();
  }

  /** The logged model inputs since the last call. */
  drainFed(): readonly TableAppend[] {
    return this.#open.models.drainFed();
  }

  /** Predictions that wait for the process that writes. */
  queues(): readonly QueueReport[] {
    return [this.#options.place.sink.queue()];
  }

  parts(): readonly Part[] {
    const { stores, models, playbooks } = this.#open;
    return [
      ...models.parts(),
      openPart(storesPart, this.#options.site.faults),
      openPart(pythonPart, { workers: () => stores.python?.workers() ?? [] }),
      ...(stores.playbooks === null ? [] : [playbooks.part()]),
    ];
  }

  async close(): Promise<void> {
    await this.#open.models.close();
  }
}
