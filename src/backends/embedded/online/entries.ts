import { crc32 } from 'node:zlib';
import type { RootDatabase } from 'lmdb';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import { contentOf, fits, SUM_BYTES, sumOf } from './entry-sum.ts';
import { type CheckedPages, PageCheck } from './page-check.ts';

/** All keys from `start` on, before `end`. */
export interface KeySpan {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

const APPEND = { append: true };

/** Messages of LMDB for a damaged file. */
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
  /** Where a value is put together: LMDB copies it within the call, and need not ask where other memory lies. */
  #sealed = Buffer.allocUnsafeSlow(4_096);

  /** Grows with every write of this thread, and when those of another are seen. */
  changes = 0;

  /** Of a file whose pages are not all checked yet. */
  readonly #pages: PageCheck | null;

  constructor(database: RootDatabase<Uint8Array, Uint8Array>, path: string, pages: CheckedPages | null = null) {
    this.#database = database;
    this.#pages = pages === null ? null : new PageCheck(path, pages);
    this.#path = path;
  }

  /** Frees the places of processes that died while they read: pages that they could see are not used again before. */
  dropDeadReaders(): void {
    this.#database.readerCheck();
  }

  /**
   * Whether another process has the file open. LMDB has a line for each reader, dead ones too until they are dropped:
   *
   * ```
   * list = head *( *SP pid SP thread SP transaction LF )
   * ```
   */
  hasOtherReaders(): boolean {
    const [, ...lines] = this.#database.readerList().split('\n');
    return lines.some((line) => {
      const pid = Number.parseInt(line, 10);
      return pid > 0 && pid !== process.pid;
    });
  }

  /** Checks the pages that lead to a key that is read past this class. Error: STORE_CORRUPT. */
  checkPages(key: Uint8Array): void {
    this.#pages?.check(key, key, 'span');
  }

  /** The content of an entry, valid until the next call; undefined if there is none. Hot path. Error: STORE_CORRUPT. */
  get(key: Uint8Array, sumOfKey = sumOf(key)): Uint8Array | undefined {
    try {
      this.#pages?.check(key, key, 'key');
      const value = this.#database.getBinaryFast(key);
      return value === undefined ? undefined : this.#open(value, sumOfKey);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Sees the entries of a span in order of their keys; the content is valid during the call. Error: STORE_CORRUPT. */
  each(span: KeySpan, see: (key: Uint8Array, content: Uint8Array) => void): void {
    try {
      this.#pages?.check(span.start, span.end, 'span');
      for (const { key, value } of this.#database.getRange(range(span))) see(key, this.#open(value, sumOf(key)));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** The keys of a span in their order, the first `most` of them. */
  keys(span: KeySpan, most = Number.MAX_SAFE_INTEGER): readonly Uint8Array[] {
    try {
      this.#pages?.check(span.start, span.end, 'span', most);
      return [...this.#database.getKeys({ ...range(span), limit: most })];
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Whether all pages are checked: those of the end of a span are not found by the keys that lead to them. */
  get isChecked(): boolean {
    return this.#pages === null || this.#pages.isDone;
  }

  /** The last key of a span of a checked file; undefined: it has none. */
  lastKey(span: KeySpan): Uint8Array | undefined {
    const end = asBuffer(span.end);
    try {
      // From the end, which the span itself does not have.
      const last = [...this.#database.getKeys({ start: end, end: asBuffer(span.start), reverse: true, limit: 2 })];
      return last.find((key) => end.compare(key) > 0);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Puts an entry, within `write`. Hot path, as `get`: who does both for a key takes its sum once, by {@link sumOf}. */
  put(key: Uint8Array, content: Uint8Array, sumOfKey = sumOf(key)): void {
    this.#database.putSync(key, this.#seal(key, content, sumOfKey));
  }

  /** Puts an entry after all others, within `write`: no page is searched, and each is filled. Hot path. */
  append(key: Uint8Array, content: Uint8Array): void {
    // Its type says that nothing is returned.
    const isPut: unknown = this.#database.putSync(key, this.#seal(key, content, sumOf(key)), APPEND);
    if (isPut !== true) throw new RangeError('an entry that is appended comes before another');
  }

  #seal(key: Uint8Array, content: Uint8Array, sumOfKey: number): Uint8Array {
    const size = content.length + SUM_BYTES;
    if (size > this.#sealed.length) this.#sealed = Buffer.allocUnsafeSlow(2 * size);
    const value = this.#sealed.subarray(0, size);
    value.writeUInt32LE(crc32(content, sumOfKey), 0);
    value.set(content, SUM_BYTES);
    this.#pages?.check(key, key, 'key');
    return value;
  }

  remove(key: Uint8Array): void {
    // LMDB fills a small leaf from its neighbours.
    this.#pages?.check(key, key, 'around');
    this.#database.removeSync(key);
  }

  /**
   * One transaction, on disk on return: all of the work or, where it throws, nothing. Returns the result of the work.
   * Errors: STORE_WRITE, STORE_CORRUPT.
   */
  write<T>(work: () => T): T {
    try {
      return this.#database.transactionSync(work);
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.changes += 1;
    }
  }

  /** Reads from here on see what another thread has committed. */
  refresh(): void {
    this.changes += 1;
    this.#database.resetReadTxn();
  }

  async close(): Promise<void> {
    this.#pages?.close();
    await this.#database.close();
  }

  #open(value: Uint8Array, sumOfKey: number): Uint8Array {
    if (!fits(value, sumOfKey))
      throw fail('STORE_CORRUPT', { path: this.#path, reason: 'the sum of an entry does not fit' });
    return contentOf(value);
  }

  #failure(error: unknown): Error {
    if (isHeadraceError(error)) return error;
    return storeFailure(this.#path, error);
  }
}

/** The error of a store for what LMDB or the file system says. */
export function storeFailure(path: string, error: unknown): Error {
  const reason = reasonOf(error);
  return fail(DAMAGE.test(reason) ? 'STORE_CORRUPT' : 'STORE_WRITE', { path, reason }, error);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function range({ start, end }: KeySpan): { start: Buffer; end: Buffer } {
  return { start: asBuffer(start), end: asBuffer(end) };
}
