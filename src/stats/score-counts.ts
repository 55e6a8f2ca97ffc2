/** Labels of the scores of one bin, and the scores' sum and ends. */
interface Counts {
  positives: number;
  negatives: number;
  sum: number;
  least: number;
  greatest: number;
}

/** A number from counts, and how far from it that of the scores themselves may be. */
interface Within {
  readonly value: number;
  readonly within: number;
}

/** The bin, and the members of `Counts`. */
const NUMBERS_OF_BIN = 6;

/** Bits of a float32 below the sign, the exponent and seven bits of the fraction. */
const DROPPED_BITS = 16;

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/**
 * Labels by bins of scores, for an area under the ROC curve and a calibration error in bounded memory. A bin is at most 0.8 % wide, relative to the distance of the
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
    counts.sum += score;
    counts.least = Math.min(counts.least, score);
    counts.greatest = Math.max(counts.greatest, score);
  }

  addAll(other: ScoreCounts): void {
    if (other.#hasNaN) this.#hasNaN = true;
    for (const [bin, { positives, negatives, sum, least, greatest }] of other.#bins) {
      const counts = this.#of(bin);
      counts.positives += positives;
      counts.negatives += negatives;
      counts.sum += sum;
      counts.least = Math.min(counts.least, least);
      counts.greatest = Math.max(counts.greatest, greatest);
    }
  }

  /** Bins that have scores. */
  get size(): number {
    return this.#bins.size;
  }

  /** Numbers that all bins hold. */
  get held(): number {
    return NUMBERS_OF_BIN * this.#bins.size;
  }

  /**
   * The area, and how far from it that of the scores themselves may be: half of the pairs within bins. Null without both labels, and
   * after a score that is NaN.
   */
  auc(): Within | null {
    let below = 0;
    let pairs = 0;
    let ties = 0;
    let positives = 0;
    for (const bin of this.#ascending()) {
      pairs += bin.positives * (below + bin.negatives / 2);
      ties += bin.positives * bin.negatives;
      below += bin.negatives;
      positives += bin.positives;
    }
    const all = positives * below;
    return all === 0 || this.#hasNaN ? null : { value: pairs / all, within: ties / 2 / all };
  }

  /**
   * The expected calibration error over `groups` groups of equal count by ascending score, as `expectedCalibrationError` groups rows. A
   * bin that two groups share is divided in proportion; `within` bounds what that changes. Null with fewer scores than groups, and after
   * a score that is NaN.
   */
  calibrationError(groups: number): Within | null {
    const bins = this.#ascending();
    const n = bins.reduce((sum, bin) => sum + sizeOf(bin), 0);
    const width = Math.floor(n / groups);
    if (width === 0 || this.#hasNaN) return null;
    let [group, left, gap, value, within] = [0, groups === 1 ? n : width, 0, 0, 0];
    for (const bin of bins) {
      const size = sizeOf(bin);
      for (let taken = 0; taken < size; ) {
        const part = Math.min(left, size - taken);
        gap += ((bin.sum - bin.positives) * part) / size;
        taken += part;
        left -= part;
        if (left > 0) continue;
        value += Math.abs(gap) / n;
        group += 1;
        [gap, left] = [0, group === groups - 1 ? n - group * width : width];
        // The groups on both sides of the cut take the error.
        within += (2 * cutError(bin, taken)) / n;
      }
    }
    return { value, within: Math.min(1, within) };
  }

  #ascending(): readonly Counts[] {
    return [...this.#bins].sort(([a], [b]) => a - b).map(([, counts]) => counts);
  }

  #of(bin: number): Counts {
    const found = this.#bins.get(bin);
    if (found !== undefined) return found;
    const counts = {
      positives: 0,
      negatives: 0,
      sum: 0,
      least: Number.POSITIVE_INFINITY,
      greatest: Number.NEGATIVE_INFINITY,
    };
    this.#bins.set(bin, counts);
    return counts;
  }
}

function sizeOf({ positives, negatives }: Counts): number {
  return positives + negatives;
}

/** How far the gap of score and label of the `taken` lowest scores of a bin may be from their share of the bin's. */
function cutError({ positives, negatives, least, greatest }: Counts, taken: number): number {
  const size = positives + negatives;
  const share = taken / size;
  const most = Math.min(taken, positives) - share * positives;
  const fewest = share * positives - Math.max(0, taken - negatives);
  return Math.max(most, fewest) + taken * (1 - share) * (greatest - least);
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
