import { crc32 } from 'node:zlib';
import type { RootDatabase } from 'lmdb';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';

/** All keys from `start` on, before `end`. */
export interface KeySpan {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

/** What LMDB says of a file that it cannot make sense of. */
const DAMAGE = /MDB_(PAGE_NOTFOUND|CORRUPTED|INVALID|BAD_TXN|PANIC|VERSION_MISMATCH)/;

/**
 * The entries of an LMDB file, each with a sum, since LMDB has none: a value that was damaged, or stands under another
 * key, is STORE_CORRUPT.
 *
 * ```
 * value = check content
 * check = u32                       ; little-endian, CRC-32 of key and content
 * ```
 */
export class Entries {
  readonly #database: RootDatabase<Uint8Array, Uint8Array>;
  readonly #path: string;

  constructor(database: RootDatabase<Uint8Array, Uint8Array>, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Frees the places of processes that died while they read: pages that they could see are not used again before. */
  dropDeadReaders(): void {
    this.#database.readerCheck();
  }

  /** The content of an entry, valid until the next call; undefined if there is none. Hot path. Error: STORE_CORRUPT. */
  get(key: Uint8Array): Uint8Array | undefined {
    const place = asBuffer(key);
    try {
      const value = this.#database.getBinaryFast(place);
      return value === undefined ? undefined : this.#open(place, value);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Sees the entries of a span in order of their keys; the content is valid during the call. Error: STORE_CORRUPT. */
  each(span: KeySpan, see: (key: Uint8Array, content: Uint8Array) => void): void {
    try {
      for (const { key, value } of this.#database.getRange(range(span))) see(key, this.#open(key, value));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** The keys of a span in their order, the first `most` of them. */
  keys(span: KeySpan, most = Number.MAX_SAFE_INTEGER): readonly Uint8Array[] {
    try {
      return [...this.#database.getKeys({ ...range(span), limit: most })];
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Puts an entry, within `write`. */
  put(key: Uint8Array, content: Uint8Array): void {
    const value = Buffer.allocUnsafe(content.length + 4);
    value.writeUInt32LE(crc32(content, crc32(key)), 0);
    value.set(content, 4);
    this.#database.putSync(asBuffer(key), value);
  }

  remove(key: Uint8Array): void {
    this.#database.removeSync(asBuffer(key));
  }

  /** One transaction, on the disk on return: all of the work or, where it throws, nothing; gives what the work does. Error: STORE_WRITE, STORE_CORRUPT. */
  write<T>(work: () => T): T {
    try {
      return this.#database.transactionSync(work);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Reads from here on see what another thread has committed. */
  refresh(): void {
    this.#database.resetReadTxn();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #open(key: Uint8Array, value: Uint8Array): Uint8Array {
    if (!isSealed(key, value))
      throw fail('STORE_CORRUPT', { path: this.#path, reason: 'the sum of an entry does not fit' });
    return contentOf(value);
  }

  #failure(error: unknown): Error {
    if (isHeadraceError(error)) return error;
    return storeFailure(this.#path, error);
  }
}

/** Whether the sum of an entry fits. */
export function isSealed(key: Uint8Array, value: Uint8Array): boolean {
  if (value.length < 4) return false;
  const check = value[0] + value[1] * 2 ** 8 + value[2] * 2 ** 16 + value[3] * 2 ** 24;
  return crc32(contentOf(value), crc32(key)) === check;
}

/** The length that LMDB's binding gives is the value's; the buffer that it lends goes on. */
function contentOf(value: Uint8Array): Uint8Array {
  return value.subarray(4, value.length);
}

/** The error of a store for what LMDB or the file system says. */
export function storeFailure(path: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return fail(DAMAGE.test(reason) ? 'STORE_CORRUPT' : 'STORE_WRITE', { path, reason }, error);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function range({ start, end }: KeySpan): { start: Buffer; end: Buffer } {
  return { start: asBuffer(start), end: asBuffer(end) };
}
