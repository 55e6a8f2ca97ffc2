import { hostKinds, type Trace } from '../trace/trace.ts';

/** The launching calls of a trace, by correlation. */
export interface Launches {
  /** The host event that launched a GPU event, the earliest of several; -1 if it is not in the trace. */
  readonly ofGpu: Int32Array;
  /** Whether a trace has any launching call. */
  readonly any: boolean;
}

/** Joins GPU events with the runtime and driver calls of the same correlation. */
export function joinLaunches({ gpu, host }: Trace): Launches {
  const calls = new CorrelationIndex(host);
  const ofGpu = new Int32Array(gpu.length).fill(-1);
  let any = false;
  for (let row = 0; row < gpu.length; row += 1) {
    if (gpu.correlation[row] === -1) continue;
    ofGpu[row] = calls.of(gpu.correlation[row]);
    any ||= ofGpu[row] >= 0;
  }
  return { ofGpu, any };
}

/**
 * The earliest call of each correlation. Open addressing over row numbers: a trace of a gigabyte has millions of calls, and a
 * Map of them takes five times the memory of its columns.
 */
export class CorrelationIndex {
  readonly #host: Trace['host'];
  readonly #slots: Int32Array;

  constructor(host: Trace['host']) {
    this.#host = host;
    let count = 0;
    for (let row = 0; row < host.length; row += 1) count += isCall(host, row) ? 1 : 0;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * count + 2))).fill(-1);
    for (let row = 0; row < host.length; row += 1) {
      if (!isCall(host, row)) continue;
      const slot = this.#slotOf(host.link[row]);
      const known = this.#slots[slot];
      if (known < 0 || host.ts[row] < host.ts[known]) this.#slots[slot] = row;
    }
  }

  /** The call of a correlation, or -1. */
  of(correlation: number): number {
    return this.#slots[this.#slotOf(correlation)];
  }

  /** Where a correlation is, or the free place where it would be. */
  #slotOf(correlation: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    // Correlations count up, and of nsys exports hold the process above bit 32.
    let hash = Math.imul((correlation | 0) ^ Math.imul((correlation / 2 ** 32) | 0, 0x85ebca6b), 0x9e3779b1);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot];
      if (row < 0 || this.#host.link[row] === correlation) return slot;
    }
  }
}

function isCall(host: Trace['host'], row: number): boolean {
  return host.kind[row] >= hostKinds.runtime && host.link[row] !== -1;
}
