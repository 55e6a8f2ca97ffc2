import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import type { Clock } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import { declarationHash } from '../features/change/declaration-hash.ts';
import type { FeatureServiceData, ModelData, ProjectData } from '../features/define/declaration.ts';
import type { ReadMode } from '../features/plan/stream-read.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import type { TrainingSetProgram, TrainingSetRun } from '../featurestore/training-set/asked-training-set.ts';
import type { JoinedSpine } from '../featurestore/training-set/join-spine.ts';
import type { SpineOptions } from '../featurestore/training-set/spine.ts';
import type { TrainingSetSummary } from '../featurestore/training-set/training-set.ts';
import type { WrittenSets } from '../featurestore/training-set/training-sets-part.ts';
import { trainingSpan } from '../featurestore/training-set/training-span.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion } from '../ports/model-registry.ts';
import type { ModelRuntime } from '../ports/model-runtime.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import { forgetTraining, type KeptTraining, keepTraining, keptTraining } from './kept-training.ts';
import { newRunFolder } from './run-folder.ts';
import { trainModel } from './train-model.ts';

export interface TrainOptions {
  /**
   * Rows requested in [from, to), epoch ms. Default of `to`: now less the label's `within`, so that every row can have its label.
   * Default of `from`: the model's window before `to`, or the first row.
   */
  readonly from?: number;
  readonly to?: number;
  readonly mode?: ReadMode;
  /** Receives the progress of the join of features, and the output of training. */
  readonly onLine?: (line: string) => void;
  /** Cancels it: the call fails with JOB_CANCELLED or the error of the ended process, and no version is registered. */
  readonly signal?: AbortSignal;
  /** The most that this training may cost, in the currency of `training.pricePerHour`; default: `training.budget`. */
  readonly budget?: number;
  /** Resumes the newest training of the model that was killed: its set, its options, its newest checkpoint. */
  readonly resume?: boolean;
  /** Spans whose rows are left out. */
  readonly exclude?: readonly { readonly from: number; readonly to: number }[];
}

/** A training that a playbook ordered. */
export interface OrderedTraining extends TrainOptions {
  /** Id of the decision: kept in the lineage, and part of the folder's name. */
  readonly decision: string;
  /** Labelled rows below which nothing is trained. */
  readonly leastRows: number;
}

export interface SpineTrainOptions {
  /** The rows, each of which gets its features as of its own instant. */
  readonly spine: SpineOptions;
  readonly mode?: ReadMode;
  /** Receives the progress of the join of features. */
  readonly onLine?: (line: string) => void;
  /** Cancels it: the call fails with JOB_CANCELLED, and leaves no file. */
  readonly signal?: AbortSignal;
}

/** From the start of a program to its first step, and between two steps, ms. */
const TRAINING_TIMEOUT_MS = 3_600_000;

/** How trainings of an environment run. */
export interface TrainingTools {
  /** The program that the embedded trainers run in. */
  readonly trainer: readonly [string, ...string[]];
  /** Where training runs keep their files. */
  readonly runs: string;
  /** Starts the processes of a training run. */
  readonly openRun: OpenTrainingRun;
  /** Where training programs log by a client of MLflow; null: nowhere. */
  readonly tracking: string | null;
}

export interface TrainingRunsOptions {
  readonly project: ProjectData;
  readonly stores: {
    readonly registry: ModelRegistry;
    readonly artifacts: ArtifactStore;
    readonly runtime: ModelRuntime;
    readonly training: TrainingTools;
  };
  /** The reference of a training set, for the monitors of the version that is trained on it. */
  readonly referenceOf: (path: string, features: readonly string[], at: number) => Promise<Uint8Array>;
  readonly limits: Environment['training'];
  /** Null in a process that does not write the environment: another one writes its sets. */
  readonly features: FeatureStore | null;
  readonly clock: Clock;
  /** Writes everything that was taken to every store. */
  readonly flush: () => Promise<void>;
}

/** Writes training sets, and trains models in processes of their own. */
export class TrainingRuns {
  readonly #options: TrainingRunsOptions;
  /** Writes training sets in another process; null: this process writes them. */
  #program: TrainingSetProgram | null = null;
  /** The process that writes the set of a training; null: the model has functions of this process. */
  #programOf: ((model: ModelData) => TrainingSetProgram | null) | null = null;

  #sets: WrittenSets = { written: 0, cuts: 0 };

  constructor(options: TrainingRunsOptions) {
    this.#options = options;
  }

  /** The training sets until now. */
  get sets(): WrittenSets {
    return this.#sets;
  }

