/** Of a key that has no changes. */
export const NO_CHANGE = -1;

/** Numbers of a change: hop (by index), tile start, the change of the same key before it. */
const CHANGE = 3;

/**
 * Which tiles of many keys changed: by key a list, which its newest change stands for, all in one flat memory. Hot path: once
 * for every tile that changes; nothing is allocated.
 */
export class TileChanges {
  #numbers = new Float64Array(CHANGE * 64);
  #count = 0;
  readonly #starts: number[] = [];
  readonly #pairs: number[] = [];

  /** Adds a change after a key's newest; returns the new newest. */
  add(newest: number, hop: number, start: number): number {
    const at = this.#count * CHANGE;
    if (at === this.#numbers.length) this.#grow();
    this.#numbers[at] = hop;
    this.#numbers[at + 1] = start;
    this.#numbers[at + 2] = newest;
    this.#count += 1;
    return this.#count - 1;
  }

  /** Whether one of the newest `most` changes of a key, those up to `until` left out, is the newest of the hop, and of this start. */
  isNewest(newest: number, until: number, hop: number, start: number, most: number): boolean {
    const numbers = this.#numbers;
    for (let change = newest, left = most; change > until && left > 0; left -= 1) {
      const at = change * CHANGE;
      if (numbers[at] === hop) return numbers[at + 1] === start;
      change = numbers[at + 2];
    }
    return false;
  }

  /** The different starts of a hop that changed, in order of their first change; valid until the next call. */
  startsOf(newest: number, hop: number): readonly number[] {
    const [numbers, starts] = [this.#numbers, this.#starts];
    starts.length = 0;
    for (let at = newest * CHANGE; at >= 0; at = numbers[at + 2] * CHANGE)
      if (numbers[at] === hop) starts.push(numbers[at + 1]);
    return starts.length < 2 ? starts : [...new Set(starts.reverse())];
  }

  /** Hop and start by turns of the changes behind `until`, oldest first; valid until the next call. */
  pairsOf(newest: number, until: number): readonly number[] {
    const [numbers, pairs] = [this.#numbers, this.#pairs];
    pairs.length = 0;
    for (let change = newest; change > until; change = numbers[change * CHANGE + 2])
      pairs.push(numbers[change * CHANGE + 1], numbers[change * CHANGE]);
    return pairs.reverse();
  }

  #grow(): void {
    const grown = new Float64Array(this.#numbers.length * 2);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
