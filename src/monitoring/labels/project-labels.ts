import { fail } from '../../base/errors/fail.ts';
import { inSlices } from '../../base/in-slices.ts';
import type { Clock } from '../../base/time.ts';
import type { EventSourceData, ModelData } from '../../features/define/declaration.ts';
import { openPart } from '../../observe/part-kind.ts';
import type { DeliverySink, JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Part } from '../../ports/part.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import type { WaitingIds } from '../../ports/waiting-ids.ts';
import { labelJoin } from '../../registry/labels.ts';
import type { PredictionListener } from '../../serving/models/open-model.ts';
import { countedPredictions, predictionTable } from '../../serving/online/prediction-table.ts';
import type { RecentCalls } from '../../serving/rollout/rollout-needs.ts';
import { lossOf } from '../../serving/rollout/success.ts';
import { NO_MOMENTS, withValue } from '../../stats/moments.ts';
import { IdBudget } from './known-ids.ts';
import type { LabelCounters } from './label-join.ts';
import { labelsPart } from './labels-part.ts';
import { ModelLabels } from './model-labels.ts';
import type { Task } from './quality.ts';
import { RealisedQuality } from './realised-quality.ts';
import { rolloutOutcomes } from './rollout-outcomes.ts';

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/**
 * The realised quality of a model from the history alone, as it is known at `now`: the published predictions made in [from, to)
 * joined with the accepted events of the label source. It equals what {@link RealisedQuality} collected as they came.
 */
export async function offlineQuality(
  model: ModelData,
  offline: OfflineStore,
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): Promise<RealisedQuality> {
  const label = labelJoin(model.label, offline, now);
  const answers = countedPredictions(model, offline, { from, to });
  const span = `SELECT "id" AS _id, "at" AS _at, "version", score FROM (${answers})`;
  const quality = new RealisedQuality(model);
  for await (const rows of offline.query(label.wrap.sql(span))) {
    for (const row of rows) {
      const prediction = { at: Number(row[1]), version: Number(row[2]), score: Number(row[3]) };
      const { state, value } = label.read(row.slice(PREDICTION_COLUMNS), prediction.at);
      quality.predicted(prediction);
      if (value !== null) quality.judged({ ...prediction, label: value, assumed: state === 'assumed' });
      else if (state === 'unlabelled') quality.unlabelled(prediction);
    }
  }
  return quality;
}

/** The counts of a model's predictions and labels, and the realised quality by day of prediction. */
export interface ModelOutcomes<T extends Task = Task> {
  readonly counters: Readonly<LabelCounters>;
  readonly quality: RealisedQuality<T>;
}

export interface ProjectLabelsOptions {
  readonly models: readonly ModelData[];
  readonly offline: OfflineStore;
  readonly clock: Clock;
  /** Up to which offsets, by partition, the history has the deliveries of a source. */
  readonly deliveriesTo: (source: EventSourceData) => Promise<readonly number[]>;
  /** Opens a store for the ids of a model that memory has no room for. */
  readonly openIds: (model: string) => WaitingIds;
  /** Bytes of memory for the ids of all models. */
  readonly idBytes: number;
  readonly onFault: (error: unknown) => void;
}

/** The labels of every model of a project, joined to its predictions. */
export class ProjectLabels implements DeliverySink {
  readonly name = 'labels';
  readonly takesAgain = false;
  readonly #options: ProjectLabelsOptions;
  readonly #labels: ReadonlyMap<string, ModelLabels>;
  readonly #budget: IdBudget;

  constructor(options: ProjectLabelsOptions) {
    const { models, openIds, idBytes, onFault } = options;
    this.#options = options;
    this.#budget = new IdBudget(idBytes);
    const shared = { budget: this.#budget, onFault };
    this.#labels = new Map(
      models.map((model) => [model.name, new ModelLabels({ model, store: openIds(model.name), ...shared })]),
    );
  }

