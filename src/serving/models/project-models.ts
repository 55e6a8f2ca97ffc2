import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import type { LoggedTopic } from '../../featurestore/feature-store-options.ts';
import { openPart } from '../../observe/part-kind.ts';
import type { QueueReport } from '../../observe/queue-report.ts';
import type { TableAppend } from '../../ports/offline-store.ts';
import type { Part } from '../../ports/part.ts';
import { CHAMPION, type MoveNote, promote } from '../../registry/champion.ts';
import { type ListedVersion, listedVersions } from '../../registry/listed-versions.ts';
import { Background } from '../../schedule/background.ts';
import { modelsPart, type ServedModel } from '../online/models-part.ts';
import { predictionTopic } from '../online/prediction-record.ts';
import { predictionsPart } from '../online/predictions-part.ts';
import type { ModelRollouts } from '../rollout/model-rollouts.ts';
import type { RolloutControl } from '../rollout/rollout-control.ts';
import { rolloutsPart } from '../rollout/rollouts-part.ts';
import { type DecidingHostRollouts, decidingHostRollouts } from './host-rollouts.ts';
import { type ModelAnswers, OpenModel, type OpenModelOptions, type PredictionListener } from './open-model.ts';
import { type TensorHooks, tensorHooks } from './tensor-hooks.ts';

export interface ProjectModelsOptions extends Omit<OpenModelOptions, 'listener' | 'answers' | 'gate' | 'changed'> {
  readonly project: ProjectData;
  /** Names of the models without which the server is not ready. */
  readonly required: readonly string[];
  readonly listenerOf: (model: ModelData) => PredictionListener;
  /** The parts of playbooks in serving; undefined: a model has none. */
  readonly answersOf: (model: ModelData) => ModelAnswers | undefined;
  /** Compares a version of a model with its champion before a person rolls it out. */
  readonly gateOf: (model: ModelData) => NonNullable<OpenModelOptions['gate']>;
}

/** Predictions waiting above which they are published in the background; at twice as many, calls wait for it. */
const PUBLISH_PREDICTIONS = 50_000;

/** Longest time that predictions wait to be published while the project ticks, ms. */
const PUBLISH_AFTER_MS = 60_000;

type Listeners = Set<() => Promise<void>>;

async function heard(listeners: Listeners): Promise<void> {
  await Promise.all([...listeners].map((listener) => listener()));
}

/** The models of a running project. */
export class ProjectModels {
  readonly hooks: TensorHooks;
  /** The rollouts of models that the project does not declare. */
  readonly hosted: DecidingHostRollouts;
  readonly #options: ProjectModelsOptions;
  readonly #models: ReadonlyMap<string, OpenModel>;
  readonly #publishing = new Background();
  readonly #listeners: Listeners;
  #publishedAt = performance.now();

  private constructor(options: ProjectModelsOptions, models: ReadonlyMap<string, OpenModel>, listeners: Listeners) {
    this.#options = options;
    this.#models = models;
    this.#listeners = listeners;
    this.hosted = decidingHostRollouts({
      ...options,
      store: options.rollouts,
      declared: [...models.keys()],
      changed: () => heard(listeners),
    });
    this.hooks = tensorHooks((name) => models.get(name), this.hosted, options.clock);
  }

  /** Opens the predictions of every model; `start` loads the champions. Errors: those of the stores. */
  static async open(options: ProjectModelsOptions): Promise<ProjectModels> {
    const models = new Map<string, OpenModel>();
    const listeners: Listeners = new Set();
    const { waitingBytes } = options;
    const ownBytes = waitingBytes === undefined ? {} : { waitingBytes: waitingBytes / options.project.models.length };
    for (const model of options.project.models)
      models.set(
        model.name,
        await OpenModel.open(model, {
          ...options,
          ...ownBytes,
          listener: options.listenerOf(model),
          answers: options.answersOf(model),
          gate: options.gateOf(model),
          changed: () => heard(listeners),
        }),
      );
    return new ProjectModels(options, models, listeners);
  }

