import { grow, Names } from './names.ts';

/** The inputs of an operator as a trace records them: JSON texts of lists with one member for each argument. */
export interface InputTexts {
  /** `[[1025, 8192], [8192, 1025]]`. */
  readonly dims: string;
  /** `["c10::BFloat16", "c10::BFloat16"]`. */
  readonly types: string;
  /** `[[8192, 1], [1025, 1]]`; empty where the trace has none. */
  readonly strides: string;
  /** Values of arguments that are no tensors: `["", "", "[1, 1]"]`; kept of convolutions and attention only. */
  readonly values: string;
}

const COLUMNS = 4;

/**
 * Hot path. The distinct inputs of the operators of a trace, by number: a program calls few shapes many times. Bounded like
 * the names; later operators have no inputs.
 */
export class OperatorInputs {
  readonly #texts = new Names({ maxNames: 250_000, maxBytes: 32 * 2 ** 20 });
  #table = new Int32Array(1 << 10).fill(-1);
  #rows = new Int32Array(COLUMNS << 9);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of a text of the bytes from `start` to `end`; `of` makes inputs of four. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    return this.#texts.intern(bytes, start, end);
  }

  /** The number of the inputs with these texts; -1 beyond the bound. */
  of(dims: number, types: number, strides: number, values: number): number {
    if (this.#texts.dropped > 0 && (dims === 1 || types === 1 || strides === 1 || values === 1)) return -1;
    const hash = hashOf(dims, types, strides, values);
    const mask = this.#table.length - 1;
    const rows = this.#rows;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#table[slot];
      if (id === -1) return this.#add(dims, types, strides, values, slot);
      const at = id * COLUMNS;
      if (rows[at] === dims && rows[at + 1] === types && rows[at + 2] === strides && rows[at + 3] === values) return id;
    }
  }

  /** The texts of a number. */
  texts(id: number): InputTexts {
    const text = (column: number) => this.#texts.text(this.#rows[id * COLUMNS + column]);
    return { dims: text(0), types: text(1), strides: text(2), values: text(3) };
  }

  #add(dims: number, types: number, strides: number, values: number, slot: number): number {
    const id = this.#count;
    if ((id + 1) * COLUMNS > this.#rows.length) this.#rows = grow(this.#rows, Int32Array);
    this.#rows.set([dims, types, strides, values], id * COLUMNS);
    this.#table[slot] = id;
    this.#count += 1;
    if (this.#count * 2 > this.#table.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2).fill(-1);
    const known = this.#count;
    const rows = this.#rows;
    const mask = this.#table.length - 1;
    for (let id = 0; id < known; id += 1) {
      const at = id * COLUMNS;
      let slot = hashOf(rows[at], rows[at + 1], rows[at + 2], rows[at + 3]) & mask;
      while (this.#table[slot] !== -1) slot = (slot + 1) & mask;
      this.#table[slot] = id;
    }
  }
}

function hashOf(dims: number, types: number, strides: number, values: number): number {
  const hash =
    Math.imul(dims, 0x9e3779b1) ^
    Math.imul(types, 0x85ebca6b) ^
    Math.imul(strides, 0xc2b2ae35) ^
    Math.imul(values, 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}
