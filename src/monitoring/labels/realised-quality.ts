import { auc } from '../../stats/auc.ts';
import { logLoss } from '../../stats/log-loss.ts';
import type { JoinedPrediction, JudgedPrediction } from './label-join.ts';

/** The realised quality of a span of predictions. */
export interface Quality {
  readonly predictions: number;
  readonly labelled: number;
  /** Labelled among predictions: how much of the span the other numbers speak of. */
  readonly coverage: number;
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

/** The predictions of one day, and of those that are judged version, score and label. */
class Day {
  readonly predictions = new Map<number, number>();
  length = 0;
  versions = new Uint32Array(256);
  scores = new Float32Array(256);
  labels = new Uint8Array(256);

  count(version: number): void {
    this.predictions.set(version, (this.predictions.get(version) ?? 0) + 1);
  }

  add(version: number, score: number, label: number): void {
    if (this.length === this.scores.length) {
      this.versions = grown(this.versions, new Uint32Array(this.length * 2));
      this.scores = grown(this.scores, new Float32Array(this.length * 2));
      this.labels = grown(this.labels, new Uint8Array(this.length * 2));
    }
    this.versions[this.length] = version;
    this.scores[this.length] = score;
    this.labels[this.length] = label;
    this.length += 1;
  }
}

/**
 * Collects the predictions of a binary model by day of prediction (UTC), and those with a label exactly: nine bytes each.
 * The last 400 days are kept.
 */
export class RealisedQuality {
  readonly #days = new Map<number, Day>();

  /** Takes a prediction, labelled or not. */
  predicted({ at, version }: JoinedPrediction): void {
    this.#dayOf(at).count(version);
  }

  /** Takes a prediction's label; the prediction was taken before. */
  judged({ at, version, score, label }: JudgedPrediction): void {
    this.#dayOf(at).add(version, score, label);
  }

  /** Starts of the days that have predictions, ascending. */
  days(): readonly number[] {
    return [...this.#days.keys()].sort((a, b) => a - b);
  }

  /** Versions that predicted on days in [from, to), ascending. */
  versions(from: number, to: number): readonly number[] {
    const versions = new Set(this.#between(from, to).flatMap(({ predictions }) => [...predictions.keys()]));
    return [...versions].sort((a, b) => a - b);
  }

  /** Quality of the predictions made in [from, to), whole days, by all versions or one; null where there are none. */
  between(from: number, to: number, version: number | null = null): Quality | null {
    const days = this.#between(from, to);
    const scores = new Float32Array(days.reduce((sum, { length }) => sum + length, 0));
    const labels = new Uint8Array(scores.length);
    let predictions = 0;
    let size = 0;
    for (const day of days) {
      for (const [by, count] of day.predictions) if (version === null || by === version) predictions += count;
      for (let i = 0; i < day.length; i += 1) {
        if (version !== null && day.versions[i] !== version) continue;
        scores[size] = day.scores[i];
        labels[size] = day.labels[i];
        size += 1;
      }
    }
    return predictions === 0 ? null : qualityOf(predictions, scores.subarray(0, size), labels.subarray(0, size));
  }

  #between(from: number, to: number): readonly Day[] {
    return [...this.#days].flatMap(([start, day]) => (start >= from && start < to ? [day] : []));
  }

  #dayOf(at: number): Day {
    const start = Math.floor(at / DAY_MS) * DAY_MS;
    const found = this.#days.get(start);
    if (found !== undefined) return found;
    const day = new Day();
    this.#days.set(start, day);
    if (this.#days.size > KEPT_DAYS) this.#days.delete(this.days()[0]);
    return day;
  }
}

/** Quality of the labelled among some predictions: their scores against their labels (1 and 0). */
function qualityOf(predictions: number, scores: Float32Array, labels: Uint8Array): Quality {
  const labelled = labels.length;
  const positives = labels.reduce((sum, label) => sum + label, 0);
  return {
    predictions,
    labelled,
    coverage: labelled / predictions,
    positives,
    auc: auc(scores, labels),
    logLoss: logLoss(scores, labels),
    baseLogLoss: logLoss(new Float64Array(labelled).fill(positives / labelled), labels),
  };
}

function grown<T extends Float32Array | Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
