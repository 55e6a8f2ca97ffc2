import type { Partition } from './batch-spec.ts';
import type { RowRange } from './score-range.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A place for a worker; its process may be replaced. */
export interface Slot {
  readonly index: number;
  process: WorkerProcess | null;
  isReady: boolean;
  partition: Partition | null;
  begunAt: number;
  /** The rows that run now. */
  running: RowRange | null;
  heardAt: number;
  isHung: boolean;
}

/** A place without a worker. */
export function newSlot(index: number): Slot {
  return {
    index,
    process: null,
    isReady: false,
    partition: null,
    begunAt: 0,
    running: null,
    heardAt: 0,
    isHung: false,
  };
}
