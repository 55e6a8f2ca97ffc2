/** A key and about how often it came in the last while. */
export interface Frequent {
  readonly name: string;
  /** Never less than its share of the truth; too large by at most `error`. */
  readonly count: number;
  readonly error: number;
}

interface Counter {
  name: string;
  count: number;
  error: number;
}

/**
 * The most frequent names of a stream in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi, 2005: Efficient
 * computation of frequent and top-k elements in data streams). All counts fade by half every half-life, so that they
 * describe the last while. A new name takes the place of the least one and its count, as its possible error. Hot path.
 */
export class SpaceSaving {
  readonly #capacity: number;
  readonly #halfLifeMs: number;
  readonly #counters = new Map<string, Counter>();
  /** Weight of one occurrence: instead of all counts fading, new ones grow. */
  #weight = 1;
  #weightAt = Number.NEGATIVE_INFINITY;

  constructor(capacity: number, halfLifeMs: number) {
    this.#capacity = capacity;
    this.#halfLifeMs = halfLifeMs;
  }

  add(name: string, now: number): void {
    this.#grow(now);
    const known = this.#counters.get(name);
    if (known !== undefined) {
      known.count += this.#weight;
      return;
    }
    if (this.#counters.size < this.#capacity) {
      this.#counters.set(name, { name, count: this.#weight, error: 0 });
      return;
    }
    const least = this.#least();
    this.#counters.delete(least.name);
    least.name = name;
    least.error = least.count;
    least.count += this.#weight;
    this.#counters.set(name, least);
  }

  /** All counted names, the most frequent first; counts as of now. */
  top(now: number): readonly Frequent[] {
    this.#grow(now);
    return [...this.#counters.values()]
      .map(({ name, count, error }) => ({ name, count: count / this.#weight, error: error / this.#weight }))
      .sort((a, b) => b.count - a.count);
  }

  #least(): Counter {
    let least: Counter | undefined;
    for (const counter of this.#counters.values())
      if (least === undefined || counter.count < least.count) least = counter;
    return least ?? { name: '', count: 0, error: 0 };
  }

  #grow(now: number): void {
    if (this.#weightAt === Number.NEGATIVE_INFINITY) this.#weightAt = now;
    if (now <= this.#weightAt) return;
    this.#weight *= 2 ** ((now - this.#weightAt) / this.#halfLifeMs);
    this.#weightAt = now;
    if (this.#weight < 1e9) return;
    for (const counter of this.#counters.values()) {
      counter.count /= this.#weight;
      counter.error /= this.#weight;
    }
    this.#weight = 1;
  }
}
