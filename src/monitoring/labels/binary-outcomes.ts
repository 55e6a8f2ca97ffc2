import { auc } from '../../stats/auc.ts';
import { brierScoreOf } from '../../stats/brier-score.ts';
import { ExactSum } from '../../stats/exact-sum.ts';
import { logLoss, logLossOf } from '../../stats/log-loss.ts';
import { ScoreCounts } from '../../stats/score-counts.ts';
import { type BinaryQuality, type Outcomes, type SpanPredictions, spanQuality } from './quality.ts';

const FIRST_SIZE = 64;

/** Bytes of a bin of scores, about. */
const BIN_BYTES = 100;

/**
 * Scores and labels of a binary model. A rank needs all of them: they are kept one by one in nine bytes each, until they are folded into
 * counts by bins of scores. Means are exact in both forms.
 */
export class BinaryOutcomes implements Outcomes<'binary'> {
  #length = 0;
  #scores = new Float64Array(FIRST_SIZE);
  #labels = new Uint8Array(FIRST_SIZE);
  #labelled = 0;
  #positives = 0;
  readonly #logLoss = new ExactSum();
  readonly #brier = new ExactSum();
  /** null: every score is kept. */
  #counts: ScoreCounts | null = null;

  get rows(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#scores.byteLength + this.#labels.byteLength + BIN_BYTES * (this.#counts?.size ?? 0);
  }

  add(score: number, label: number): void {
    this.#labelled += 1;
    this.#positives += label;
    this.#logLoss.add(logLossOf(score, label));
    this.#brier.add(brierScoreOf(score, label));
    if (this.#counts !== null) {
      this.#counts.add(score, label);
      return;
    }
    this.#reserve(this.#length + 1);
    this.#scores[this.#length] = score;
    this.#labels[this.#length] = label;
    this.#length += 1;
  }

  addAll(other: BinaryOutcomes): void {
    this.#labelled += other.#labelled;
    this.#positives += other.#positives;
    this.#logLoss.addSum(other.#logLoss);
    this.#brier.addSum(other.#brier);
    if (other.#counts !== null) {
      this.fold();
      this.#counts?.addAll(other.#counts);
    } else if (this.#counts !== null) countAll(this.#counts, other.#scores, other.#labels, other.#length);
    else {
      this.#reserve(this.#length + other.#length);
      this.#scores.set(other.#scores.subarray(0, other.#length), this.#length);
      this.#labels.set(other.#labels.subarray(0, other.#length), this.#length);
      this.#length += other.#length;
    }
  }

  fold(): void {
    if (this.#counts !== null) return;
    const counts = new ScoreCounts();
    countAll(counts, this.#scores, this.#labels, this.#length);
    this.#counts = counts;
    this.#length = 0;
    this.#scores = new Float64Array(0);
    this.#labels = new Uint8Array(0);
  }

  quality(span: SpanPredictions): BinaryQuality {
    const labelled = this.#labelled;
    const positives = this.#positives;
    const mean = (sum: ExactSum) => (labelled === 0 ? null : sum.value / labelled);
    return {
      task: 'binary',
      ...spanQuality(span, labelled),
      positives,
      auc: this.#auc(),
      logLoss: mean(this.#logLoss),
      baseLogLoss: this.#baseLogLoss(),
      brier: mean(this.#brier),
    };
  }

  #auc(): number | null {
    if (this.#counts !== null) return this.#counts.auc()?.value ?? null;
    return auc(this.#scores.subarray(0, this.#length), this.#labels.subarray(0, this.#length));
  }

  /** The loss of the share of positives, once for each label. */
  #baseLogLoss(): number | null {
    if (this.#labelled === 0) return null;
    const share = this.#positives / this.#labelled;
    const positive = logLoss([share], [1]) ?? 0;
    const negative = logLoss([share], [0]) ?? 0;
    return share * positive + (1 - share) * negative;
  }

  #reserve(length: number): void {
    if (length <= this.#scores.length) return;
    const size = Math.max(length, this.#scores.length * 2);
    this.#scores = grown(this.#scores, new Float64Array(size));
    this.#labels = grown(this.#labels, new Uint8Array(size));
  }
}

function countAll(counts: ScoreCounts, scores: Float64Array, labels: Uint8Array, length: number): void {
  for (let i = 0; i < length; i += 1) counts.add(scores[i], labels[i]);
}

function grown<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
