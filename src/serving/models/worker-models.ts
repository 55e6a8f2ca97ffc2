import { randomUUID } from 'node:crypto';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import { FedLog } from '../../featurestore/skew/fed-log.ts';
import { openPart } from '../../observe/part-kind.ts';
import type { TableAppend } from '../../ports/offline-store.ts';
import type { Part } from '../../ports/part.ts';
import { ModelServer } from '../online/model-server.ts';
import { modelsPart, type ServedModel } from '../online/models-part.ts';
import type { PredictedModel, VectorGuard } from '../online/predicted-model.ts';
import { type NewPrediction, shadowLane } from '../online/prediction.ts';
import type { PredictionSink } from '../online/prediction-sink.ts';
import { FollowedRollouts } from '../rollout/followed-rollouts.ts';
import { RolloutLanes } from '../rollout/rollout-lanes.ts';
import { rolloutsPart } from '../rollout/rollouts-part.ts';
import type { ShadowCopy } from '../rollout/shadow-copy.ts';
import { followedHostRollouts, type HostRollouts } from './host-rollouts.ts';
import type { OpenModelOptions } from './open-model.ts';
import { type TensorHooks, tensorHooks } from './tensor-hooks.ts';

export interface WorkerModelsOptions
  extends Pick<
    OpenModelOptions,
    'registry' | 'rollouts' | 'artifacts' | 'registered' | 'sampleRate' | 'sampled' | 'clock' | 'onFault'
  > {
  readonly project: ProjectData;
  /** Names of the models without which the process is not ready. */
  readonly required: readonly string[];
  /** Where predictions are logged. */
  readonly sink: PredictionSink;
  /** Puts declared values in the place of faulty features; undefined: the model has no playbook. */
  readonly guardOf: (model: ModelData) => (() => VectorGuard | null) | undefined;
}

/** A model in a process of a group: it scores here, and its predictions go to the log of the writer. */
class WorkerModel implements PredictedModel {
  readonly data: ModelData;
  readonly server: ModelServer;
  readonly rollouts: FollowedRollouts;
  readonly fed: FedLog;
  readonly log: PredictedModel['log'];
  readonly #guard: (() => VectorGuard | null) | undefined;

  constructor(data: ModelData, options: WorkerModelsOptions) {
    const { sink, sampleRate, sampled, onFault } = options;
    this.data = data;
    this.#guard = options.guardOf(data);
    this.fed = new FedLog(data, sampleRate, sampled);
    this.log = { append: (predictions: readonly NewPrediction[]) => sink.append(data.name, predictions) };
    this.server = new ModelServer({ ...options, model: data });
    const { rollouts: store } = options;
    const lanes = new RolloutLanes({
      model: data,
      store,
      server: this.server,
      shadowed: (copy, version, score, id) => {
        const at = copy.at ?? options.clock();
        this.log.append([shadowOf({ ...copy, at }, version, score, id)]).catch(onFault);
      },
      monotonic: () => performance.now(),
      onFault,
    });
    this.rollouts = new FollowedRollouts(lanes, { model: data, store, process: randomUUID(), onFault });
  }

  inputGuard(): VectorGuard | null {
    return this.#guard?.() ?? null;
  }
}

function shadowOf(
  { id, at, missing, group }: Pick<ShadowCopy, 'id' | 'at' | 'missing' | 'group'>,
  version: number,
  score: number,
  rollout: string,
): NewPrediction {
  const ages = { streaming: null, batch: null };
  return { id, version, score, at, ages, missing, lane: shadowLane(rollout, group) };
}

/** The models of a project in a process of a group that does not have the log. */
export class WorkerModels {
  readonly hooks: TensorHooks;
  /** The rollouts of models that the project does not declare. */
  readonly hosted: HostRollouts;
  readonly #options: WorkerModelsOptions;
  readonly #models: ReadonlyMap<string, WorkerModel>;

  constructor(options: WorkerModelsOptions) {
    this.#options = options;
    this.#models = new Map(options.project.models.map((data) => [data.name, new WorkerModel(data, options)]));
    this.hosted = followedHostRollouts({ ...options, store: options.rollouts, declared: [...this.#models.keys()] });
    this.hooks = tensorHooks((name) => this.#models.get(name), this.hosted, options.clock);
  }

  /** Loads the champions and the versions of rollouts. A failure is reported and tried again. */
  async start(): Promise<void> {
    await this.follow().catch(this.#options.onFault);
  }

  /** Follows champions and rollouts that other processes changed. Errors: ROLLOUT_*, those of the registry. */
  async follow(): Promise<void> {
    await this.#refresh();
    await this.followRollouts();
  }

  /** Follows rollouts that other processes changed. Call it some times a second. Errors: ROLLOUT_*. */
  async followRollouts(): Promise<void> {
    for (const { rollouts } of this.#models.values()) await rollouts.follow();
    await this.hosted.follow();
  }

  /** Error: MODEL_UNKNOWN. */
  named(name: string): PredictedModel & { readonly data: ModelData } {
    const model = this.#models.get(name);
    if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: [...this.#models.keys()] });
    return model;
  }

  /** The logged model inputs since the last call, for the process that writes the history. */
  drainFed(): readonly TableAppend[] {
    return [...this.#models.values()].map(({ fed }) => fed.drain()).filter(({ rows }) => rows > 0);
  }

  parts(): readonly Part[] {
    return [
      openPart(modelsPart, () => this.#served(), { tick: () => this.#refresh() }),
      openPart(rolloutsPart, () => [...this.#declaredRollouts(), ...this.hosted.all()], {
        tick: async () => {
          for (const rollouts of this.#declaredRollouts()) await rollouts.tick();
          await this.hosted.tick();
        },
      }),
    ];
  }

  /** Ends when every call has its scores. */
  async close(): Promise<void> {
    await this.hosted.close();
    for (const { rollouts, server } of this.#models.values()) {
      await rollouts.close();
      await server.close();
    }
  }

  #declaredRollouts(): readonly FollowedRollouts[] {
    return [...this.#models.values()].map(({ rollouts }) => rollouts);
  }

  async #refresh(): Promise<void> {
    const { onFault } = this.#options;
    for (const { server } of this.#models.values())
      await server.refresh().catch((error: unknown) => {
        // Not a fault: the health report names the version until its environment is made.
        if (!isHeadraceError(error, 'PYTHON_PREPARING')) onFault(error);
      });
  }

  *#served(): Generator<ServedModel> {
    const { required } = this.#options;
    for (const { data, server } of this.#models.values())
      yield { data, server, isRequired: required.includes(data.name) };
  }
}
