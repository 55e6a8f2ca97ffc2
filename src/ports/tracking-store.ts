import type { Page, PageQuery, StageView } from './registry-query.ts';

/** A text under a key. */
export interface KeyText {
  readonly key: string;
  readonly value: string;
}

export type LifecycleStage = 'active' | 'deleted';

/** A named group of runs. */
export interface Experiment {
  readonly id: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly stage: LifecycleStage;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tags: readonly KeyText[];
}

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

/** Facts of a run that are not logged by key. Times are epoch ms. */
export interface RunInfo {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly user: string;
  readonly status: RunStatus;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly artifactUri: string;
  readonly stage: LifecycleStage;
}

/** A measured value: NaN and the infinities are kept as they are. */
export interface Metric {
  readonly key: string;
  readonly value: number;
  /** Epoch ms. */
  readonly at: number;
  readonly step: number;
}

/** The data that a run read. */
export interface DatasetInput {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema: string | null;
  readonly profile: string | null;
  readonly tags: readonly KeyText[];
}

/** A logged model that a run wrote. */
export interface ModelOutput {
  readonly modelId: string;
  readonly step: number;
}

/** A run with the newest value of each metric. */
export interface Run {
  readonly info: RunInfo;
  readonly metrics: readonly Metric[];
  readonly params: readonly KeyText[];
  readonly tags: readonly KeyText[];
  readonly datasets: readonly DatasetInput[];
  /** Ids of logged models that the run read. */
  readonly modelInputs: readonly string[];
  readonly modelOutputs: readonly ModelOutput[];
}

/** A metric of a run that also belongs to a logged model. */
export interface RunMetric extends Metric {
  readonly modelId?: string | undefined;
  readonly datasetName?: string | undefined;
  readonly datasetDigest?: string | undefined;
}

/** Entries that are logged at once: all of them are stored, or none. */
export interface RunBatch {
  readonly metrics: readonly RunMetric[];
  readonly params: readonly KeyText[];
  readonly tags: readonly KeyText[];
  /** JSON to append to tags that hold lists of JSON; callers that append at once lose nothing of each other. */
  readonly appended?: readonly KeyText[];
}

export interface NewExperiment {
  readonly name: string;
  /** null: the store's own, made from the id. */
  readonly artifactLocation: string | null;
  readonly tags: readonly KeyText[];
  readonly at: number;
}

export interface NewRun {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  readonly user: string;
  readonly startedAt: number;
  readonly tags: readonly KeyText[];
}

export interface RunChanges {
  readonly status?: RunStatus | undefined;
  readonly endedAt?: number | undefined;
  readonly name?: string | undefined;
}

/** A search over the runs of experiments. */
export interface RunQuery extends PageQuery {
  readonly experiments: readonly string[];
  readonly view: StageView;
}

/** One point of a metric of one run of several. */
export interface RunPoint extends Metric {
  readonly run: string;
}

/**
 * Experiments and their runs, as training code logs them.
 *
 * Rules (numbers follow those of `model-registry.ts`):
 *  6. a param of a run never changes (REGISTRY_PARAM); the same value again is no change;
 *  7. a point of a metric is stored once however often it is logged; the newest has the greatest (step, time, value);
 *  8. a batch is stored whole or not at all; its cost does not grow with the size of the run;
 *  9. a deleted run or experiment can be read and restored, and not changed (REGISTRY_DELETED), until it is purged.
 *
 * A name that is absent is REGISTRY_ABSENT; a name that is taken is REGISTRY_EXISTS.
 */
export interface TrackingStore {
  createExperiment(experiment: NewExperiment): Promise<string>;
  experiment(id: string): Promise<Experiment | null>;
  experimentByName(name: string): Promise<Experiment | null>;
  renameExperiment(id: string, name: string, at: number): Promise<void>;
  /** Runs of the experiment follow it. */
  stageExperiment(id: string, stage: LifecycleStage, at: number): Promise<void>;
  setExperimentTag(id: string, tag: KeyText): Promise<void>;
  deleteExperimentTag(id: string, key: string): Promise<void>;
  searchExperiments(query: PageQuery & { readonly view: StageView }): Promise<Page<Experiment>>;

  createRun(run: NewRun): Promise<Run>;
  run(id: string): Promise<Run | null>;
  updateRun(id: string, changes: RunChanges): Promise<RunInfo>;
  stageRun(id: string, stage: LifecycleStage, at: number): Promise<void>;
  /**
   * Removes up to `limit` runs for good that were deleted before `before`, with everything of them; returns how many. One that a version
   * or a logged model came from stays.
   */
  purgeRuns(before: number, limit: number): Promise<number>;
  /** Removes experiments for good that were deleted before `before` and have no run and no logged model; returns how many. */
  purgeExperiments(before: number): Promise<number>;
  logBatch(run: string, batch: RunBatch): Promise<void>;
  deleteRunTag(run: string, key: string): Promise<void>;
  logInputs(run: string, datasets: readonly DatasetInput[], models: readonly string[]): Promise<void>;
  logOutputs(run: string, models: readonly ModelOutput[]): Promise<void>;
  searchRuns(query: RunQuery): Promise<Page<Run>>;
  /** Ordered by time, step, value. */
  metricHistory(
    run: string,
    key: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<Page<Metric>>;
  /** Points of several runs, ordered by run, step and time. Of a run with more than `limit`: as many, evenly, and the last one. */
  metricHistories(
    runs: readonly string[],
    key: string,
    span: { readonly from: number | null; readonly to: number | null; readonly limit: number },
  ): Promise<readonly RunPoint[]>;
}
