import { FrequentKeys } from '../../../base/frequent-keys.ts';
import { objectBytes } from '../../../base/object-bytes.ts';
import type { BatchAnswer } from '../../../ports/online-store.ts';

type Values = BatchAnswer['values'];

/** Bytes of all rows where nothing else is said: 64 MiB. */
const DEFAULT_BYTES = 2 ** 26;

/** A row without its key and values: its places in two maps. */
const ROW_BYTES = 96;

/** The rows of a view's generation that were read: those of late, and those before. */
interface ViewRows {
  readonly number: number;
  readonly generation: number;
  hot: Map<string, Values>;
  cold: Map<string, Values>;
}

/**
 * Batch rows that were read often, in memory within a budget: when half of it is full of rows of late, those before leave. Hot path.
 */
export class KeptRows {
  readonly #maxBytes: number;
  readonly #views = new Map<string, ViewRows>();
  readonly #frequent = new FrequentKeys();
  #hotBytes = 0;
  #coldBytes = 0;

  constructor(maxBytes = DEFAULT_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the rows, about. */
  get bytes(): number {
    return this.#hotBytes + this.#coldBytes;
  }

  /** A row; null: the generation has none of the key; undefined: it is not known. */
  get(viewId: string, generation: number, key: string): Values | undefined {
    const rows = this.#views.get(viewId);
    if (rows === undefined || rows.generation !== generation) return undefined;
    const hot = rows.hot.get(key);
    if (hot !== undefined) return hot;
    const cold = rows.cold.get(key);
    if (cold === undefined) return undefined;
    rows.cold.delete(key);
    const bytes = bytesOf(key, cold);
    this.#coldBytes -= bytes;
    this.#add(rows, key, cold, bytes);
    return cold;
  }

  /** Keeps a row that was read, if its key is read often: others would drive out those that are. */
  read(viewId: string, generation: number, key: string, values: Values): void {
    const rows = this.#rowsOf(viewId, generation);
    const isFull = this.#coldBytes > 0;
    if (this.#frequent.isFrequent(rows.number, key, isFull ? rows.hot.size + rows.cold.size : 0))
      this.#add(rows, key, values, bytesOf(key, values));
  }

  #rowsOf(viewId: string, generation: number): ViewRows {
    const known = this.#views.get(viewId);
    if (known !== undefined && known.generation === generation) return known;
    this.drop(viewId);
    const rows = { number: this.#views.size, generation, hot: new Map(), cold: new Map() };
    this.#views.set(viewId, rows);
    return rows;
  }

  delete(viewId: string, key: string): void {
    const rows = this.#views.get(viewId);
    const hot = rows?.hot.get(key);
    const cold = rows?.cold.get(key);
    if (hot !== undefined) this.#hotBytes -= bytesOf(key, hot);
    if (cold !== undefined) this.#coldBytes -= bytesOf(key, cold);
    rows?.hot.delete(key);
    rows?.cold.delete(key);
  }

  /** Drops the rows of a view. */
  drop(viewId: string): void {
    const rows = this.#views.get(viewId);
    if (rows === undefined) return;
    for (const [key, values] of rows.hot) this.#hotBytes -= bytesOf(key, values);
    for (const [key, values] of rows.cold) this.#coldBytes -= bytesOf(key, values);
    this.#views.delete(viewId);
  }

  clear(): void {
    this.#views.clear();
    this.#hotBytes = 0;
    this.#coldBytes = 0;
  }

  #add(rows: ViewRows, key: string, values: Values, bytes: number): void {
    if (this.#hotBytes + bytes > this.#maxBytes / 2) this.#age();
    rows.hot.set(key, values);
    this.#hotBytes += bytes;
  }

  #age(): void {
    for (const rows of this.#views.values()) {
      rows.cold = rows.hot;
      rows.hot = new Map();
    }
    this.#coldBytes = this.#hotBytes;
    this.#hotBytes = 0;
  }
}

function bytesOf(key: string, values: Values): number {
  return ROW_BYTES + 2 * key.length + objectBytes(values);
}
