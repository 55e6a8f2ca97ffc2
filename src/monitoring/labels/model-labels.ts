import type { ModelData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { compileExpression, type RowFunction } from '../../features/expression/compile.ts';
import { awaitedMs } from '../../model/label-maturity.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { WaitingIds } from '../../ports/waiting-ids.ts';
import { labelNumber } from '../../registry/labels.ts';
import type { LoggedPrediction } from '../../serving/online/prediction.ts';
import type { IdBudget } from './known-ids.ts';
import { LabelJoin } from './label-join.ts';
import { type PastOutcome, type PastPlaces, pastOutcomes } from './past-outcomes.ts';
import { RealisedQuality } from './realised-quality.ts';
import { WaitingRows } from './waiting-rows.ts';

const DAY_MS = 86_400_000;

interface Label {
  readonly id: string;
  readonly time: number;
  readonly label: number;
}

export interface ModelLabelsOptions {
  readonly model: ModelData;
  /** Has the ids for which memory has no room. */
  readonly store: WaitingIds;
  readonly budget: IdBudget;
  /** Receives the fault for which the labels are joined again from the history. */
  readonly onFault: (error: unknown) => void;
}

export interface PastOptions {
  readonly offline: OfflineStore;
  readonly now: number;
  /** Up to which offsets, by partition, the history has the predictions and the deliveries of the label's source. */
  readonly predictionsTo: readonly number[];
  readonly labelsTo: readonly number[];
}

/** A join of the past under way. */
interface Past {
  /** The counts begin at this instant. */
  readonly begin: number;
  readonly join: LabelJoin;
  readonly quality: RealisedQuality;
  isCounting: boolean;
  /** The places up to which it is joined; null: nothing is. */
  joined: PastPlaces | null;
}

/**
 * Joins the labels of one model to its predictions and collects the realised quality. When a project opens, both are
 * rebuilt from the history, as far back as a label may still come; predictions and labels wait meanwhile, and those beyond a bound
 * are read from the history too. So they are after a fault of the store of ids.
 */
export class ModelLabels {
  readonly #options: ModelLabelsOptions;
  readonly #labelOf: RowFunction;
  readonly #labelId: number;
  #join: LabelJoin;
  #quality: RealisedQuality;
  #isRebuilt = false;
  #past: Past | null = null;
  readonly #predictions = new WaitingRows<LoggedPrediction>();
  readonly #labels = new WaitingRows<Label>();

  constructor(options: ModelLabelsOptions) {
    const { label } = options.model;
    this.#options = options;
    this.#labelOf = compileExpression(label.value, label.from.columns);
    this.#labelId = Object.keys(label.from.columns).indexOf(label.id);
    this.#quality = new RealisedQuality(options.model);
    this.#join = newJoin(options, this.#quality, Number.NEGATIVE_INFINITY);
  }

  get counters(): LabelJoin['counters'] {
    return this.#join.counters;
  }

  get quality(): RealisedQuality {
    return this.#quality;
  }

  /** Ids that the join remembers, and how many of them are not in memory. */
  get ids(): LabelJoin['ids'] {
    return this.#join.ids;
  }

  /** Whether the predictions and labels of the past are joined. */
  get isRebuilt(): boolean {
    return this.#isRebuilt;
  }

  /** Takes predictions in log order. */
  predicted(partition: number, offset: number, predictions: readonly (LoggedPrediction | null)[]): void {
    predictions.forEach((prediction, i) => {
      // A shadow answered nobody; its request has the prediction of the champion.
      if (prediction === null || prediction.rollout?.lane === 'shadow') return;
      if (!this.#joined(() => this.#predict(prediction))) this.#predictions.add(partition, offset + i, prediction);
    });
  }

  /** Takes judged deliveries of a source in log order; those of another source than the label's are passed over. */
  judged({ source, partition, offset, deliveries, verdicts }: JudgedDeliveries): void {
    if (source.name !== this.#options.model.label.from.name) return;
    deliveries.forEach((delivery, i) => {
      const label = verdicts[i] === 'accepted' ? this.#labelIn(delivery) : null;
      if (label === null) return;
      if (!this.#joined(() => this.#join.label(label.id, label.time, label.label)))
        this.#labels.add(partition, offset + i, label);
    });
  }

  /** Forgets the predictions that wait and that the history has: the past will have them. */
  published(predictionsTo: readonly number[]): void {
    if (!this.#isRebuilt) this.#predictions.trim(predictionsTo);
  }

  /**
   * Joins the rows of the history, then waiting ones. If some of those had to be dropped meanwhile, the next call continues from here;
   * `isRebuilt` says so. After a failure it begins again. Errors: those of the offline store, LABEL_IDS.
   *
   * Counts and quality begin at the start of the day in which the oldest prediction lies that may still get its label: a
   * quality of part of a day would pass for that of the whole. The state of the join then follows from earlier rows: a
   * label waits for `keepMs` at most, and its prediction is older by `withinMs` at most.
   */
  async rebuild({ offline, now, predictionsTo, labelsTo }: PastOptions): Promise<void> {
    const past = this.#past ?? this.#beginPast(now);
    this.#past = null;
    await this.#joinPast(past, offline, { predictions: predictionsTo, labels: labelsTo });
    this.#predictions.trim(predictionsTo);
    this.#labels.trim(labelsTo);
    if (!this.#predictions.hasAllFrom(predictionsTo) || !this.#labels.hasAllFrom(labelsTo)) {
      this.#past = past;
      return;
    }
    if (!past.isCounting) beginCounting(past);
    this.#quality = past.quality;
    this.#join = past.join;
    this.#isRebuilt = true;
    const [predictions, labels] = [this.#predictions.drain(), this.#labels.drain()];
    this.#joined(() => {
      for (const prediction of predictions) this.#predict(prediction);
      for (const { id, time, label } of labels) this.#join.label(id, time, label);
    });
  }

  /** Ends predictions whose time is over, in steps. */
  *expiring(now: number): Generator<undefined> {
    if (!this.#isRebuilt) return;
    const steps = this.#join.expiring(now)[Symbol.iterator]();
    let isOver = false;
    while (!isOver) {
      const isJoined = this.#joined(() => {
        isOver = steps.next().done === true;
      });
      if (!isJoined) return;
      yield;
    }
  }

  #beginPast(now: number): Past {
    const begin = Math.floor((now - awaitedMs(this.#options.model.label)) / DAY_MS) * DAY_MS;
    this.#join.close();
    const quality = new RealisedQuality(this.#options.model);
    return { begin, quality, join: newJoin(this.#options, quality, begin), isCounting: false, joined: null };
  }

  async #joinPast(past: Past, offline: OfflineStore, to: PastPlaces): Promise<void> {
    const { model } = this.#options;
    const { begin, join, joined } = past;
    const keepMs = awaitedMs(model.label);
    const span = { predictionsFrom: begin - 2 * keepMs, labelsFrom: begin - keepMs, after: joined, to };
    try {
      for await (const outcomes of pastOutcomes(model, offline, span))
        for (const outcome of outcomes) {
          if (!past.isCounting && outcome.came >= begin) beginCounting(past);
          takePast(join, outcome);
        }
    } catch (error) {
      join.close();
      throw error;
    }
    past.joined = to;
  }

  /** Does a step of the join and returns true; false: the past is not joined. A fault of its store makes the past be joined again. */
  #joined(step: () => void): boolean {
    if (!this.#isRebuilt) return false;
    try {
      step();
    } catch (error) {
      this.#isRebuilt = false;
      this.#options.onFault(error);
    }
    // Of a step that failed the history has the row.
    return true;
  }

  #predict({ id, at, version, score }: LoggedPrediction): void {
    this.#join.predict(id, at, version, score);
  }

  #labelIn({ ts, row }: Delivery): Label | null {
    const id = row[this.#labelId];
    const label = labelNumber(this.#labelOf(row));
    return typeof id === 'string' && label !== null ? { id, time: ts, label } : null;
  }
}

function beginCounting(past: Past): void {
  past.join.expire(past.begin);
  past.join.countFromHere();
  past.isCounting = true;
}

/** A join whose quality is of the predictions from an instant on. */
function newJoin({ model, store, budget }: ModelLabelsOptions, quality: RealisedQuality, from: number): LabelJoin {
  const { label } = model;
  return new LabelJoin({
    withinMs: label.withinMs,
    latenessMs: label.from.latenessMs,
    otherwise: labelNumber(label.otherwise),
    store,
    budget,
    predicted: (prediction) => {
      if (prediction.at >= from) quality.predicted(prediction);
    },
    judged: (prediction) => {
      if (prediction.at >= from) quality.judged(prediction);
    },
    unlabelled: (prediction) => {
      if (prediction.at >= from) quality.unlabelled(prediction);
    },
  });
}

/** The join ends expired predictions as time passes, as it did when this one came. */
function takePast(join: LabelJoin, past: PastOutcome): void {
  join.expire(past.came);
  if (past.kind === 'prediction') join.predict(past.id, past.at, past.version, past.score);
  else join.label(past.id, past.time, past.label);
}
