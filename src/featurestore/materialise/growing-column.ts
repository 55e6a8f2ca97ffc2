import type { OfflineValue, RowBatch } from '../../ports/offline-store.ts';

/**
 * The values of a column of the offline store while its rows come: a bank of numbers as long as all are numbers, so
 * that none is a separate object. Hot path.
 */
export class GrowingColumn {
  #numbers: Float64Array | null = new Float64Array(64);
  #mixed: OfflineValue[] = [];
  #length = 0;

  push(value: OfflineValue): void {
    if (this.#numbers === null) {
      this.#mixed.push(value);
      return;
    }
    if (typeof value !== 'number') {
      this.#mixed = [...this.#numbers.subarray(0, this.#length), value];
      this.#numbers = null;
      return;
    }
    if (this.#length === this.#numbers.length) {
      const grown = new Float64Array(this.#length * 2);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }

  /** The first values. */
  values(count: number): RowBatch['columns'][number] {
    return this.#numbers?.subarray(0, count) ?? this.#mixed;
  }
}
