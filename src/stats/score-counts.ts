/** Labels of the scores of one bin. */
interface Counts {
  positives: number;
  negatives: number;
}

/** Bits of a float32 below the sign, the exponent and seven bits of the fraction. */
const DROPPED_BITS = 16;

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/**
 * Labels by bins of scores, for an area under the ROC curve in bounded memory. A bin is at most 0.8 % wide, relative to the distance of the
 * score from 0 or from 1, whichever is less. Scores of one bin count as ties.
 */
export class ScoreCounts {
  readonly #bins = new Map<number, Counts>();
  #hasNaN = false;

  add(score: number, label: number): void {
    if (Number.isNaN(score)) {
      this.#hasNaN = true;
      return;
    }
    const counts = this.#of(binOf(score));
    if (label === 1) counts.positives += 1;
    else counts.negatives += 1;
  }

  addAll(other: ScoreCounts): void {
    if (other.#hasNaN) this.#hasNaN = true;
    for (const [bin, { positives, negatives }] of other.#bins) {
      const counts = this.#of(bin);
      counts.positives += positives;
      counts.negatives += negatives;
    }
  }

  /** Bins that have scores. */
  get size(): number {
    return this.#bins.size;
  }

  /**
   * The area, and how far from it that of the scores themselves may be: half of the pairs within bins. Null without both labels, and
   * after a score that is NaN.
   */
  auc(): { readonly value: number; readonly within: number } | null {
    let below = 0;
    let pairs = 0;
    let ties = 0;
    let positives = 0;
    for (const [, bin] of [...this.#bins].sort(([a], [b]) => a - b)) {
      pairs += bin.positives * (below + bin.negatives / 2);
      ties += bin.positives * bin.negatives;
      below += bin.negatives;
      positives += bin.positives;
    }
    const all = positives * below;
    return all === 0 || this.#hasNaN ? null : { value: pairs / all, within: ties / 2 / all };
  }

  #of(bin: number): Counts {
    const found = this.#bins.get(bin);
    if (found !== undefined) return found;
    const counts = { positives: 0, negatives: 0 };
    this.#bins.set(bin, counts);
    return counts;
  }
}

/** The bin of a score; a greater score has no lower bin. */
function binOf(score: number): number {
  return score < 0.5 ? binOfFloat(score) : 2 * binOfFloat(0.5) + 1 - binOfFloat(1 - score);
}

function binOfFloat(value: number): number {
  // Without −0.
  float[0] = value + 0;
  return (bits[0] < 0 ? -(bits[0] & 0x7fff_ffff) : bits[0]) >> DROPPED_BITS;
}