  /** Bytes of the ids in memory and of the realised quality, estimated. */
  get memoryBytes(): number {
    let bytes = this.#budget.bytes;
    for (const { quality } of this.#labels.values()) bytes += quality.bytes;
    return bytes;
  }

  take(judged: JudgedDeliveries): void {
    for (const labels of this.#labels.values()) labels.judged(judged);
  }

  /** Learns of the predictions of a model in log order. Error: MODEL_UNKNOWN. */
  listenerOf(model: ModelData): PredictionListener {
    const labels = this.#of(model);
    const { offline, clock, deliveriesTo } = this.#options;
    return {
      predicted: (partition, offset, predictions) => labels.predicted(partition, offset, predictions),
      published: (to) => labels.published(to),
      get isCaughtUp() {
        return labels.isRebuilt;
      },
      joinPast: async (predictionsTo) => {
        const labelsTo = await deliveriesTo(model.label.from);
        await labels.rebuild({ offline, now: clock(), predictionsTo, labelsTo });
      },
      rolloutOutcomes: (rollout) => rolloutOutcomes(model, offline, rollout, clock()),
      recentCalls: (rollout) => recentCalls(model, offline, rollout, clock()),
    };
  }

  /** Counts and quality of the predictions of a model, as of now. Error: MODEL_UNKNOWN. */
  outcomes(model: ModelData): ModelOutcomes {
    const { counters, quality } = this.#asOfNow(model);
    return { counters, quality };
  }

  /** The realised quality of predictions made in [from, to), from the history, as of now. Errors: those of the offline store. */
  realisedQuality(model: ModelData, from: number, to: number): Promise<RealisedQuality> {
    return offlineQuality(model, this.#options.offline, { from, to, now: this.#options.clock() });
  }

  part(): Part {
    const { models } = this.#options;
    const counted = () =>
      models.map((data) => {
        const { counters, ids } = this.#asOfNow(data);
        return { data, counters, ids };
      });
    return openPart(labelsPart, counted, {
      tick: async (now) => {
        for (const labels of this.#labels.values()) await inSlices(labels.expiring(now));
      },
    });
  }

  /** The labels of a model, without predictions whose time is over. */
  #asOfNow(model: ModelData): ModelLabels {
    const labels = this.#of(model);
    for (const _ of labels.expiring(this.#options.clock()));
    return labels;
  }

  #of({ name }: ModelData): ModelLabels {
    const labels = this.#labels.get(name);
    if (labels === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: [...this.#labels.keys()] });
    return labels;
  }
}

/** Span before now whose calls say how many come. */
const RECENT_MS = 7 * 86_400_000;

/** Columns of the query before those of the label. */
const COLUMNS = 3;

/** The calls of a model in the last week, and the losses of its answers, from the published history. */
async function recentCalls(
  model: ModelData,
  offline: OfflineStore,
  { plan }: Pick<Rollout, 'plan'>,
  now: number,
): Promise<RecentCalls> {
  let [calls, first, decided, labelled, loss] = [0, now, 0, 0, NO_MOMENTS];
  if (offline.tables().every(({ table }) => table.name !== predictionTable(model).name))
    return { spanMs: 0, calls, labelledShare: null, loss };
  const label = labelJoin(model.label, offline, now);
  const counted = countedPredictions(model, offline, { from: now - RECENT_MS, to: now });
  const lossAt = lossOf(plan.success?.metric ?? 'squared_error', model.quantile);
  for await (const rows of offline.query(label.wrap.sql(`SELECT "id" AS _id, "at" AS _at, score FROM (${counted})`))) {
    for (const row of rows) {
      const at = Number(row[1]);
      const { state, value } = label.read(row.slice(COLUMNS), at);
      calls += 1;
      first = Math.min(first, at);
      if (state !== 'pending') decided += 1;
      if (value === null) continue;
      labelled += 1;
      loss = withValue(loss, lossAt(Number(row[2]), value));
    }
  }
  return { spanMs: now - first, calls, labelledShare: decided === 0 ? null : Math.min(1, labelled / decided), loss };
}
