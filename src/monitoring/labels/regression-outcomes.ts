import { ExactSum } from '../../stats/exact-sum.ts';
import { absoluteErrorOf } from '../../stats/mean-absolute-error.ts';
import { pinballLossOf } from '../../stats/pinball-loss.ts';
import { LabelSpread, rSquaredOf } from '../../stats/r-squared.ts';
import { squaredErrorOf } from '../../stats/root-mean-squared-error.ts';
import { type Outcomes, type RegressionQuality, type SpanPredictions, spanQuality } from './quality.ts';

/** Bytes of all sums, about. */
const SUM_BYTES = 2_000;

/** Errors of predicted numbers as exact sums: the same in whatever order labels come and days are merged. */
export class RegressionOutcomes implements Outcomes<'regression'> {
  readonly #quantile: number | null;
  readonly #absolute = new ExactSum();
  readonly #squared = new ExactSum();
  readonly #pinball = new ExactSum();
  readonly #labels = new LabelSpread();
  /** Sums have one size, however many labels they have. */
  readonly rows = 0;
  readonly bytes = SUM_BYTES;

  /** `quantile`: the one that the model predicts; null where it declares none. */
  constructor(quantile: number | null) {
    this.#quantile = quantile;
  }

  add(score: number, label: number): void {
    this.#labels.add(label);
    this.#absolute.add(absoluteErrorOf(score, label));
    this.#squared.add(squaredErrorOf(score, label));
    if (this.#quantile !== null) this.#pinball.add(pinballLossOf(this.#quantile, score, label));
  }

  fold(): void {
    // It keeps no score.
  }

  addAll(other: RegressionOutcomes): void {
    this.#labels.addAll(other.#labels);
    this.#absolute.addSum(other.#absolute);
    this.#squared.addSum(other.#squared);
    this.#pinball.addSum(other.#pinball);
  }

  quality(span: SpanPredictions): RegressionQuality {
    const labelled = this.#labels.count;
    const mean = (sum: ExactSum) => (labelled === 0 ? null : sum.value / labelled);
    const squares = mean(this.#squared);
    return {
      task: 'regression',
      ...spanQuality(span, labelled),
      mae: mean(this.#absolute),
      rmse: squares === null ? null : Math.sqrt(squares),
      r2: rSquaredOf(this.#squared.value, this.#labels),
      pinball: this.#quantile === null ? null : mean(this.#pinball),
    };
  }
}
