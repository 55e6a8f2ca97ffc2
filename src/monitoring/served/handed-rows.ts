import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { HandOver } from '../../ports/hand-over.ts';
import { readableRows } from './profile-row.ts';
import type { ProfileTopic } from './profile-topic.ts';

/**
 * Rows of profiles that a process hands over at once:
 *
 * ```
 * batch = u8(1) varint(rows) *(varint(bytes) row)
 * ```
 */
const FORMAT = 1;

/** Batches of a few megabytes that are in memory at once. */
const TAKEN_AT_ONCE = 4;

/** Bytes of rows in a batch, about. */
const BATCH_BYTES = 4 * 2 ** 20;

export function encodeHandedRows(rows: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter(1 << 12);
  out.u8(FORMAT);
  out.varint(rows.length);
  for (const row of rows) {
    out.varint(row.length);
    out.bytes(row);
  }
  return out.finish();
}

/** Errors: DRIFT_PROFILE, BYTES_DAMAGED. */
export function decodeHandedRows(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes[0] !== FORMAT)
    throw fail('DRIFT_PROFILE', { reason: `the version of handed rows is ${bytes[0] ?? 'absent'}` });
  const reader = new ByteReader('handed rows of profiles', bytes.subarray(1));
  const rows: Uint8Array[] = [];
  for (let left = reader.varint(); left > 0; left -= 1) rows.push(reader.bytes(reader.varint()).slice());
  reader.end();
  return rows;
}

/** Rows in batches of a few megabytes. */
export function batchesOf(rows: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const batches: Uint8Array[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (bytes >= BATCH_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    bytes += row.length;
    batches[batches.length - 1].push(row);
  }
  return batches;
}

export interface HandedRowsOptions {
  readonly ways: readonly HandOver[];
  readonly topic: ProfileTopic;
  /** Takes rows of a batch; all are in the log, or counted, when it ends. */
  readonly take: (rows: readonly Uint8Array[], batch: string) => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

/** Names of batches that are known; the oldest go. */
const MOST_KNOWN = 10_000;

/** Takes the rows that processes without a way to the log have handed over. Each batch is taken once, over a crash too. */
export class HandedRows {
  readonly #options: HandedRowsOptions;
  /** Taken batches: a push without an answer comes twice. */
  readonly #taken = new Set<string>();
  /** Rows in the log of batches that a dead process may not have dropped. */
  #begun: Map<string, number> | null = null;

  constructor(options: HandedRowsOptions) {
    this.#options = options;
  }

  /** Takes everything that waits. Errors: those of the log and of the ways; nothing is lost then. */
  async takeAll(): Promise<void> {
    for (const way of this.#options.ways)
      for (;;) {
        const batches = await way.peek(TAKEN_AT_ONCE);
        if (batches.length === 0) break;
        for (const { id, bytes } of batches) {
          await this.#takeOne(id, bytes);
          await way.drop([id]);
        }
      }
  }

  async #takeOne(id: string, bytes: Uint8Array): Promise<void> {
    const { topic, take, onFault } = this.#options;
    this.#begun ??= await topic.recentBatches();
    if (this.#taken.has(id)) return;
    try {
      const rows = readableRows(decodeHandedRows(bytes), onFault);
      // A batch is appended in order: what the log lacks is its end.
      await take(rows.slice(this.#begun.get(id) ?? 0), id);
    } catch (error) {
      // Rows that cannot be read never can be.
      if (!isHeadraceError(error) || !UNREADABLE.has(error.code)) throw error;
      onFault(error);
    }
    this.#taken.add(id);
    const [oldest] = this.#taken;
    if (this.#taken.size > MOST_KNOWN && oldest !== undefined) this.#taken.delete(oldest);
  }
}

const UNREADABLE: ReadonlySet<string> = new Set(['DRIFT_PROFILE', 'BYTES_DAMAGED', 'BYTES_VERSION']);
