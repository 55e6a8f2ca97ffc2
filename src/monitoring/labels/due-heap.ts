/** An id and the instant at which it ends. */
interface Due {
  readonly ends: number;
  readonly id: string;
}

/** Ids by the instant at which they end, the earliest first: a binary heap. Hot path. */
export class DueHeap {
  readonly #entries: Due[] = [];

  /** The earliest instant; Infinity: there is none. */
  get first(): number {
    return this.#entries[0]?.ends ?? Number.POSITIVE_INFINITY;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  add(id: string, ends: number): void {
    const entries = this.#entries;
    let at = entries.push({ ends, id }) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (entries[above].ends <= ends) break;
      entries[at] = entries[above];
      at = above;
    }
    entries[at] = { ends, id };
  }

  /** Removes the entry of the earliest instant; there is one. */
  take(): Due {
    const entries = this.#entries;
    const [taken] = entries;
    const last = entries.pop() ?? taken;
    if (entries.length === 0) return taken;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= entries.length) break;
      if (below + 1 < entries.length && entries[below + 1].ends < entries[below].ends) below += 1;
      if (entries[below].ends >= last.ends) break;
      entries[at] = entries[below];
      at = below;
    }
    entries[at] = last;
    return taken;
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
