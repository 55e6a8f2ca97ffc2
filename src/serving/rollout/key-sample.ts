import { partitionOf } from '../../base/hash/partition-of.ts';

/** Keys kept; beyond it the sample is halved. */
const MOST_KEYS = 2_048;
const HASHES = 2 ** 32;

/** Distinct keys of the two cohorts whose hashes end in `level` zero bits. */
export interface KeySample {
  readonly level: number;
  readonly canary: readonly number[];
  readonly baseline: readonly number[];
}

/**
 * Counts distinct callers by cohort in bounded memory: of all keys a random share of 2^−level is kept whole (Wegman's
 * adaptive sampling, Flajolet 1990), the same keys in every process, so that samples merge. The ratio of the cohorts is
 * tested on callers, since one caller with many requests is no sign of a broken assignment.
 */
export class KeySampler {
  #level = 0;
  readonly #kept = { canary: new Set<number>(), baseline: new Set<number>() };

  add(cohort: 'canary' | 'baseline', key: string): void {
    this.#addHash(cohort, partitionOf(`keys/${key}`, HASHES));
    this.#shrink();
  }

  merge({ level, canary, baseline }: KeySample): void {
    this.#level = Math.max(this.#level, level);
    this.#filter();
    for (const hash of canary) this.#addHash('canary', hash);
    for (const hash of baseline) this.#addHash('baseline', hash);
    this.#shrink();
  }

  sample(): KeySample {
    return { level: this.#level, canary: [...this.#kept.canary], baseline: [...this.#kept.baseline] };
  }

  #addHash(cohort: 'canary' | 'baseline', hash: number): void {
    if (hash % 2 ** this.#level === 0) this.#kept[cohort].add(hash);
  }

  #shrink(): void {
    while (this.#kept.canary.size + this.#kept.baseline.size > MOST_KEYS) {
      this.#level += 1;
      this.#filter();
    }
  }

  #filter(): void {
    for (const kept of [this.#kept.canary, this.#kept.baseline])
      for (const hash of kept) if (hash % 2 ** this.#level !== 0) kept.delete(hash);
  }
}
