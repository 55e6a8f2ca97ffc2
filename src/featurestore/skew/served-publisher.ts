import type { OfflineStore, TableAppend } from '../../ports/offline-store.ts';
import { publishStorable } from '../publish-storable.ts';

const WRITER = 'served';
/** Rows that wait beyond this, because nothing can be published, are dropped, the oldest first. */
const MOST_WAITING = 1_000_000;

/**
 * Publishes logged rows while serving continues. Rows that cannot be published wait for the next time, up to a bound.
 */
export class ServedPublisher {
  /** Rows dropped since the start. */
  lost = 0;
  readonly #offline: Pick<OfflineStore, 'publish'>;
  /** Changes on their way, or that could not be published, in order. */
  readonly #waiting: (readonly TableAppend[])[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(offline: Pick<OfflineStore, 'publish'>) {
    this.#offline = offline;
  }

  /** Keeps tables for the next publish. */
  keep(tables: readonly TableAppend[]): void {
    if (tables.length > 0) this.#waiting.push(tables);
    this.#bound();
  }

  /** Publishes tables, after those that wait. */
  publish(tables: readonly TableAppend[]): Promise<void> {
    if (tables.length > 0) this.#waiting.push(tables);
    const turn = this.#turn.then(() => this.#publishAll());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #publishAll(): Promise<void> {
    try {
      for (let change = this.#waiting[0]; change !== undefined; change = this.#waiting[0]) {
        await publishStorable(this.#offline, { writer: WRITER, position: {}, mode: 'append', tables: change });
        this.#waiting.shift();
      }
    } catch (error) {
      this.#bound();
      throw error;
    }
  }

  /** Rows that are not published. */
  get waiting(): number {
    return this.#waiting.reduce((sum, change) => sum + rowsOf(change), 0);
  }

  #bound(): void {
    let rows = this.waiting;
    while (rows > MOST_WAITING) {
      const oldest = rowsOf(this.#waiting.shift() ?? []);
      rows -= oldest;
      this.lost += oldest;
    }
  }
}

function rowsOf(change: readonly TableAppend[]): number {
  return change.reduce((sum, table) => sum + table.rows, 0);
}
