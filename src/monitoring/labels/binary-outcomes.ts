import { auc } from '../../stats/auc.ts';
import { brierScore } from '../../stats/brier-score.ts';
import { logLoss } from '../../stats/log-loss.ts';
import type { BinaryQuality, Outcomes } from './quality.ts';

const FIRST_SIZE = 64;

/** Scores and labels of a binary model, kept one by one in five bytes each: a rank needs all of them. */
export class BinaryOutcomes implements Outcomes<'binary'> {
  #length = 0;
  #scores = new Float32Array(FIRST_SIZE);
  #labels = new Uint8Array(FIRST_SIZE);

  add(score: number, label: number): void {
    this.#reserve(this.#length + 1);
    this.#scores[this.#length] = score;
    this.#labels[this.#length] = label;
    this.#length += 1;
  }

  addAll(other: BinaryOutcomes): void {
    this.#reserve(this.#length + other.#length);
    this.#scores.set(other.#scores.subarray(0, other.#length), this.#length);
    this.#labels.set(other.#labels.subarray(0, other.#length), this.#length);
    this.#length += other.#length;
  }

  quality(predictions: number): BinaryQuality {
    const scores = this.#scores.subarray(0, this.#length);
    const labels = this.#labels.subarray(0, this.#length);
    const labelled = labels.length;
    const positives = labels.reduce((sum, label) => sum + label, 0);
    return {
      task: 'binary',
      predictions,
      labelled,
      coverage: labelled / predictions,
      positives,
      auc: auc(scores, labels),
      logLoss: logLoss(scores, labels),
      baseLogLoss: logLoss(new Float64Array(labelled).fill(positives / labelled), labels),
      brier: brierScore(scores, labels),
    };
  }

  #reserve(length: number): void {
    if (length <= this.#scores.length) return;
    const size = Math.max(length, this.#scores.length * 2);
    this.#scores = grown(this.#scores, new Float32Array(size));
    this.#labels = grown(this.#labels, new Uint8Array(size));
  }
}

function grown<T extends Float32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
