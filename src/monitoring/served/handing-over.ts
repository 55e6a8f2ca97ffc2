import type { Clock } from '../../base/time.ts';
import type { HandedBatch, HandOver } from '../../ports/hand-over.ts';
import { batchesOf, encodeHandedRows } from './handed-rows.ts';
import { HeldCounts } from './held-counts.ts';
import type { UnsentCount } from './unsent-counts.ts';

/** Bytes of batches that a process keeps while nobody takes them. */
const MOST_BYTES = 64 * 2 ** 20;

interface Pending extends HandedBatch {
  readonly rows: readonly Uint8Array[];
  readonly counts: readonly UnsentCount[];
}

export interface HandingOverOptions {
  readonly way: HandOver;
  readonly clock: Clock;
  /** Name of the process: no two have the same. */
  readonly process: string;
}

/**
 * Hands rows of profiles to the process that writes. A batch keeps its name until the way took it, so that one which arrived without an
 * answer counts once. Beyond a number of bytes the oldest keep their counts alone.
 */
export class HandingOver {
  /** Rows whose profiles were dropped because nobody took them. */
  lostRows = 0;
  readonly #options: HandingOverOptions;
  readonly #held = new HeldCounts();
  #pending: Pending[] = [];
  #batches = 0;

  constructor(options: HandingOverOptions) {
    this.#options = options;
  }

  /** Batches that wait. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Vectors of the rows that wait. */
  counts(): readonly UnsentCount[] {
    return [...this.#held.counts(), ...this.#pending.flatMap(({ counts }) => counts)];
  }

  /** Adds rows, and hands over what the way takes. Errors: those of the way; the rows wait then. */
  async add(rows: readonly Uint8Array[]): Promise<void> {
    for (const some of batchesOf(rows)) this.#pending.push(this.#batch(some));
    this.#bound();
    for (let [next] = this.#pending; next !== undefined; [next] = this.#pending) {
      if (!(await this.#options.way.push({ id: next.id, bytes: next.bytes }))) return;
      this.#pending = this.#pending.slice(1);
      if (!this.#held.isEmpty) this.#pending.push(this.#batch(this.#held.release()));
    }
  }

  #batch(rows: readonly Uint8Array[]): Pending {
    const { clock, process } = this.#options;
    const counted = new HeldCounts();
    counted.add(rows);
    this.#batches += 1;
    const id = `${clock().toString(36).padStart(9, '0')}-${process}-${this.#batches.toString(36).padStart(6, '0')}`;
    return { id, bytes: encodeHandedRows(rows), rows, counts: counted.counts() };
  }

  #bound(): void {
    let bytes = this.#pending.reduce((sum, batch) => sum + batch.bytes.length, 0);
    while (bytes > MOST_BYTES) {
      const oldest = this.#pending.shift();
      if (oldest === undefined) return;
      bytes -= oldest.bytes.length;
      this.lostRows += oldest.rows.length;
      this.#held.add(oldest.rows);
    }
  }
}
