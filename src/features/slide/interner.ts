/** Numbers that stand for values while somebody holds them: a value that many events have is kept once. Hot path. */
export class Interner<V> {
  readonly #slots = new Map<V, number>();
  readonly #values: V[] = [];
  readonly #times: number[] = [];
  readonly #free: number[] = [];

  /** The slot of a value, which is held once more. */
  take(value: V): number {
    const known = this.#slots.get(value);
    if (known !== undefined) {
      this.#times[known] += 1;
      return known;
    }
    const slot = this.#free.pop() ?? this.#values.length;
    this.#values[slot] = value;
    this.#times[slot] = 1;
    this.#slots.set(value, slot);
    return slot;
  }

  /** Gives a slot back once; returns how often it is still held. */
  release(slot: number): number {
    this.#times[slot] -= 1;
    if (this.#times[slot] === 0) {
      this.#slots.delete(this.#values[slot]);
      this.#free.push(slot);
    }
    return this.#times[slot];
  }

  /** The slots of the values that are held. */
  get held(): Map<V, number> {
    return this.#slots;
  }

  valueAt(slot: number): V {
    return this.#values[slot];
  }

  timesAt(slot: number): number {
    return this.#times[slot];
  }

  clear(): void {
    if (this.#slots.size === 0) return;
    this.#slots.clear();
    this.#values.length = 0;
    this.#times.length = 0;
    this.#free.length = 0;
  }
}
