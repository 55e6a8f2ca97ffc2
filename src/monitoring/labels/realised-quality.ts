import { auc } from '../../stats/auc.ts';
import { logLoss } from '../../stats/log-loss.ts';
import type { JudgedPrediction } from './label-join.ts';

/** The realised quality of a span of predictions. */
export interface Quality {
  readonly labelled: number;
  readonly positives: number;
  /** Null without both labels. */
  readonly auc: number | null;
  readonly logLoss: number | null;
  /** The loss of always saying the span's own share of true, nats: what any model has to beat. */
  readonly baseLogLoss: number | null;
}

const DAY_MS = 86_400_000;

/** Days that are kept. */
const KEPT_DAYS = 400;

/** Scores and labels of one day of prediction. */
class Day {
  length = 0;
  #scores = new Float32Array(256);
  #labels = new Uint8Array(256);

  add(score: number, label: number): void {
    if (this.length === this.#scores.length) {
      this.#scores = grown(this.#scores, new Float32Array(this.length * 2));
      this.#labels = grown(this.#labels, new Uint8Array(this.length * 2));
    }
    this.#scores[this.length] = score;
    this.#labels[this.length] = label;
    this.length += 1;
  }

  scores(): Float32Array {
    return this.#scores.subarray(0, this.length);
  }

  labels(): Uint8Array {
    return this.#labels.subarray(0, this.length);
  }
}

/** Collects judged predictions of a binary model by day of prediction (UTC), exactly; five bytes each. */
export class RealisedQuality {
  readonly #days = new Map<number, Day>();

  add({ at, score, label }: JudgedPrediction): void {
    const start = Math.floor(at / DAY_MS) * DAY_MS;
    let day = this.#days.get(start);
    if (day === undefined) {
      day = new Day();
      this.#days.set(start, day);
      const [first] = this.#days.keys();
      if (this.#days.size > KEPT_DAYS && first !== undefined) this.#days.delete(first);
    }
    day.add(score, label);
  }

  /** Starts of the days that have predictions, ascending. */
  days(): readonly number[] {
    return [...this.#days.keys()].sort((a, b) => a - b);
  }

  /** Quality of the predictions made in [from, to), whole days; null where there are none. */
  between(from: number, to: number): Quality | null {
    const days = this.days().filter((start) => start >= from && start < to);
    const parts = days.map((start) => this.#days.get(start)).filter((day) => day !== undefined);
    const size = parts.reduce((sum, day) => sum + day.length, 0);
    if (size === 0) return null;
    const scores = new Float32Array(size);
    const labels = new Uint8Array(size);
    let at = 0;
    for (const day of parts) {
      scores.set(day.scores(), at);
      labels.set(day.labels(), at);
      at += day.length;
    }
    return qualityOf(scores, labels);
  }
}

/** Quality of scores against labels (1 and 0). */
export function qualityOf(scores: ArrayLike<number>, labels: ArrayLike<number>): Quality {
  let positives = 0;
  for (let i = 0; i < labels.length; i += 1) positives += labels[i];
  const share = new Float64Array(labels.length).fill(positives / labels.length);
  return {
    labelled: labels.length,
    positives,
    auc: auc(scores, labels),
    logLoss: logLoss(scores, labels),
    baseLogLoss: logLoss(share, labels),
  };
}

function grown<T extends Float32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