  /** Loads the champions and joins past predictions. One that cannot serve is reported, and events are taken nevertheless. */
  async start(): Promise<void> {
    await this.#refresh();
    await this.followRollouts().catch(this.#options.onFault);
    await this.#catchUp();
  }

  /** Calls a function after each change of a rollout or a champion that this process made; the change waits for it. Never throws. */
  onChange(listener: () => Promise<void>): void {
    this.#listeners.add(listener);
  }

  /** Follows the rollouts that other processes changed. Call it some times a second in a process that serves. Errors: ROLLOUT_*. */
  async followRollouts(): Promise<void> {
    for (const { rollouts } of this.#models.values()) await rollouts.follow();
    await this.hosted.follow();
  }

  /** Decides over the rollouts of any model of the process, declared or not. Errors: MODEL_UNKNOWN, ROLLOUT_PIPELINE. */
  async rolloutOf(name: string): Promise<RolloutControl> {
    const declared = this.#models.get(name);
    const pipeline = this.#options.project.pipelines?.find((one) => one.name === name);
    if (pipeline !== undefined)
      throw fail('ROLLOUT_PIPELINE', {
        pipeline: name,
        models: Object.values(pipeline.models).map((model) => model.name),
      });
    return declared === undefined ? (await this.hosted.named(name)).control : declared.rollouts.control;
  }

  /** Error: MODEL_UNKNOWN. */
  named(name: string): OpenModel {
    const model = this.#models.get(name);
    if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: [...this.#models.keys()] });
    return model;
  }

  /** Predictions that wait in memory for the history, by model. */
  queues(): readonly QueueReport[] {
    return [...this.#models.values()].map(({ data, history }) => ({
      name: `predictions/${data.name}`,
      rows: history.waiting,
      bytes: history.waitingBytes,
      mostBytes: history.mostBytes,
      turnedAway: history.leftToLog,
      whenFull: 'calls that predict wait for a publish; predictions without room wait in the log',
    }));
  }

  /** The topics of predictions, to be trimmed with the log. */
  topics(): readonly LoggedTopic[] {
    return [...this.#models.values()].map(({ data, history }) => ({
      topic: predictionTopic(data),
      keepFrom: () => history.published,
    }));
  }

  /** The logged model inputs since the last call. */
  drainFed(): readonly TableAppend[] {
    return [...this.#models.values()].map(({ fed }) => fed.drain());
  }

  /**
   * Makes a version the champion by compare-and-swap and loads it; without `expected`, whatever the alias names now. A
   * version that cannot serve is rejected before the alias moves. Errors: MODEL_*.
   */
  async promote({ name }: ModelData, version: number, expected?: number | null, note: MoveNote = {}): Promise<void> {
    const { server } = this.named(name);
    await server.check(version);
    await promote(this.#options.registry, name, { version, expected, at: this.#options.clock(), ...note });
    await server.refresh();
    await heard(this.#listeners);
  }

  /** All versions of a model, trained and logged, and the champion; null: none. */
  async versions({
    name,
  }: ModelData): Promise<{ readonly versions: readonly ListedVersion[]; readonly champion: number | null }> {
    const { registry } = this.#options;
    return { versions: await listedVersions(registry, name), champion: await registry.alias(name, CHAMPION) };
  }

  /** The parts of models and of their predictions. */
  parts(): readonly Part[] {
    return [
      openPart(modelsPart, () => this.#served(), {
        tick: () => this.#refresh(),
        close: () => this.#close(),
      }),
      openPart(rolloutsPart, () => [...this.#declaredRollouts(), ...this.hosted.all()], {
        tick: async () => {
          for (const rollouts of this.#declaredRollouts()) await rollouts.tick();
          await this.hosted.tick();
        },
        close: async () => {
          for (const rollouts of this.#declaredRollouts()) await rollouts.close();
          await this.hosted.close();
        },
      }),
      openPart(predictionsPart, () => this.#models.values(), {
        tick: () => this.#tick(),
        flush: () => this.#flush(),
      }),
    ];
  }

  #declaredRollouts(): readonly ModelRollouts[] {
    return [...this.#models.values()].map(({ rollouts }) => rollouts);
  }

  async #tick(): Promise<void> {
    await this.#catchUp();
    let waiting = 0;
    for (const { history } of this.#models.values()) waiting += history.waiting;
    const overdue = performance.now() - this.#publishedAt >= PUBLISH_AFTER_MS;
    this.#publishing.check();
    if (waiting >= 2 * PUBLISH_PREDICTIONS) await this.#publishing.settled();
    if (waiting >= PUBLISH_PREDICTIONS || (waiting > 0 && overdue)) this.#publishing.start(() => this.#publish());
  }

  async #catchUp(): Promise<void> {
    for (const model of this.#models.values()) await model.catchUp();
  }

  async #publish(): Promise<void> {
    this.#publishedAt = performance.now();
    for (const { history } of this.#models.values()) await history.publish();
  }

  async #flush(): Promise<void> {
    await this.#publishing.settled();
    const flushed = await Promise.allSettled([...this.#models.values()].map((model) => model.flush()));
    for (const one of flushed) if (one.status === 'rejected') throw one.reason;
  }

  async #refresh(): Promise<void> {
    for (const { server } of this.#models.values())
      await server.refresh().catch((error: unknown) => {
        // Not a fault: the health report names the version until its environment is made.
        if (!isHeadraceError(error, 'PYTHON_PREPARING')) this.#options.onFault(error);
      });
  }

  async #close(): Promise<void> {
    for (const { server } of this.#models.values()) await server.close();
  }

  *#served(): Generator<ServedModel> {
    const { required } = this.#options;
    for (const { data, server } of this.#models.values())
      yield { data, server, isRequired: required.includes(data.name) };
  }
}
