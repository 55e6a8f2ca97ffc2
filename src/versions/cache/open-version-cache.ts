import type { Environment } from '../../environment/config.ts';
import type { Runtimes } from '../load/load-version.ts';
import type { QueueLimits } from '../queue/queue-options.ts';
import { VersionCache } from './version-cache.ts';

export interface OpenVersionCacheOptions {
  readonly environment: Pick<Environment, 'models'>;
  readonly runtimes: Runtimes;
  /** Processes that share the bounds of the queues: each takes its part. */
  readonly processes?: number;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** The loaded versions of a process of an environment; none is loaded yet. */
export function openVersionCache({ environment, processes = 1, ...options }: OpenVersionCacheOptions): VersionCache {
  const { memoryBytes, isolated, queue } = environment.models;
  return new VersionCache({ ...options, limits: queueLimits(queue, processes), budgetBytes: memoryBytes, isolated });
}

/** The bounds of a queue of one of some processes. */
function queueLimits(queue: Environment['models']['queue'], processes: number): QueueLimits {
  return {
    mostRows: partOf(queue.rows, processes),
    mostRowsOfTenant: partOf(queue.rowsOfCaller, processes),
    weights: queue.weights,
  };
}

/** The part of one of some processes in a bound, so that all of them together keep it; at least 1. */
function partOf(bound: number, processes: number): number {
  return Math.max(1, Math.floor(bound / processes));
}
