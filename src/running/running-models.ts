import type { ModelData, PipelineData } from '../features/define/declaration.ts';
import type { ModelOutcomes } from '../monitoring/labels/project-labels.ts';
import type { RealisedQuality } from '../monitoring/labels/realised-quality.ts';
import type { Playbook } from '../playbook/playbook.ts';
import type { Replay } from '../playbook/replay.ts';
import type { ModelVersion } from '../ports/model-registry.ts';
import type { MoveNote } from '../registry/champion.ts';
import type { ListedVersion } from '../registry/listed-versions.ts';
import { readSpan } from '../schema/instant.ts';
import { type BatchJob, type BatchOptions, startBatch } from '../serving/batch/start-batch.ts';
import { type PredictionRequest, type PredictOptions, predictMany } from '../serving/online/predict-many.ts';
import type { PipelinePrediction } from '../serving/online/predict-pipeline.ts';
import type { Prediction } from '../serving/online/prediction.ts';
import type { RolloutControl } from '../serving/rollout/rollout-control.ts';
import type { RunningStream } from '../serving/streaming/project-streams.ts';
import type { TrainOptions } from '../training/training-runs.ts';
import { openBatchContext } from './batch-context.ts';
import { type MonitorOptions, monitorOf } from './local-monitor.ts';
import type { OpenProject } from './opened-project.ts';
import type { ProjectStatus } from './parts.ts';
import { predictingWith } from './predicting-with.ts';
import { Running } from './running.ts';

/** The models of a running project: predictions, training, versions, rollouts, playbooks and realised quality. */
export abstract class RunningModels extends Running<ProjectStatus> {
  readonly #open: OpenProject;

  constructor(open: OpenProject) {
    super({ ...open, measures: open.features.measures, tracer: open.stores.traces?.tracer ?? null });
    this.#open = open;
  }

  /** Writes everything that was ingested and predicted to every store. */
  abstract flush(): Promise<void>;

  /** It makes predictions itself. */
  get predicting(): this {
    return this;
  }

  /** A declared model by name. Error: MODEL_UNKNOWN. */
  model(name: string): ModelData {
    return this.#open.models.named(name).data;
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
    return predictMany(predictingWith(this.#open, model), model, requests, options);
  }

  /** A declared pipeline by name; null: there is none. */
  pipeline(name: string): PipelineData | null {
    return this.#open.pipelines.named(name);
  }

  /**
   * Answers requests by a pipeline. The prediction of each of its models is in the log under the request's id when this returns. Errors:
   * MODEL_UNKNOWN, as `predictMany`, PIPELINE_*.
   */
  async predictPipeline(
    pipeline: Pick<PipelineData, 'name'>,
    requests: readonly PredictionRequest[],
    options?: PredictOptions,
  ): Promise<readonly PipelinePrediction[]> {
    return this.#open.pipelines.predict(pipeline, requests, options);
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
  ): Pick<
    RunningStream,
    'status' | 'counts' | 'roll' | 'cancel' | 'commit' | 'abort' | 'shadow' | 'reprocess' | 'outputs' | 'rejected'
  > {
    return this.#open.streams.named(name);
  }

  /** Makes a version the champion by compare-and-swap and loads it; without `expected`, whatever the alias names now. Errors: MODEL_*. */
  promote(model: ModelData, version: number, expected?: number | null, note?: MoveNote): Promise<void> {
    return this.#open.models.promote(model, version, expected, note);
  }

  /**
   * Decides over the rollouts of any model that is served: declared, registered, or of the model repository. Error: MODEL_UNKNOWN.
   */
  rolloutOf(name: string): Promise<RolloutControl> {
    return this.#open.models.rolloutOf(name);
  }

  /** Decides over the rollouts of a declared model: starts, reads, holds, promotes and rolls back. Error: MODEL_UNKNOWN. */
  rollout(model: Pick<ModelData, 'name'>): RolloutControl {
    return this.#open.models.named(model.name).rollouts.control;
  }

  /**
   * Judges the monitors of all champions once, in this process: state, incidents and playbooks get the same findings in this order.
   * `headrace monitor` does so by itself, in its own. Errors: DRIFT_MONITOR: another process monitors; DRIFT_UNJUDGED.
   */
  monitor(options: MonitorOptions = {}): Promise<void> {
    return monitorOf(this.#open).run(options);
  }

  /**
   * The playbook of a model: `step` looks, decides and acts, in this process. `headrace monitor` does so by itself, in its own.
   * Error: PLAYBOOK_NONE.
   */
  playbook(model: Pick<ModelData, 'name'>): Playbook {
    return this.#open.playbooks.named(model.name, monitorOf(this.#open).world);
  }

  /** Decides again from the journal of a model's playbook and, with `history`, from the history. Error: PLAYBOOK_NONE. */
  replayPlaybook(model: Pick<ModelData, 'name'>, options: { readonly history: boolean }): Promise<Replay> {
    return this.#open.playbooks.replay(model.name, monitorOf(this.#open).world, options);
  }

  /** All versions of a model, trained and logged, and the champion; null: none. */
  versions(
    model: ModelData,
  ): Promise<{ readonly versions: readonly ListedVersion[]; readonly champion: number | null }> {
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
    readSpan({ from, to }, this.#open.clock(), 'the quality');
    await this.flush();
    return this.#open.labels.realisedQuality(model, from, to);
  }
}
