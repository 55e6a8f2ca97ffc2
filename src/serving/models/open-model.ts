import { randomUUID } from 'node:crypto';
import { reasonOf } from '../../base/reason-of.ts';
import type { Clock } from '../../base/time.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { FedLog } from '../../featurestore/skew/fed-log.ts';
import type { SampleRoom } from '../../featurestore/skew/sampled-rows.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Rollout, RolloutStore } from '../../ports/rollout-store.ts';
import type { Value } from '../../schema/column.ts';
import type { RegisteredVersions } from '../../versions/cache/registered-versions.ts';
import { ModelServer } from '../online/model-server.ts';
import { shadowLane, type TakePredictions } from '../online/prediction.ts';
import { PredictionHistory } from '../online/prediction-history.ts';
import { PredictionLog } from '../online/prediction-log.ts';
import { ModelRollouts } from '../rollout/model-rollouts.ts';
import { registryVersions } from '../rollout/rolled-versions.ts';
import { newRolloutId, type RolloutControlOptions } from '../rollout/rollout-control.ts';
import { type Confirmation, httpHooks, type RolloutHooks } from '../rollout/rollout-hooks.ts';
import { RolloutLanes } from '../rollout/rollout-lanes.ts';
import type { RecentCalls } from '../rollout/rollout-needs.ts';
import type { ScoredCopy } from '../rollout/shadow-copy.ts';
import type { Outcomes } from '../rollout/success.ts';

export interface OpenModelOptions {
  readonly registry: ModelRegistry;
  readonly rollouts: RolloutStore;
  readonly artifacts: ArtifactStore;
  /** The loaded versions of the process. */
  readonly registered: RegisteredVersions;
  /** Opens a model file where a crash of the library harms nobody. */
  readonly tryOut?: ((file: Uint8Array) => Promise<void>) | null;
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly partitions: number;
  /** Share of predictions whose model inputs are logged. */
  readonly sampleRate: number;
  /** The memory for sampled rows until they are published. */
  readonly sampled: SampleRoom;
  readonly clock: Clock;
  /** Makes the deliveries that this process accepted part of the history. */
  readonly publishDeliveries: () => Promise<void>;
  /** The most bytes of predictions that wait in memory for the history. Left out: no bound. */
  readonly waitingBytes?: number;
  readonly onFault: (error: unknown) => void;
  readonly listener: PredictionListener;
  /** The part of a playbook in serving; absent: the model has none. */
  readonly answers?: ModelAnswers | undefined;
  /** Compares a version with the champion before a person rolls it out. */
  readonly gate?: NonNullable<RolloutControlOptions['gate']>;
  /** Called after each change of a rollout that this process made; the change waits for it. */
  readonly changed?: () => Promise<void>;
}

/** The part of a playbook in the serving of its model. */
export interface ModelAnswers {
  /** Puts declared values in the place of faulty features; null: there are none. */
  readonly guard: () => ((values: readonly Value[]) => readonly Value[]) | null;
  /** Whether a rollout may rise or promote. Never throws: no answer is no permission. */
  readonly permits: (rollout: Rollout, action: 'advance' | 'promote') => Promise<Confirmation>;
}

/** Learns of the predictions of one model, in log order. */
export interface PredictionListener {
  readonly predicted: TakePredictions;
  /** The history has the predictions before these offsets, by partition. */
  published(to: readonly number[]): void;
  /** Whether the predictions of the past are joined. */
  readonly isCaughtUp: boolean;
  /** Joins the predictions of the past, which the history has up to these offsets, while nothing is published. */
  joinPast(predictionsTo: readonly number[]): Promise<void>;
  /** Losses of the cohorts of a rollout, from the published history. */
  rolloutOutcomes(rollout: Rollout): Promise<Outcomes>;
  /** The calls of the model lately, from the published history. */
  recentCalls(rollout: Rollout): Promise<RecentCalls>;
}

/** A model of a running project: its champion, and the log and history of its predictions. */
export class OpenModel {
  readonly data: ModelData;
  readonly server: ModelServer;
  readonly log: PredictionLog;
  readonly history: PredictionHistory;
  /** Model inputs of the sampled predictions. */
  readonly fed: FedLog;
  /** The rollout under way, and the control of all. */
  readonly rollouts: ModelRollouts;
  readonly #options: OpenModelOptions;
  /** The fault that keeps predictions from the history, or their labels from them; null: none. */
  #trouble: string | null = null;

