const NONE = -1;

/**
 * Slots in an order that changes one slot at a time: a tournament tree, so that a change costs the logarithm of their number, and the first `k`
 * cost k times that. Hot path.
 */
export class RankedSlots {
  readonly #isBefore: (a: number, b: number) => boolean;
  /** The winner of each node; the children of node i are 2i and 2i + 1, the leaves begin at `#leaves`. */
  #winners = new Int32Array(2).fill(NONE);
  #leaves = 1;

  constructor(isBefore: (a: number, b: number) => boolean) {
    this.#isBefore = isBefore;
  }

  /** The place of a slot in the order may have changed. */
  changed(slot: number): void {
    if (slot >= this.#leaves) this.#grow(slot + 1);
    this.#set(slot, slot);
  }

  remove(slot: number): void {
    this.#set(slot, NONE);
  }

  /** The first `k` slots, in order; all where there are less. */
  first(k: number): readonly number[] {
    const slots: number[] = [];
    for (let slot = this.#winners[1]; slot !== NONE && slots.length < k; slot = this.#winners[1]) {
      slots.push(slot);
      if (slots.length < k) this.#set(slot, NONE);
    }
    for (const slot of slots) this.#set(slot, slot);
    return slots;
  }

  clear(): void {
    this.#winners.fill(NONE);
  }

  #set(slot: number, winner: number): void {
    const winners = this.#winners;
    let node = this.#leaves + slot;
    winners[node] = winner;
    for (node >>= 1; node >= 1; node >>= 1) {
      const before = winners[node];
      const after = this.#better(winners[2 * node], winners[2 * node + 1]);
      winners[node] = after;
      // Above, nothing depends on a slot that neither won nor wins.
      if (before === after && after !== slot) return;
    }
  }

  #better(a: number, b: number): number {
    if (a === NONE) return b;
    if (b === NONE) return a;
    return this.#isBefore(a, b) ? a : b;
  }

  #grow(slots: number): void {
    const held = this.#winners.slice(this.#leaves, 2 * this.#leaves);
    while (this.#leaves < slots) this.#leaves *= 2;
    this.#winners = new Int32Array(2 * this.#leaves).fill(NONE);
    this.#winners.set(held, this.#leaves);
    for (let node = this.#leaves - 1; node >= 1; node -= 1)
      this.#winners[node] = this.#better(this.#winners[2 * node], this.#winners[2 * node + 1]);
  }
}
