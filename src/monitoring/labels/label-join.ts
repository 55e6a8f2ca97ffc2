/** What became of predictions and labels since the start. `predictions = labelled + unlabelled + pending`. */
export interface LabelCounters {
  predictions: number;
  labelled: number;
  /** Its time ran out without a label. */
  unlabelled: number;
  pending: number;
  /** A second label for one prediction: the first counts. */
  duplicateLabels: number;
  /** Labels for which no prediction came within the time. */
  orphanLabels: number;
  /** A second prediction under one id: the first counts. */
  duplicatePredictions: number;
}

/** A prediction that has got its label. */
export interface JudgedPrediction {
  readonly at: number;
  readonly version: number;
  readonly score: number;
  readonly label: number;
}

export interface LabelJoinOptions {
  /** How long after a prediction its label counts, ms. */
  readonly withinMs: number;
  /** The label where none came; null: it stays without. */
  readonly otherwise: number | null;
  readonly judged: (prediction: JudgedPrediction) => void;
}

interface Pending {
  readonly at: number;
  readonly version: number;
  readonly score: number;
}

interface Waiting {
  readonly time: number;
  readonly label: number;
}

/**
 * Joins labels to predictions by id as they come, in whatever order: a label before its prediction waits for it. Memory
 * holds what is younger than `withinMs`. A label counts if its time lies within [at, at + withinMs].
 */
export class LabelJoin {
  readonly counters: LabelCounters = {
    predictions: 0,
    labelled: 0,
    unlabelled: 0,
    pending: 0,
    duplicateLabels: 0,
    orphanLabels: 0,
    duplicatePredictions: 0,
  };
  readonly #options: LabelJoinOptions;
  /** Predictions in order of arrival: expiry looks at the front only. */
  readonly #pending = new Map<string, Pending>();
  readonly #early = new Map<string, Waiting>();
  /** Ids that have their label, with the time it may be forgotten. */
  readonly #done = new Map<string, number>();

  constructor(options: LabelJoinOptions) {
    this.#options = options;
  }

  predict(id: string, at: number, version: number, score: number): void {
    if (this.#pending.has(id) || this.#done.has(id)) {
      this.counters.duplicatePredictions += 1;
      return;
    }
    this.counters.predictions += 1;
    const early = this.#early.get(id);
    const prediction = { at, version, score };
    if (early !== undefined && this.#counts(early.time, at)) {
      this.#early.delete(id);
      this.#settle(id, prediction, early.label);
      return;
    }
    this.#pending.set(id, prediction);
    this.counters.pending += 1;
  }

  label(id: string, time: number, label: number): void {
    const prediction = this.#pending.get(id);
    if (prediction !== undefined) {
      if (!this.#counts(time, prediction.at)) return;
      this.#pending.delete(id);
      this.counters.pending -= 1;
      this.#settle(id, prediction, label);
    } else if (this.#done.has(id) || this.#early.has(id)) this.counters.duplicateLabels += 1;
    else this.#early.set(id, { time, label });
  }

  /** Ends what can get no label any more at `now`, by the clock of the label source. */
  expire(now: number): void {
    const { withinMs, otherwise } = this.#options;
    for (const [id, prediction] of this.#pending) {
      if (prediction.at + withinMs >= now) break;
      this.#pending.delete(id);
      this.counters.pending -= 1;
      if (otherwise === null) this.counters.unlabelled += 1;
      else this.#settle(id, prediction, otherwise);
    }
    for (const [id, { time }] of this.#early) {
      if (time + withinMs >= now) break;
      this.#early.delete(id);
      this.counters.orphanLabels += 1;
    }
    for (const [id, until] of this.#done) {
      if (until >= now) break;
      this.#done.delete(id);
    }
  }

  #counts(time: number, at: number): boolean {
    return time >= at && time <= at + this.#options.withinMs;
  }

  #settle(id: string, { at, version, score }: Pending, label: number): void {
    this.counters.labelled += 1;
    this.#done.set(id, at + this.#options.withinMs);
    this.#options.judged({ at, version, score, label });
  }
}
