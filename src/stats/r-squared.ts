import { ExactSum } from './exact-sum.ts';

/** How far labels lie from their mean, by sums that merge. */
export class LabelSpread {
  count = 0;
  readonly #sum = new ExactSum();
  readonly #squares = new ExactSum();
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;

  add(label: number): void {
    this.count += 1;
    this.#sum.add(label);
    this.#squares.addProduct(label, label);
    this.#least = Math.min(this.#least, label);
    this.#greatest = Math.max(this.#greatest, label);
  }

  addAll(other: LabelSpread): void {
    this.count += other.count;
    this.#sum.addSum(other.#sum);
    this.#squares.addSum(other.#squares);
    this.#least = Math.min(this.#least, other.#least);
    this.#greatest = Math.max(this.#greatest, other.#greatest);
  }

  /** Sum of the squared distances from the mean; 0 where all labels are equal. */
  get squaresAroundMean(): number {
    if (!(this.#least < this.#greatest)) return 0;
    const mean = this.#sum.value / this.count;
    const around = new ExactSum();
    around.addSum(this.#squares);
    around.addSumTimes(this.#sum, -2 * mean);
    const meanSquare = new ExactSum();
    meanSquare.addProduct(mean, mean);
    around.addSumTimes(meanSquare, this.count);
    return Math.max(0, around.value);
  }
}

/** R² of a sum of squared errors: 1 − errors / spread; null where the labels do not differ. */
export function rSquaredOf(squaredErrors: number, spread: LabelSpread): number | null {
  const around = spread.squaresAroundMean;
  return around > 0 ? 1 - squaredErrors / around : null;
}
