import type { EventEmitter } from 'node:events';
import { parseMessage, type ToWorker } from './worker-part.ts';

/** Rows of logged vectors that a process keeps while nobody takes them. */
export const MOST_ROWS = 100_000;

/** The messages of the parent to a worker. */
export interface Channel {
  /** When the process is to stop: as the one that started it says, or somebody who ends this one alone. */
  readonly stopped: Promise<void>;
  /** Hands every other message to `take`, those that came before this call first, in their order. */
  readonly takeBy: (take: (message: ToWorker) => void) => void;
}

/** Listens to this process, or to a stand-in for it. */
export function openChannel(heard: EventEmitter = process): Channel {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const waiting: ToWorker[] = [];
  let rows = 0;
  let take = (message: ToWorker) => {
    // The readers keep logging, however long this process takes to open.
    if (rowsOf(message) > 0 && rows >= MOST_ROWS) return;
    rows += rowsOf(message);
    waiting.push(message);
  };
  heard.on('message', (received: unknown) => {
    const message = parseMessage<ToWorker>(received);
    if (message?.kind === 'stop') resolve();
    else if (message !== null) take(message);
  });
  heard.once('SIGTERM', resolve);
  // Of a terminal it goes to all processes at once; the first of them tells the others in order.
  heard.on('SIGINT', () => undefined);
  return {
    stopped,
    takeBy: (next) => {
      take = next;
      for (const message of waiting.splice(0)) next(message);
    },
  };
}

function rowsOf(message: ToWorker): number {
  return 'tables' in message ? message.tables.reduce((rows, table) => rows + table.rows, 0) : 0;
}
