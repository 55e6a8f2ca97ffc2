import type { Clock } from '../../base/time.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import { RAW_READER } from '../../featurestore/materialise/archive.ts';
import { FedLog } from '../../featurestore/skew/fed-log.ts';
import { ModelLabels } from '../../monitoring/labels/model-labels.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { ModelServer } from '../online/model-server.ts';
import { PredictionHistory } from '../online/prediction-history.ts';
import { PredictionLog } from '../online/prediction-log.ts';

export interface OpenModelOptions {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly runtime: ModelRuntime;
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly partitions: number;
  /** Share of predictions whose model inputs are logged. */
  readonly sampleRate: number;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** A model of a running project: its champion, the log and history of its predictions, and their labels. */
export class OpenModel {
  readonly data: ModelData;
  readonly server: ModelServer;
  readonly log: PredictionLog;
  readonly history: PredictionHistory;
  /** Model inputs of the sampled predictions. */
  readonly fed: FedLog;
  readonly labels: ModelLabels;
  readonly #options: OpenModelOptions;
  /** What keeps predictions from the history, or their labels from them; null: nothing. */
  #trouble: string | null = null;

  private constructor(
    data: ModelData,
    options: OpenModelOptions,
    parts: { readonly log: PredictionLog; readonly history: PredictionHistory; readonly labels: ModelLabels },
  ) {
    this.data = data;
    this.#options = options;
    this.server = new ModelServer({ model: data, ...options });
    this.fed = new FedLog(data, options.sampleRate);
    this.log = parts.log;
    this.history = parts.history;
    this.labels = parts.labels;
  }

  /** Opens the topic of its predictions and finds the place of their history. Errors: those of the stores. */
  static async open(model: ModelData, options: OpenModelOptions): Promise<OpenModel> {
    const labels = new ModelLabels(model);
    const opened: { history?: PredictionHistory } = {};
    const log = await PredictionLog.open({
      model,
      ...options,
      // With one writer, partitions would only cut the append of a run into several writes.
      partitions: options.log.capabilities.manyWriters ? options.partitions : 1,
      appended: (partition, offset, predictions) => opened.history?.take(partition, offset, predictions),
    });
    const history = await PredictionHistory.open({
      model,
      ...options,
      seen: (partition, offset, predictions) => labels.predicted(partition, offset, predictions),
      unreadable: options.onFault,
    });
    opened.history = history;
    return new OpenModel(model, options, { log, history, labels });
  }

  /**
   * Reads the predictions that the log has and the history does not, and once, when `publishDeliveries` has brought the
   * label's source up to date, joins those of the past with their labels. A failure is reported once and shown as
   * degraded; the next call tries again.
   */
  async catchUp(publishDeliveries: () => Promise<void>): Promise<void> {
    try {
      await this.history.pull();
      this.labels.published(this.history.published);
      if (!this.labels.isRebuilt) await this.#rebuild(publishDeliveries);
      this.#trouble = null;
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== this.#trouble) this.#options.onFault(error);
      this.#trouble = trouble;
    }
  }

  /** Brings the history up to the log; what was read is published even where reading on fails. Errors: those of the stores. */
  async flush(): Promise<void> {
    try {
      await this.history.pull();
    } finally {
      await this.history.publish();
    }
  }

  /** What is not as it should be with its predictions. */
  degraded(): readonly string[] {
    const { unreadable } = this.history;
    return [
      ...(this.#trouble === null ? [] : [`model ${this.data.name} is behind its predictions: ${this.#trouble}`]),
      ...(unreadable === 0
        ? []
        : [`${unreadable} records of the predictions of ${this.data.name} cannot be read and are left out`]),
    ];
  }

  #rebuild(publishDeliveries: () => Promise<void>): Promise<void> {
    const { offline, clock } = this.#options;
    return this.history.exclusively(async () => {
      await publishDeliveries();
      const topic = topicOf(this.data.label.from);
      const labelsTo = (await offline.position(RAW_READER))?.[topic] ?? [];
      await this.labels.rebuild({ offline, now: clock(), predictionsTo: this.history.published, labelsTo });
    });
  }
}
