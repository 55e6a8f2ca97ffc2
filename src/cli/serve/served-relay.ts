import { MOST_ROWS } from './worker-channel.ts';
import type { Served, ToWorker } from './worker-part.ts';

/** The receiving end of a process, as `node:cluster` has it. */
export interface Receiver {
  isConnected(): boolean;
  send(message: ToWorker, sent: () => void): unknown;
}

/**
 * Relays sampled rows from processes that read to the one that writes. While it takes no messages, at most a number of rows are on their way;
 * further ones return to their sender, which keeps the newest.
 */
export class ServedRelay {
  readonly #most: number;
  /** Rows on their way to each process that writes. */
  readonly #rows = new WeakMap<Receiver, number>();

  constructor(most = MOST_ROWS) {
    this.#most = most;
  }

  relay(served: Served, writer: Receiver | undefined, giveBack: (returned: ToWorker) => void): void {
    const onWay = writer === undefined ? 0 : (this.#rows.get(writer) ?? 0);
    if (writer?.isConnected() !== true || onWay >= this.#most) {
      giveBack({ ...served, kind: 'returned' });
      return;
    }
    const rows = served.profiles.length + served.tables.reduce((sum, table) => sum + table.rows, 0);
    this.#rows.set(writer, onWay + rows);
    writer.send(served, () => this.#rows.set(writer, (this.#rows.get(writer) ?? 0) - rows));
  }
}