  private constructor(
    data: ModelData,
    options: OpenModelOptions,
    parts: { readonly log: PredictionLog; readonly history: PredictionHistory },
  ) {
    this.data = data;
    this.#options = options;
    this.server = new ModelServer({ ...options, model: data });
    this.fed = new FedLog(data, options.sampleRate, options.sampled);
    this.log = parts.log;
    this.history = parts.history;
    const { registry, rollouts: store } = options;
    const monotonic = () => performance.now();
    const { server } = this;
    const lanes = new RolloutLanes({
      ...options,
      model: data,
      store,
      server,
      shadowed: (copy, version, score, id) => this.#logShadow(copy, version, score, id),
      monotonic,
    });
    this.rollouts = new ModelRollouts(lanes, {
      ...options,
      model: data,
      store,
      versions: registryVersions(registry, data.name),
      check: (version) => server.check(version),
      hooks: hooksOf(options.answers),
      outcomes: (rollout) => this.#rolloutOutcomes(rollout),
      recent: (rollout) => this.#recentCalls(rollout),
      process: randomUUID(),
      newId: newRolloutId,
      monotonic,
    });
  }

  /** Puts declared values in the place of faulty features; null: there are none. */
  inputGuard(): ReturnType<ModelAnswers['guard']> {
    return this.#options.answers?.guard() ?? null;
  }

  /** Opens the topic of its predictions and finds the place of their history. Errors: those of the stores. */
  static async open(model: ModelData, options: OpenModelOptions): Promise<OpenModel> {
    const opened: { history?: PredictionHistory } = {};
    const log = await PredictionLog.open({
      model,
      ...options,
      // With one writer, partitions would only cut the append of a run into several writes.
      partitions: options.log.capabilities.manyWriters ? options.partitions : 1,
      appended: (partition, offset, predictions) => opened.history?.take(partition, offset, predictions),
      room: () => opened.history?.room() ?? null,
    });
    const history = await PredictionHistory.open({
      model,
      ...options,
      seen: (...predicted) => options.listener.predicted(...predicted),
      unreadable: options.onFault,
      ...(options.waitingBytes === undefined ? {} : { mostBytes: options.waitingBytes }),
    });
    opened.history = history;
    return new OpenModel(model, options, { log, history });
  }

  /**
   * Reads the predictions that the log has and the history does not, and once, when the deliveries of the label's
   * source are published, joins those of the past with their labels. A failure is reported once and shown as
   * degraded; the next call tries again.
   */
  async catchUp(): Promise<void> {
    try {
      await this.history.pull();
      const { listener } = this.#options;
      listener.published(this.history.published);
      if (!listener.isCaughtUp) await this.#joinPast();
      this.#trouble = null;
    } catch (error) {
      const trouble = reasonOf(error);
      if (trouble !== this.#trouble) this.#options.onFault(error);
      this.#trouble = trouble;
    }
  }

  /** Brings the history up to the log. Rows that were read are published, even if reading fails after them. Errors: those of the stores. */
  async flush(): Promise<void> {
    try {
      await this.history.pull();
    } finally {
      await this.history.publish();
    }
  }

  /** Faults of its predictions, for the health report. */
  degraded(): readonly string[] {
    const { unreadable } = this.history;
    return [
      ...(this.#trouble === null ? [] : [`model ${this.data.name} is behind its predictions: ${this.#trouble}`]),
      ...(unreadable === 0
        ? []
        : [`${unreadable} records of the predictions of ${this.data.name} cannot be read and are left out`]),
    ];
  }

  /** Published first: predictions and labels of a moment ago count. */
  async #rolloutOutcomes(rollout: Rollout): Promise<Outcomes> {
    await this.flush();
    await this.#options.publishDeliveries();
    return this.#options.listener.rolloutOutcomes(rollout);
  }

  async #recentCalls(rollout: Rollout): Promise<RecentCalls> {
    await this.flush();
    await this.#options.publishDeliveries();
    return this.#options.listener.recentCalls(rollout);
  }

  #logShadow({ id, at, missing, group }: ScoredCopy, version: number, score: number, rollout: string): void {
    const ages = { streaming: null, batch: null };
    const lane = shadowLane(rollout, group);
    const asOf = at ?? this.#options.clock();
    this.log.append([{ id, version, score, at: asOf, ages, missing, lane }]).catch(this.#options.onFault);
  }

  #joinPast(): Promise<void> {
    return this.history.exclusively(async () => {
      await this.#options.publishDeliveries();
      await this.#options.listener.joinPast(this.history.published);
    });
  }
}

/** The playbook is asked first: a hook of the user is not asked about what may not happen. */
function hooksOf(answers: ModelAnswers | undefined): RolloutHooks {
  if (answers === undefined) return httpHooks;
  return {
    ...httpHooks,
    confirm: async (rollout, next) => {
      const own = await answers.permits(rollout, next.action);
      return own.isConfirmed ? httpHooks.confirm(rollout, next) : own;
    },
  };
}
