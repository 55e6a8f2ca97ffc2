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
    if (gpu.correlation[row] < 0) continue;
    ofGpu[row] = calls.of(gpu.correlation[row]);
    any ||= ofGpu[row] >= 0;
  }
  return { ofGpu, any };
}

/** The earliest call of each correlation: in an array where correlations lie close together, as they do, else in a map. */
class CorrelationIndex {
  readonly #least: number;
  readonly #dense: Int32Array | undefined;
  readonly #sparse = new Map<number, number>();

  constructor(host: Trace['host']) {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    let count = 0;
    for (let row = 0; row < host.length; row += 1) {
      if (host.kind[row] < hostKinds.runtime || host.link[row] < 0) continue;
      least = Math.min(least, host.link[row]);
      most = Math.max(most, host.link[row]);
      count += 1;
    }
    this.#least = least;
    const isDense = most - least < 8 * count + 1024 && Number.isInteger(least);
    this.#dense = isDense ? new Int32Array(most - least + 1).fill(-1) : undefined;
    for (let row = 0; row < host.length; row += 1) {
      if (host.kind[row] < hostKinds.runtime || host.link[row] < 0) continue;
      const known = this.of(host.link[row]);
      if (known < 0 || host.ts[row] < host.ts[known]) this.#set(host.link[row], row);
    }
  }

  /** The call of a correlation, or -1. */
  of(correlation: number): number {
    return (this.#dense === undefined ? this.#sparse.get(correlation) : this.#dense[correlation - this.#least]) ?? -1;
  }

  #set(correlation: number, row: number): void {
    if (this.#dense === undefined) this.#sparse.set(correlation, row);
    else this.#dense[correlation - this.#least] = row;
  }
}
