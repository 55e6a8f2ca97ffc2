import { valueBytes } from '../../base/value-bytes.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';

/** Bytes of a delivery besides its values, about. */
const DELIVERY_BYTES = 100;

/** Deliveries that came early, and up to which offsets, by source and partition, others came that were left to the log. */
export interface DrainedEarly {
  readonly kept: readonly JudgedDeliveries[];
  readonly leftTo: ReadonlyMap<string, readonly number[]>;
}

/**
 * Deliveries that come before their reader is open. Beyond a number of bytes they are left to the log. From then on all are, so that the
 * kept ones have no gap.
 */
export class EarlyDeliveries {
  /** Deliveries that wait, and their bytes, estimated. */
  rows = 0;
  bytes = 0;
  readonly #mostBytes: number;
  #kept: JudgedDeliveries[] = [];
  #leftTo = new Map<string, number[]>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  add(judged: JudgedDeliveries): void {
    const { source, partition, offset, deliveries } = judged;
    if (this.#leftTo.size > 0 || this.bytes >= this.#mostBytes) {
      const ends = this.#leftTo.get(source.name) ?? [];
      ends[partition] = Math.max(ends[partition] ?? 0, offset + deliveries.length);
      this.#leftTo.set(source.name, ends);
      return;
    }
    this.#kept.push(judged);
    this.rows += deliveries.length;
    for (const { row } of deliveries) {
      this.bytes += DELIVERY_BYTES;
      for (const value of row) this.bytes += valueBytes(value);
    }
  }

  /** Hands over all, and has none. */
  drain(): DrainedEarly {
    const drained = { kept: this.#kept, leftTo: this.#leftTo };
    this.#kept = [];
    this.#leftTo = new Map();
    this.rows = 0;
    this.bytes = 0;
    return drained;
  }
}
