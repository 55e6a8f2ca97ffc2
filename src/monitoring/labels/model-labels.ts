import type { ModelData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { compileExpression, type RowFunction } from '../../features/expression/compile.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelNumber } from '../../registry/labels.ts';
import type { LoggedPrediction } from '../../serving/online/prediction.ts';
import { LabelJoin } from './label-join.ts';
import { type PastOutcome, pastOutcomes } from './past-outcomes.ts';
import { RealisedQuality } from './realised-quality.ts';

const DAY_MS = 86_400_000;

/** A prediction or a label and its place in the log, waiting until the past is joined. */
interface Waiting<T> {
  readonly partition: number;
  readonly offset: number;
  readonly of: T;
}

interface Label {
  readonly id: string;
  readonly time: number;
  readonly label: number;
}

export interface PastOptions {
  readonly offline: OfflineStore;
  readonly now: number;
  /** Up to which offsets, by partition, the history has the predictions and the deliveries of the label's source. */
  readonly predictionsTo: readonly number[];
  readonly labelsTo: readonly number[];
}

/**
 * Joins the labels of one model to its predictions and collects the realised quality. When a project opens, both are
 * rebuilt from the history, as far back as a label may still come; predictions and labels wait meanwhile.
 */
export class ModelLabels {
  readonly #model: ModelData;
  readonly #labelOf: RowFunction;
  readonly #labelId: number;
  #join: LabelJoin;
  #quality: RealisedQuality;
  #isRebuilt = false;
  #predictions: Waiting<LoggedPrediction>[] = [];
  #labels: Waiting<Label>[] = [];

  constructor(model: ModelData) {
    const { label } = model;
    this.#model = model;
    this.#labelOf = compileExpression(label.value, label.from.columns);
    this.#labelId = Object.keys(label.from.columns).indexOf(label.id);
    this.#quality = new RealisedQuality(model);
    this.#join = newJoin(model, this.#quality, Number.NEGATIVE_INFINITY);
  }

  get counters(): LabelJoin['counters'] {
    return this.#join.counters;
  }

  get quality(): RealisedQuality {
    return this.#quality;
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
      if (this.#isRebuilt) this.#predict(prediction);
      else this.#predictions.push({ partition, offset: offset + i, of: prediction });
    });
  }

  /** Takes judged deliveries of a source in log order; those of another source than the label's are passed over. */
  judged({ source, partition, offset, deliveries, verdicts }: JudgedDeliveries): void {
    if (source.name !== this.#model.label.from.name) return;
    deliveries.forEach((delivery, i) => {
      const label = verdicts[i] === 'accepted' ? this.#labelIn(delivery) : null;
      if (label === null) return;
      if (this.#isRebuilt) this.#join.label(label.id, label.time, label.label);
      else this.#labels.push({ partition, offset: offset + i, of: label });
    });
  }

  /** Forgets the predictions that wait and that the history has: the past will have them. */
  published(predictionsTo: readonly number[]): void {
    if (!this.#isRebuilt) this.#predictions = this.#predictions.filter(after(predictionsTo));
  }

  /**
   * Joins the rows of the history, then waiting ones. A failure leaves everything waiting. Errors: those of the offline store.
   *
   * Counts and quality begin at the start of the day in which the oldest prediction lies that may still get its label: a
   * quality of part of a day would pass for that of the whole. The state of the join then follows from earlier rows: a
   * label waits for `keepMs` at most, and its prediction is older by `withinMs` at most.
   */
  async rebuild({ offline, now, predictionsTo, labelsTo }: PastOptions): Promise<void> {
    const { withinMs, from } = this.#model.label;
    const keepMs = withinMs + from.latenessMs;
    const begin = Math.floor((now - keepMs) / DAY_MS) * DAY_MS;
    const quality = new RealisedQuality(this.#model);
    const join = newJoin(this.#model, quality, begin);
    const span = { predictionsFrom: begin - 2 * keepMs, labelsFrom: begin - keepMs, labelsTo };
    let isCounting = false;
    for await (const outcomes of pastOutcomes(this.#model, offline, span)) {
      for (const outcome of outcomes) {
        if (!isCounting && outcome.came >= begin) {
          join.expire(begin);
          join.countFromHere();
          isCounting = true;
        }
        takePast(join, outcome);
      }
    }
    if (!isCounting) {
      join.expire(begin);
      join.countFromHere();
    }
    this.#quality = quality;
    this.#join = join;
    this.#isRebuilt = true;
    for (const { of } of this.#predictions.filter(after(predictionsTo))) this.#predict(of);
    for (const { of } of this.#labels.filter(after(labelsTo))) join.label(of.id, of.time, of.label);
    this.#predictions = [];
    this.#labels = [];
  }

  /** Ends predictions whose time is over. */
  expire(now: number): void {
    if (this.#isRebuilt) this.#join.expire(now);
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

/** A join whose quality is of the predictions from an instant on. */
function newJoin({ label }: ModelData, quality: RealisedQuality, from: number): LabelJoin {
  return new LabelJoin({
    withinMs: label.withinMs,
    latenessMs: label.from.latenessMs,
    otherwise: labelNumber(label.otherwise),
    predicted: (prediction) => {
      if (prediction.at >= from) quality.predicted(prediction);
    },
    judged: (prediction) => {
      if (prediction.at >= from) quality.judged(prediction);
    },
  });
}

/** The join ends expired predictions as time passes, as it did when this one came. */
function takePast(join: LabelJoin, past: PastOutcome): void {
  join.expire(past.came);
  if (past.kind === 'prediction') join.predict(past.id, past.at, past.version, past.score);
  else join.label(past.id, past.time, past.label);
}

function after(offsets: readonly number[]) {
  return ({ partition, offset }: Waiting<unknown>): boolean => offset >= (offsets[partition] ?? 0);
}
