import { turnsInOrder } from '../../base/in-turn.ts';
import { valueBytes } from '../../base/value-bytes.ts';
import type { OfflineStore, TableAppend } from '../../ports/offline-store.ts';
import { publishStorable } from '../publish-storable.ts';

const WRITER = 'served';
/** Rows that wait beyond these bytes, because nothing can be published, are dropped, the oldest first. */
const MOST_BYTES = 16_000_000;

/** Tables of one drain, and about the bytes of their rows. */
interface Waiting {
  readonly tables: readonly TableAppend[];
  readonly bytes: number;
}

/**
 * Publishes logged rows while serving continues. Rows that cannot be published wait for the next time, up to a bound.
 */
export class ServedPublisher {
  /** Rows dropped since the start. */
  lost = 0;
  readonly #offline: Pick<OfflineStore, 'publish'>;
  /** Changes on their way, or that could not be published, in order. */
  readonly #waiting: Waiting[] = [];
  readonly #mostBytes: number;
  readonly #inTurn = turnsInOrder();

  constructor(offline: Pick<OfflineStore, 'publish'>, mostBytes = MOST_BYTES) {
    this.#offline = offline;
    this.#mostBytes = mostBytes;
  }

  /** Keeps tables for the next publish. */
  keep(tables: readonly TableAppend[]): void {
    if (tables.length > 0) this.#waiting.push({ tables, bytes: bytesOf(tables) });
    this.#bound();
  }

  /** Publishes tables, after those that wait. */
  publish(tables: readonly TableAppend[]): Promise<void> {
    if (tables.length > 0) this.#waiting.push({ tables, bytes: bytesOf(tables) });
    return this.#inTurn(() => this.#publishAll());
  }

  async #publishAll(): Promise<void> {
    try {
      for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
        const { tables } = first;
        await publishStorable(this.#offline, { writer: WRITER, position: {}, mode: 'append', tables });
        this.#waiting.shift();
      }
    } catch (error) {
      this.#bound();
      throw error;
    }
  }

  /** Rows that are not published. */
  get waiting(): number {
    return this.#waiting.reduce((sum, { tables }) => sum + rowsOf(tables), 0);
  }

  /** Bytes of the rows that are not published, estimated. */
  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #bound(): void {
    while (this.#waiting.length > 1 && this.waitingBytes > this.#mostBytes)
      this.lost += rowsOf(this.#waiting.shift()?.tables ?? []);
  }
}

function rowsOf(tables: readonly TableAppend[]): number {
  return tables.reduce((sum, table) => sum + table.rows, 0);
}

function bytesOf(tables: readonly TableAppend[]): number {
  let bytes = 0;
  for (const { columns } of tables)
    for (const column of columns)
      if (ArrayBuffer.isView(column)) bytes += column.byteLength;
      else for (const value of column) bytes += valueBytes(value);
  return bytes;
}
