import { ExpiryQueue } from './expiry-queue.ts';

/**
 * The outcomes of predictions and labels since counting began. At every instant
 * `predictions = labelled + unlabelled + pending` and
 * `labels = (labelled − assumed) + duplicateLabels + outOfTimeLabels + orphanLabels + waitingLabels`.
 */
export interface LabelCounters {
  predictions: number;
  labelled: number;
  /** Of those labelled: none came, and `otherwise` stands for it. */
  assumed: number;
  /** Its time ran out without a label. */
  unlabelled: number;
  pending: number;
  labels: number;
  /** A further label for one prediction: the first counts. */
  duplicateLabels: number;
  /** Labels from before their prediction's instant, or from after its time. */
  outOfTimeLabels: number;
  /** Labels for which no prediction came, or whose prediction's time had run out. */
  orphanLabels: number;
  /** Labels whose prediction has not come yet. */
  waitingLabels: number;
  /** A second prediction under one id: the first counts. */
  duplicatePredictions: number;
}

/** A prediction as the join remembers it. */
export interface JoinedPrediction {
  readonly at: number;
  readonly version: number;
  readonly score: number;
}

/** A prediction that has got its label. */
export interface JudgedPrediction extends JoinedPrediction {
  readonly label: number;
}

export interface LabelJoinOptions {
  /** How long after a prediction's instant the time of its label may be, ms. */
  readonly withinMs: number;
  /** How late after its time a label may arrive, ms: the lateness of its source. */
  readonly latenessMs: number;
  /** The label where none came; null: it stays without. */
  readonly otherwise: number | null;
  /** Takes each prediction once, when it comes. */
  readonly predicted: (prediction: JoinedPrediction) => void;
  /** Takes each prediction at most once, when its label is known. */
  readonly judged: (prediction: JudgedPrediction) => void;
}

interface Label {
  readonly time: number;
  readonly label: number;
}

/** The known facts of an id. */
type Known =
  | { readonly kind: 'early'; labels: Label[] }
  | { readonly kind: 'pending'; readonly due: number; readonly prediction: JoinedPrediction }
  | { readonly kind: 'done'; readonly due: number };

/**
 * Joins labels to predictions by id as they come, in whatever order: a label before its prediction waits for it. Memory
 * holds what may still meet: ids younger than `withinMs` and `latenessMs` together. A label counts if its time lies within
 * [at, at + withinMs]; of several that wait for a prediction the earliest counts, afterwards the first to arrive.
 */
export class LabelJoin {
  readonly counters: LabelCounters = {
    predictions: 0,
    labelled: 0,
    assumed: 0,
    unlabelled: 0,
    pending: 0,
    labels: 0,
    duplicateLabels: 0,
    outOfTimeLabels: 0,
    orphanLabels: 0,
    waitingLabels: 0,
    duplicatePredictions: 0,
  };
  readonly #options: LabelJoinOptions;
  readonly #keepMs: number;
  readonly #known = new Map<string, Known>();
  readonly #expiry: ExpiryQueue;

  constructor(options: LabelJoinOptions) {
    this.#options = options;
    this.#keepMs = options.withinMs + options.latenessMs;
    this.#expiry = new ExpiryQueue(this.#keepMs);
  }

  /** Takes a prediction: its id, the instant it is of, the version and the score. */
  predict(id: string, at: number, version: number, score: number): void {
    const known = this.#known.get(id);
    if (known !== undefined && known.kind !== 'early') {
      this.counters.duplicatePredictions += 1;
      return;
    }
    const prediction = { at, version, score };
    const due = at + this.#keepMs;
    this.counters.predictions += 1;
    this.#options.predicted(prediction);
    const label = known === undefined ? null : this.#chosen(known.labels, at);
    if (label === null) {
      this.counters.pending += 1;
      this.#keep(id, { kind: 'pending', due, prediction }, due);
    } else {
      this.#keep(id, { kind: 'done', due }, due);
      this.#settle(prediction, label.label);
    }
  }

  /** Takes a label and its time. */
  label(id: string, time: number, label: number): void {
    this.counters.labels += 1;
    const known = this.#known.get(id);
    switch (known?.kind) {
      case undefined:
        this.counters.waitingLabels += 1;
        this.#keep(id, { kind: 'early', labels: [{ time, label }] }, time + this.#keepMs);
        break;
      case 'early':
        this.counters.waitingLabels += 1;
        known.labels.push({ time, label });
        this.#expiry.add(id, time + this.#keepMs);
        break;
      case 'done':
        this.counters.duplicateLabels += 1;
        break;
      case 'pending':
        if (!this.#counts(time, known.prediction.at)) {
          this.counters.outOfTimeLabels += 1;
          break;
        }
        this.counters.pending -= 1;
        this.#known.set(id, { kind: 'done', due: known.due });
        this.#settle(known.prediction, label);
        break;
      default:
        known satisfies never;
    }
  }

  /** Ends what can meet nothing any more at `now`, at the latest a 64th of its time after that; Infinity ends everything. */
  expire(now: number): void {
    this.#expiry.expire(now, (id) => {
      const known = this.#known.get(id);
      if (known === undefined) return;
      if (known.kind === 'early') {
        this.#expireLabels(id, known, now);
        return;
      }
      // Later arrivals for the id have their own entry in the queue.
      if (!this.#expiry.isOver(known.due, now)) return;
      this.#known.delete(id);
      if (known.kind === 'pending') this.#end(known.prediction);
    });
  }

  /** Each label waits its own time, also if others wait for the same prediction. */
  #expireLabels(id: string, early: { labels: Label[] }, now: number): void {
    const left = early.labels.filter(({ time }) => !this.#expiry.isOver(time + this.#keepMs, now));
    const ended = early.labels.length - left.length;
    this.counters.waitingLabels -= ended;
    this.counters.orphanLabels += ended;
    early.labels = left;
    if (left.length === 0) this.#known.delete(id);
  }

  /** Counts from now on: what still waits stays counted. */
  countFromHere(): void {
    const { pending, waitingLabels } = this.counters;
    for (const outcome of Object.keys(this.counters) as (keyof LabelCounters)[]) this.counters[outcome] = 0;
    Object.assign(this.counters, { predictions: pending, pending, labels: waitingLabels, waitingLabels });
  }

  #keep(id: string, known: Known, due: number): void {
    this.#known.set(id, known);
    this.#expiry.add(id, due);
  }

  #counts(time: number, at: number): boolean {
    return time >= at && time <= at + this.#options.withinMs;
  }

  /** The earliest of the waiting labels that counts; the others are counted as what they are. */
  #chosen(labels: readonly Label[], at: number): Label | null {
    const valid = labels.filter(({ time }) => this.#counts(time, at));
    this.counters.waitingLabels -= labels.length;
    this.counters.outOfTimeLabels += labels.length - valid.length;
    if (valid.length === 0) return null;
    this.counters.duplicateLabels += valid.length - 1;
    return valid.reduce((earliest, one) => (one.time < earliest.time ? one : earliest));
  }

  #settle(prediction: JoinedPrediction, label: number): void {
    this.counters.labelled += 1;
    this.#options.judged({ ...prediction, label });
  }

  #end(prediction: JoinedPrediction): void {
    const { otherwise } = this.#options;
    this.counters.pending -= 1;
    if (otherwise === null) {
      this.counters.unlabelled += 1;
      return;
    }
    this.counters.assumed += 1;
    this.#settle(prediction, otherwise);
  }
}
