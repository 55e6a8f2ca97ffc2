/**
 * A sum of doubles without rounding: whatever the order of the numbers, and however sums are merged, the value is the
 * double nearest to the exact sum. Kept as numbers that do not overlap (Shewchuk 1997, "Adaptive precision
 * floating-point arithmetic", grow-expansion). A number that is not finite, or a sum beyond the doubles, makes the value
 * NaN or infinite.
 */
export class ExactSum {
  #parts: number[] = [];
  /** Sum of all numbers that are not finite; 0 without any. */
  #special = 0;

  add(number: number): void {
    const parts = this.#parts;
    let carried = number;
    let kept = 0;
    for (let i = 0; i < parts.length; i += 1) {
      const part = parts[i];
      const high = carried + part;
      const low = Math.abs(carried) < Math.abs(part) ? carried - (high - part) : part - (high - carried);
      if (low !== 0) parts[kept++] = low;
      carried = high;
    }
    if (Number.isFinite(carried)) {
      parts.length = kept;
      if (carried !== 0) parts.push(carried);
    } else {
      this.#special += carried;
      parts.length = 0;
    }
  }

  /** Adds the exact product of two numbers, both below 2^970 (the error by Dekker 1971, of a product above 2^−969). */
  addProduct(a: number, b: number): void {
    const product = a * b;
    this.add(product);
    const error = productError(a, b, product);
    if (Number.isFinite(error)) this.add(error);
  }

  /** Adds another sum. */
  addSum(other: ExactSum): void {
    for (const part of [...other.#parts]) this.add(part);
    this.#special += other.#special;
  }

  /** Adds another sum times a number. */
  addSumTimes(other: ExactSum, factor: number): void {
    for (const part of [...other.#parts]) this.addProduct(part, factor);
    this.#special += other.#special * factor;
  }

  /** The nearest double. */
  get value(): number {
    if (this.#special !== 0) return this.#special;
    const parts = this.#parts;
    let at = parts.length - 1;
    let sum = at < 0 ? 0 : parts[at];
    let low = 0;
    while (at > 0 && low === 0) {
      at -= 1;
      const before = sum;
      sum = before + parts[at];
      low = parts[at] - (sum - before);
    }
    // Halfway between two doubles: the lower parts decide.
    if (at > 0 && low < 0 === parts[at - 1] < 0) {
      const twice = low * 2;
      const rounded = sum + twice;
      if (twice === rounded - sum) sum = rounded;
    }
    return sum;
  }
}

const SPLITTER = 2 ** 27 + 1;

function productError(a: number, b: number, product: number): number {
  const aHigh = highHalf(a);
  const bHigh = highHalf(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/** The upper 26 bits of a double's 53 (Veltkamp 1968). */
function highHalf(x: number): number {
  const scaled = SPLITTER * x;
  return scaled - (scaled - x);
}

/** The mean of the results of `of` for each pair; null over nothing. */
export function exactMean(
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
  of: (prediction: number, label: number) => number,
): number | null {
  const sum = new ExactSum();
  for (let i = 0; i < predictions.length; i += 1) sum.add(of(predictions[i], labels[i]));
  return predictions.length === 0 ? null : sum.value / predictions.length;
}
