import { bytesText } from '../../observe/bytes-text.ts';
import { type PartKind, samplesBy } from '../../observe/part-kind.ts';

/** Memory that grows with keys, of one process. */
export interface MemoryReport {
  readonly budgetBytes: number;
  /** The most bytes that queries of the history take in addition; 0: the process does not read it. */
  readonly historyBytes: number;
  /** By part: tiles (with the answers kept of them), ids, rows of batch views, filters of keys. */
  readonly parts: Readonly<Record<string, number>>;
  /** Bytes of tiles that may not leave before they are in the store. */
  readonly uncommittedBytes: number;
  /** Keys of all views in memory. */
  readonly keys: number;
  /** Keys that left memory to make room since the start. */
  readonly evicted: number;
}

export interface MemoryStatus {
  readonly memory: MemoryReport;
}

/** The share of the budget that batch rows may take. */
export function rowBytesOf(budgetBytes: number): number {
  return Math.floor(budgetBytes / 8);
}

/** Tiles always have a quarter of the budget: other parts beyond the rest exceed it. */
const MOST_BESIDE_TILES = 0.75;

/** The budget of memory that grows with keys. */
export const memoryPart: PartKind<() => MemoryReport, MemoryStatus> = {
  name: 'memory',
  figures: [
    {
      name: 'headrace_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: ['part'],
      help: 'Memory that grows with keys, estimated: tiles and answers kept of them, ids, batch rows, filters',
      read: (report) => samplesBy({}, 'part', report().parts),
    },
    {
      name: 'headrace_memory_budget_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'The option memory: the budget of memory that grows with keys',
      alerts: [
        {
          name: 'HeadraceMemoryBeyondBudget',
          expr: 'sum without (part) (headrace_memory_bytes) > 1.05 * headrace_memory_budget_bytes',
          for: '10m',
          severity: 'ticket',
          summary:
            'Memory that grows with keys takes {{ $value | humanize1024 }}B, beyond its budget. Raise memory, or shorten the lateness of the sources.',
        },
      ],
      read: (report) => [[{}, report().budgetBytes]],
    },
    {
      name: 'headrace_memory_history_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'The most memory that queries of the history take: a part of the option memory',
      read: (report) => [[{}, report().historyBytes]],
    },
    {
      name: 'headrace_memory_uncommitted_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Tiles in memory that may not leave before they are in the online store',
      read: (report) => [[{}, report().uncommittedBytes]],
    },
    {
      name: 'headrace_memory_keys',
      type: 'gauge',
      unit: 'keys',
      labels: [],
      help: 'Keys of all views whose tiles are in memory',
      read: (report) => [[{}, report().keys]],
    },
    {
      name: 'headrace_memory_evicted_keys_total',
      type: 'counter',
      unit: 'keys',
      labels: [],
      help: 'Keys that left memory to make room for others',
      read: (report) => [[{}, report().evicted]],
    },
  ],
  health: (report) => {
    const { budgetBytes, parts } = report();
    const beside = besideTiles(parts);
    if (beside <= MOST_BESIDE_TILES * budgetBytes) return [];
    return [
      `ids, batch rows and filters take ${bytesText(beside)} of the memory budget of ${bytesText(budgetBytes)}; raise memory, or shorten the lateness of the sources`,
    ];
  },
  status: (report) => ({ memory: report() }),
  lines: ({ memory: { budgetBytes, historyBytes, parts, keys, evicted } }) => {
    const named = Object.entries(parts).map(([part, bytes]) => `${part} ${bytesText(bytes)}`);
    const shares = `${named.join(', ')} of ${bytesText(budgetBytes)}; history at most ${bytesText(historyBytes)}`;
    return ['memory', `  ${shares}; ${keys} keys, ${evicted} left to make room`];
  },
};

function besideTiles(parts: MemoryReport['parts']): number {
  return Object.entries(parts).reduce((sum, [part, bytes]) => (part === 'tiles' ? sum : sum + bytes), 0);
}
