import { formatSize } from '../base/byte-size.ts';
import { fail } from '../base/errors/fail.ts';
import { LEAST_MEMORY } from '../ports/options.ts';
import type { MachineMemory } from './machine-memory.ts';

/** Shares of a control group's limit, and of a machine, that the processes of one service take without the option `memory`. */
const LIMIT_SHARE = 1 / 2;
const MACHINE_SHARE = 1 / 4;

/** The most that a process takes without the option: beyond it the limit of V8's heap would come first. */
const MOST_DEFAULT = 4 * 2 ** 30;

/** About what a process takes of its own without any key. */
const PROCESS_BYTES = 256 * 2 ** 20;

/** About what a process takes outside V8 and the history: code, threads, the pages that a store is writing. */
const NATIVE_BYTES = 128 * 2 ** 20;

/** Share of the memory that queries of the history may take without an option, and its bounds in bytes. */
const HISTORY_SHARE = 0.25;
export const LEAST_HISTORY = 64_000_000;
const DEFAULT_HISTORY = 2 ** 28;

/** Share of the rest for data that grows with keys. Garbage that V8 has not collected yet takes the remainder. */
const KEYS_SHARE = 0.8;

/** Shares of the memory for data that grows with keys: ids that wait for labels, rows that wait for the history. */
const LABEL_SHARE = 1 / 16;
const HISTORY_QUEUE_SHARE = 1 / 4;
const PREDICTION_QUEUE_SHARE = 1 / 16;

/** Pages of a store that a commit may change: what is in the memory of the process itself, and the share of that for keys. */
const LEAST_PAGES = 64_000_000;
const PAGES_SHARE = 1 / 4;

/** A queue that is much smaller would write many small files. */
const LEAST_QUEUE = 16_000_000;

/** Bytes for each of the `cacheKeys` that an environment still names. */
const CACHE_KEY_BYTES = 4_096;

/** The options that share out the memory of a process. */
interface MemoryOptions {
  readonly memory: number | undefined;
  readonly cacheKeys: number | undefined;
  readonly history: number | undefined;
  /** Bytes without the option `memory`. */
  readonly otherwise: number;
}

/** Bytes of memory of each of a service's processes without the option `memory`. */
export function defaultMemory({ bytes, isLimit }: MachineMemory, processes: number): number {
  const share = ((isLimit ? LIMIT_SHARE : MACHINE_SHARE) * bytes) / processes;
  return Math.floor(Math.min(MOST_DEFAULT, Math.max(LEAST_MEMORY, share)));
}

/** Bytes of a process's memory by part. */
interface MemoryShares {
  readonly keysBytes: number;
  readonly historyBytes: number;
  /** Of V8's heap and buffers, beyond which garbage is collected early. */
  readonly heapBytes: number;
}

/**
 * The parts of the memory for queries of the history, for data that grows with keys, and for V8. A larger history without `memory` raises
 * the default. Error: CONFIG_OPTION for a history of more than half of the memory.
 */
export function memoryShares(name: string, { memory, cacheKeys, history, otherwise }: MemoryOptions): MemoryShares {
  const bytes = memory ?? otherwise + Math.max(0, (history ?? 0) - historyOf(otherwise));
  if (memory !== undefined && history !== undefined && history > Math.max(bytes / 2, LEAST_HISTORY))
    throw fail('CONFIG_OPTION', {
      name,
      reason: `offline.memory: ${formatSize(history)} is more than half of memory, ${formatSize(bytes)}; raise memory`,
    });
  const historyBytes = history ?? historyOf(bytes);
  const rest = KEYS_SHARE * (bytes - PROCESS_BYTES - historyBytes);
  const keysBytes =
    cacheKeys === undefined
      ? Math.floor(Math.max(bytes / 4, rest))
      : Math.max(LEAST_MEMORY, cacheKeys * CACHE_KEY_BYTES);
  const heapBytes = Math.max(bytes - historyBytes - NATIVE_BYTES, keysBytes + NATIVE_BYTES);
  return { keysBytes, historyBytes, heapBytes };
}

/** Bytes for queries of the history without an option. */
function historyOf(bytes: number): number {
  return Math.floor(Math.min(DEFAULT_HISTORY, Math.max(LEAST_HISTORY, HISTORY_SHARE * bytes)));
}

/** Bytes that may wait in memory. */
export interface WaitingShares {
  /** Ids of predictions that wait for labels; the others wait on the disk. */
  readonly labelBytes: number;
  /** Events, tiles and sampled vectors that wait for the history. */
  readonly historyBytes: number;
  /** Predictions of all models that wait for the history; the others wait in the log. */
  readonly predictionBytes: number;
}

/** The parts of the memory for data that grows with keys (`keysBytes`) that rows and ids may take while they wait. */
export function waitingShares(keysBytes: number): WaitingShares {
  return {
    labelBytes: Math.floor(LABEL_SHARE * keysBytes),
    historyBytes: Math.floor(Math.max(LEAST_QUEUE, HISTORY_QUEUE_SHARE * keysBytes)),
    predictionBytes: Math.floor(Math.max(LEAST_QUEUE, PREDICTION_QUEUE_SHARE * keysBytes)),
  };
}

/** The part of a queue's bytes that other data must leave room for: a small queue is in the memory of the process itself. */
export function beyondLeastQueue(bytes: number): number {
  return Math.max(0, bytes - LEAST_QUEUE);
}

/** The most bytes of a store's pages that a commit may change, of the memory for data that grows with keys. */
export function pageBytes(keysBytes: number): number {
  return Math.floor(Math.min(LEAST_PAGES, keysBytes) + PAGES_SHARE * keysBytes);
}

/** The part of such pages that other data must leave room for. */
export function beyondLeastPages(bytes: number): number {
  return Math.max(0, bytes - LEAST_PAGES);
}
