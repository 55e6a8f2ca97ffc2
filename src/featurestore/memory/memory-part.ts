import { bytesText } from '../../observe/bytes-text.ts';
import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import { isFull, type QueueReport } from '../../observe/queue-report.ts';

/** Memory that grows with keys, of one process. */
export interface MemoryReport {
  readonly budgetBytes: number;
  /** The most bytes that queries of the history take in addition; 0: the process does not read it. */
  readonly historyBytes: number;
  /** By part: tiles (with the answers kept of them), pages of commits, ids, rows of batch views, filters of keys, ids that wait for labels. */
  readonly parts: Readonly<Record<string, number>>;
  /** Bytes of tiles that may not leave before they are in the store. */
  readonly uncommittedBytes: number;
  /** Keys of all views in memory. */
  readonly keys: number;
  /** Keys that left memory to make room since the start. */
  readonly evicted: number;
  /** Rows that wait for a slower store. */
  readonly queues: readonly QueueReport[];
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
      help: 'Memory that grows with keys, estimated: tiles and answers kept of them, pages of commits, ids, batch rows, filters, ids that wait for labels',
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
      name: 'headrace_queue_rows',
      type: 'gauge',
      unit: 'rows',
      labels: ['queue'],
      help: 'Rows that wait in memory, by queue: history (events, tiles, sampled vectors), predictions; in a reader sampled vectors, predictions to the writer',
      read: (report) => report().queues.map(({ name, rows }) => [{ queue: name }, rows]),
    },
    {
      name: 'headrace_queue_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: ['queue'],
      help: 'Memory of the rows that wait, estimated',
      alerts: [
        {
          name: 'HeadraceQueueFull',
          expr: 'headrace_queue_bytes >= headrace_queue_bound_bytes',
          for: '5m',
          severity: 'page',
          summary:
            'The queue {{ $labels.queue }} is full: the history takes rows more slowly than they come, or cannot be written. Run `headrace status`.',
        },
      ],
      read: (report) => report().queues.map(({ name, bytes }) => [{ queue: name }, bytes]),
    },
    {
      name: 'headrace_queue_bound_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: ['queue'],
      help: 'The most memory that rows may take while they wait: a part of the option memory',
      read: (report) => report().queues.map(({ name, mostBytes }) => [{ queue: name }, mostBytes]),
    },
    {
      name: 'headrace_queue_turned_away_total',
      type: 'counter',
      unit: 'rows',
      labels: ['queue'],
      help: 'history: calls that waited for room. predictions: rows that were left to the log until there is room. Others: rows that were dropped or refused',
      read: (report) => report().queues.map(({ name, turnedAway }) => [{ queue: name }, turnedAway]),
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
    const { budgetBytes, parts, queues } = report();
    const beside = besideTiles(parts);
    const full = queues.filter(isFull).map(fullText);
    if (beside <= MOST_BESIDE_TILES * budgetBytes) return full;
    return [
      ...full,
      `ids, batch rows and filters take ${bytesText(beside)} of the memory budget of ${bytesText(budgetBytes)}; raise memory, or shorten the lateness of the sources`,
    ];
  },
  status: (report) => ({ memory: report() }),
  lines: ({ memory: { budgetBytes, historyBytes, parts, keys, evicted, queues } }) => {
    const named = Object.entries(parts).map(([part, bytes]) => `${part} ${bytesText(bytes)}`);
    const shares = `${named.join(', ')} of ${bytesText(budgetBytes)}; history at most ${bytesText(historyBytes)}`;
    return [
      'memory',
      `  ${shares}; ${keys} keys, ${evicted} left to make room`,
      ...queues.filter(({ rows }) => rows > 0).map((queue) => `  waiting: ${queueText(queue)}`),
    ];
  },
};

function queueText({ name, rows, bytes, mostBytes }: QueueReport): string {
  return `${name} ${rows} rows, ${bytesText(bytes)} of ${bytesText(mostBytes)}`;
}

function fullText(queue: QueueReport): string {
  return `the queue is full: ${queueText(queue)}; ${queue.whenFull}`;
}

function besideTiles(parts: MemoryReport['parts']): number {
  return Object.entries(parts).reduce((sum, [part, bytes]) => (part === 'tiles' ? sum : sum + bytes), 0);
}