  #counted<S extends JoinedSpine | TrainingSetSummary>(set: S): S {
    const { written, cuts } = this.#sets;
    this.#sets = { written: written + 1, cuts: cuts + set.cuts };
    return set;
  }

  /** From now on another process writes the training sets, from the published history. */
  writeSetsBy(program: TrainingSetProgram): void {
    this.#program = program;
  }

  /** From now on another process writes the sets of trainings, where the model is data. */
  trainSetsBy(programOf: (model: ModelData) => TrainingSetProgram | null): void {
    this.#programOf = programOf;
  }

  /** A path for a training set that is requested over HTTP: `name` in a folder of the environment. */
  setPath(name: string): string {
    const directory = resolve(this.#options.stores.training.runs, '../training-sets');
    mkdirSync(directory, { recursive: true });
    return resolve(directory, name);
  }

  /** Writes a training set as one Parquet file. Errors: SPINE_*, those of the engine that joins features. */
  async writeSet(
    of: ModelData | FeatureServiceData,
    path: string,
    options: TrainOptions | SpineTrainOptions,
  ): Promise<JoinedSpine | TrainingSetSummary> {
    const { mode = 'corrected', onLine, signal } = options;
    const run = { onLine, signal };
    const exclude = 'spine' in options ? [] : (options.exclude ?? []);
    if ('spine' in options)
      return this.#writeSpineSet(of.kind === 'model' ? of.service : of, options.spine, mode, { path, ...run });
    if (of.kind !== 'model') throw fail('SPINE_NONE', { target: of.name });
    const between = trainingSpan(of, options, this.#options.clock());
    return this.#writeModelSet(of, between, mode, { path, exclude, program: this.#program, ...run });
  }

  async #writeSpineSet(
    service: FeatureServiceData,
    spine: SpineOptions,
    mode: ReadMode,
    { path, ...run }: TrainingSetRun & { readonly path: string },
  ): Promise<JoinedSpine> {
    const { features, flush } = this.#options;
    const program = this.#program;
    if (program === null)
      return this.#counted(await mustWrite(features).joinSpine(service, spine, { path, mode, ...run }));
    await flush();
    const asked = { kind: 'spine', service: service.name, spine, mode, path } as const;
    return this.#counted((await program(asked, run)) as JoinedSpine);
  }

  async #writeModelSet(
    model: ModelData,
    between: { readonly from: number | null; readonly to: number },
    mode: ReadMode,
    {
      path,
      exclude,
      program,
      ...run
    }: TrainingSetRun & {
      readonly path: string;
      readonly exclude: NonNullable<TrainOptions['exclude']>;
      readonly program: TrainingSetProgram | null;
    },
  ): Promise<TrainingSetSummary> {
    const { features, flush, clock } = this.#options;
    if (program === null)
      return this.#counted(await mustWrite(features).writeTrainingSet(model, between, { path, mode, exclude, ...run }));
    await flush();
    const asked = { kind: 'model', model: model.name, between, now: clock(), mode, path, exclude } as const;
    return this.#counted((await program(asked, run)) as TrainingSetSummary);
  }

  /**
   * Builds a training set, trains, registers the version. Errors: JOB_CANCELLED, TRAINING_RESUME, those of the training set and of
   * the job.
   */
  async train(model: ModelData, options: TrainOptions | OrderedTraining): Promise<ModelVersion> {
    const { stores, clock, project } = this.#options;
    const declaration = declarationHash(project);
    const kept = options.resume === true ? keptTraining(stores.training.runs, model.name, declaration) : null;
    const order = 'decision' in options ? `-${options.decision}-${process.pid}` : '';
    const directory = kept?.directory ?? newRunFolder(stores.training.runs, `${model.name}${order}`, clock());
    try {
      // Before the work, not after it.
      await stores.runtime.ready();
      const trainingSet = kept?.trainingSet ?? (await this.#writeKeptSet(model, options, { directory, declaration }));
      const version = await this.#trainOn(model, options, { directory, declaration, trainingSet });
      forgetTraining(directory);
      return version;
    } catch (error) {
      if (options.signal?.aborted !== true) throw error;
      rmSync(directory, { recursive: true, force: true });
      throw fail('JOB_CANCELLED', { job: `train ${model.name}` }, error);
    }
  }

  /** Writes the set of a training, and what a resume needs to know of it. */
  async #writeKeptSet(
    model: ModelData,
    options: TrainOptions | OrderedTraining,
    { directory, declaration }: Pick<KeptTraining, 'directory' | 'declaration'>,
  ): Promise<KeptTraining['trainingSet']> {
    const { mode = 'corrected', onLine, signal, exclude = [] } = options;
    const between = trainingSpan(model, options, this.#options.clock());
    const file = resolve(directory, 'training-set.parquet');
    const program = this.#program ?? this.#programOf?.(model) ?? null;
    if (program === null && this.#programOf !== null)
      onLine?.('the model has on-demand functions: this process builds its training set');
    const set = await this.#writeModelSet(model, between, mode, { path: file, exclude, program, onLine, signal });
    const { path, rows, unlabelled } = set;
    if ('decision' in options && rows < options.leastRows)
      throw fail('PLAYBOOK_ROWS', { model: model.name, rows, least: options.leastRows });
    if (rows === 0) {
      const end = new Date(between.to).toISOString();
      throw fail('TRAINING_DATA', { path, reason: `it has no labelled row that was asked before ${end}` });
    }
    const uniform = set.uniform.map(({ feature }) => feature);
    const trainingSet = { path, rows, unlabelled, ...between, mode, uniform };
    keepTraining({ model: model.name, directory, declaration, trainingSet });
    return trainingSet;
  }

  #trainOn(
    model: ModelData,
    options: TrainOptions | OrderedTraining,
    { directory, declaration, trainingSet }: Omit<KeptTraining, 'model'>,
  ): Promise<ModelVersion> {
    const { stores, clock, limits, referenceOf } = this.#options;
    const { registry, artifacts, runtime, training } = stores;
    const { trainer, openRun, tracking } = training;
    const { checkpointSeconds, restarts, budget = null, pricePerHour } = limits;
    const { onLine, signal, budget: own } = options;
    return trainModel({
      model,
      ...('decision' in options ? { decision: options.decision } : {}),
      trainingSet,
      declaration,
      directory,
      worker: trainer,
      registry,
      artifacts,
      runtime,
      clock,
      limits: { timeoutMs: TRAINING_TIMEOUT_MS, checkpointSeconds, restarts, budget: own ?? budget, pricePerHour },
      openRun,
      tracking,
      profile: (set, features) => referenceOf(set, features, clock()),
      ...(onLine === undefined ? {} : { onLine }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function mustWrite(features: FeatureStore | null): FeatureStore {
  if (features === null) throw new TypeError('a process without a feature store has a program that writes its sets');
  return features;
}
