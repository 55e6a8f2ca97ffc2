import type { LabelCounters, LabelJoinOptions } from '../../src/monitoring/labels/label-join.ts';

type Entry =
  | { readonly kind: 'early'; readonly id: string; readonly time: number; readonly label: number }
  | {
      readonly kind: 'prediction';
      readonly id: string;
      readonly at: number;
      readonly version: number;
      readonly score: number;
      /** Another prediction until then is the same one. */
      until: number;
      isDone: boolean;
    };

/** The label join as a list of everything that waits: the oracle. */
export class NaiveLabelJoin {
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
  readonly #options: Omit<LabelJoinOptions, 'store' | 'budget'>;
  #entries: Entry[] = [];

  constructor(options: Omit<LabelJoinOptions, 'store' | 'budget'>) {
    this.#options = options;
  }

  predict(id: string, at: number, version: number, score: number): void {
    const c = this.counters;
    const earlier = this.#entries.find((entry) => entry.kind === 'prediction' && entry.id === id);
    if (earlier?.kind === 'prediction') {
      this.#endPrediction(earlier, at);
      if (earlier.until >= at) {
        c.duplicatePredictions += 1;
        earlier.until = Math.max(earlier.until, at + this.#spanMs);
        return;
      }
      this.#entries = this.#entries.filter((entry) => entry !== earlier);
    }
    c.predictions += 1;
    this.#options.predicted({ at, version, score });
    const early = this.#entries.filter((entry) => entry.kind === 'early' && entry.id === id);
    this.#entries = this.#entries.filter((entry) => !early.includes(entry));
    const counting = early.flatMap((entry) => (entry.kind === 'early' && this.#counts(entry.time, at) ? [entry] : []));
    c.waitingLabels -= early.length;
    c.outOfTimeLabels += early.length - counting.length;
    this.#entries.push({
      ...{ kind: 'prediction', id, at, version, score, until: at + this.#spanMs },
      isDone: counting.length > 0,
    });
    if (counting.length === 0) {
      c.pending += 1;
      return;
    }
    c.duplicateLabels += counting.length - 1;
    c.labelled += 1;
    const [{ label }] = counting.toSorted((a, b) => a.time - b.time);
    this.#options.judged({ at, version, score, label, assumed: false });
  }

  label(id: string, time: number, label: number): void {
    const c = this.counters;
    c.labels += 1;
    const entry = this.#entries.find((one) => one.kind === 'prediction' && one.id === id);
    if (entry?.kind !== 'prediction') {
      c.waitingLabels += 1;
      this.#entries.push({ kind: 'early', id, time, label });
    } else if (entry.isDone) c.duplicateLabels += 1;
    else if (!this.#counts(time, entry.at)) c.outOfTimeLabels += 1;
    else {
      entry.isDone = true;
      c.pending -= 1;
      c.labelled += 1;
      const { at, version, score } = entry;
      this.#options.judged({ at, version, score, label, assumed: false });
    }
  }

  expire(now: number): void {
    const c = this.counters;
    this.#entries = this.#entries.filter((entry) => {
      if (entry.kind === 'early') {
        if (entry.time + this.#spanMs >= now) return true;
        c.waitingLabels -= 1;
        c.orphanLabels += 1;
        return false;
      }
      this.#endPrediction(entry, now);
      return entry.until >= now;
    });
  }

  get #spanMs(): number {
    return this.#options.withinMs + this.#options.latenessMs;
  }

  #endPrediction(entry: Extract<Entry, { kind: 'prediction' }>, now: number): void {
    if (entry.isDone || entry.at + this.#spanMs >= now) return;
    const c = this.counters;
    const { at, version, score } = entry;
    const { otherwise } = this.#options;
    entry.isDone = true;
    c.pending -= 1;
    if (otherwise === null) {
      c.unlabelled += 1;
      this.#options.unlabelled({ at, version, score });
    } else {
      c.assumed += 1;
      c.labelled += 1;
      this.#options.judged({ at, version, score, label: otherwise, assumed: true });
    }
  }

  #counts(time: number, at: number): boolean {
    return time >= at && time <= at + this.#options.withinMs;
  }
}
