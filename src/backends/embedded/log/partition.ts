import { join } from 'node:path';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import type { MaybePromise } from '../../../base/maybe-promise.ts';
import {
  type HeadSpan,
  type LogBatch,
  type LogRecord,
  mustNotDecrease,
  type PartitionEnds,
  type SeeHead,
} from '../../../ports/event-log.ts';
import { BLANKED, blanking, type ChangeRecord, restamping, type WhichRecord, writeRewritten } from './blank.ts';
import { bodyOf, encodeFrame, MOST_BODY_BYTES } from './frame.ts';
import type { LogFiles } from './log-files.ts';
import { Segment, type SegmentEnd } from './segment.ts';
import { baseOf, segmentFile } from './segment-files.ts';
import { Tail } from './tail.ts';

export interface PartitionOptions {
  readonly files: LogFiles;
  readonly path: string;
  readonly topic: string;
  readonly index: number;
  readonly segmentBytes: number;
  readonly durability: 'process' | 'power';
}

/**
 * One partition: a folder of segments named by the offset of their first record. With durability `power` a segment is
 * synced before the next is begun. Appends are acknowledged, and seen by readers, when a sync that began after them has
 * ended; one sync serves all that wait. After a failed sync the content of the disk is unknown, and a later sync would
 * not report it. So the unsynced appends are cut out of the log, and written again if they are appended again.
 */
export class Partition {
  /** Bytes that were cut off its end when it was opened. */
  readonly cutBytes: number;
  readonly #options: PartitionOptions;
  readonly #segments: Segment[] = [];
  readonly #tail = new Tail();
  /** How far the newest segment is acknowledged, and so seen. */
  #acknowledged: SegmentEnd;
  /** Counts the times when appends that nobody had acknowledged were taken back. */
  #takenBack = 0;
  #syncing: { readonly fd: number; readonly done: Promise<void> } | null = null;
  #nextSync: Promise<void> | null = null;

  /** Opens the folder. Errors: LOG_CORRUPT, LOG_FORMAT, LOG_WRITE. */
  constructor(options: PartitionOptions) {
    this.#options = options;
    try {
      this.cutBytes = this.#open();
      if (this.#segments.length === 0) this.#begin(0, Number.NEGATIVE_INFINITY);
      // Records of a dead process are read from here on, so they must not be lost later.
      if (options.durability === 'power') this.#newest.sync();
    } catch (error) {
      this.close();
      throw isHeadraceError(error) ? error : writeFailure(options.path, error);
    }
    this.#acknowledged = this.#newest.at;
  }

  get ends(): PartitionEnds {
    return {
      begin: this.#segments[0].base,
      end: this.#acknowledged.end,
      lastIngestTs: this.#acknowledged.lastIngestTs,
      sizeBytes: this.#segments.reduce((bytes, segment) => bytes + segment.at.sizeBytes, 0),
      ...(this.#newest.isTorn ? { rest: { path: this.#newest.path, byte: this.#newest.at.sizeBytes } } : {}),
    };
  }

  /** Hot path. Errors: LOG_ORDER, LOG_WRITE, LOG_SIZE; each leaves the partition as it was. */
  append(records: readonly LogRecord[]): MaybePromise<number> {
    const { topic, index, segmentBytes, durability } = this.#options;
    const { end, sizeBytes } = this.#newest.at;
    const last = mustNotDecrease(topic, index, records);
    if (records.length === 0) return end;
    if (sizeBytes >= segmentBytes && this.#syncing === null && this.#nextSync === null) this.#roll();
    const safeBytes = durability === 'process' ? this.#newest.at.sizeBytes : this.#acknowledged.sizeBytes;
    const frame = encodeFrame(end, safeBytes, records);
    if (frame.length > MOST_BODY_BYTES) throw fail('LOG_SIZE', { topic, bytes: frame.length, most: MOST_BODY_BYTES });
    try {
      this.#newest.append(frame, records.length, last);
    } catch (error) {
      throw writeFailure(this.#newest.path, error);
    }
    this.#tail.push(end, end + records.length, bodyOf(frame).slice());
    if (durability === 'power') return this.#acknowledge(end);
    this.#acknowledged = this.#newest.at;
    return end;
  }

  read(offset: number, max: number): LogBatch {
    const records: LogRecord[] = [];
    const wanted = this.#readable(offset, max);
    if (wanted === 0) return { offset, records };
    for (const frame of this.#tail.framesFrom(offset) ?? this.#from(offset, (segment) => segment.framesFrom(offset))) {
      const skip = Math.max(0, offset - frame.offset);
      for (let i = skip; i < frame.records.length && records.length < wanted; i += 1) records.push(frame.records[i]);
      if (records.length >= wanted) break;
    }
    return { offset, records };
  }

  eachHead({ from, to, least }: HeadSpan, see: SeeHead): number {
    const wanted = this.#readable(from, to - from);
    if (wanted === 0) return 0;
    const seeWanted: SeeHead = (head, offset) => {
      if (offset >= from && offset < from + wanted) see(head, offset);
    };
    const tail = this.#tail.headsFrom(from, seeWanted);
    for (const end of tail ?? this.#from(from, (segment) => segment.headsFrom(from, seeWanted)))
      if (end - from >= Math.min(least, wanted)) return Math.min(end - from, wanted);
    return wanted;
  }

  /** Records that a read from an offset gives. Error: LOG_TRIMMED. */
  #readable(offset: number, max: number): number {
    const { topic, index } = this.#options;
    const { base } = this.#segments[0];
    if (offset < base) throw fail('LOG_TRIMMED', { topic, partition: index, offset, begin: base });
    return Math.max(0, Math.min(max, this.#acknowledged.end - offset) || 0);
  }

  offsetAtIngest(ingestTs: number): number {
    const { end } = this.#acknowledged;
    const segment = this.#segments.find(({ at }) => at.lastIngestTs >= ingestTs);
    if (segment === undefined) return end;
    for (const { offset, records } of segment.framesFromIngest(ingestTs)) {
      const index = records.findIndex((record) => record.ingestTs >= ingestTs);
      if (index >= 0) return Math.min(end, offset + index);
    }
    return Math.min(end, segment.at.end);
  }

  /** Drops oldest whole segments that are older, or beyond the bytes, up to `keepFrom`. Error: LOG_WRITE. */
  retain(olderThanIngestTs: number, maxBytes: number, keepFrom: number): void {
    while (this.#segments.length > 1) {
      const [oldest, next] = this.#segments;
      const old = oldest.at.lastIngestTs < olderThanIngestTs;
      if (oldest.at.end > keepFrom || !(old || this.ends.sizeBytes > maxBytes)) return;
      // The last record of all tells which ingest time may come next; and a file is not closed while it is synced.
      if (next.isEmpty || this.#syncing?.fd === oldest.fd) return;
      try {
        this.#options.files.remove(oldest.path);
      } catch (error) {
        throw writeFailure(oldest.path, error);
      }
      this.#segments.shift();
      oldest.close();
    }
  }

  /**
   * Blanks records in all segments except the newest, which is closed first. A segment is rewritten to another file,
   * synced, then renamed over the old one between two appends. Errors: LOG_WRITE, LOG_CORRUPT.
   */
  blank(which: WhichRecord): Promise<number> {
    return this.#rewrite(blanking(which));
  }

  /** Gives records other ingest times, in the way of `blank`; the index is made again from the files. Errors: LOG_WRITE, LOG_CORRUPT. */
  async restamp(stampOf: (record: LogRecord, offset: number) => number): Promise<number> {
    const restamped = await this.#rewrite(restamping(stampOf));
    if (restamped === 0) return 0;
    await this.#idle();
    this.#openAgain();
    return restamped;
  }

  /** Lets the partition, which has no record, begin at a later offset. Error: LOG_WRITE. */
  beginAt(offset: number): void {
    const { base, end, path } = { ...this.#newest.at, base: this.#segments[0].base, path: this.#newest.path };
    if (offset === base) return;
    if (end !== base || offset < base) throw new RangeError(`${path} has records, or begins after ${offset}`);
    const { files } = this.#options;
    try {
      files.rename(path, this.#file(offset));
      files.syncFolder(this.#options.path);
    } catch (error) {
      throw writeFailure(path, error);
    }
    this.#openAgain();
  }

  /** Makes the index from the files, which have changed. */
  #openAgain(): void {
    this.close();
    this.#open();
    this.#acknowledged = this.#newest.at;
    this.#tail.clear();
  }

  async #rewrite(change: ChangeRecord): Promise<number> {
    await this.#idle();
    if (!this.#newest.isEmpty) this.#roll();
    let changed = 0;
    for (const segment of this.#segments.slice(0, -1)) changed += await this.#rewriteSegment(segment, change);
    return changed;
  }

  async #idle(): Promise<void> {
    while (this.#syncing !== null || this.#nextSync !== null) await this.settled();
  }

  async #rewriteSegment(segment: Segment, change: ChangeRecord): Promise<number> {
    const { files, path } = this.#options;
    const beside = `${segment.path}${BLANKED}`;
    try {
      const changed = await writeRewritten(files, segment, beside, change);
      const index = this.#segments.indexOf(segment);
      if (changed === 0 || index < 0) {
        files.remove(beside);
        return 0;
      }
      files.rename(beside, segment.path);
      files.syncFolder(path);
      const before = this.#segments[index - 1]?.at.lastIngestTs ?? Number.NEGATIVE_INFINITY;
      const anew = new Segment(files, segment.path, segment.base, before);
      anew.scanOlder();
      this.#segments[index] = anew;
      this.#tail.clear();
      segment.close();
      return changed;
    } catch (error) {
      throw isHeadraceError(error) ? error : writeFailure(segment.path, error);
    }
  }

  /** Waits for the syncs that are under way. */
  settled(): Promise<void> {
    const waiting = this.#nextSync ?? this.#syncing?.done ?? Promise.resolve();
    return waiting.catch(() => undefined);
  }

  close(): void {
    for (const segment of this.#segments.splice(0)) segment.close();
  }

  get #newest(): Segment {
    return this.#segments[this.#segments.length - 1];
  }

  #open(): number {
    const { files, path } = this.#options;
    files.makeFolder(path);
    // A segment that was being blanked when the process died stays what it was.
    for (const name of files.list(path)) if (name.endsWith(BLANKED)) files.remove(join(path, name));
    const bases = files
      .list(path)
      .flatMap((name) => baseOf(name) ?? [])
      .sort((a, b) => a - b);
    let cutBytes = 0;
    for (const [i, base] of bases.entries()) {
      const before = this.#segments.at(-1);
      if (before !== undefined && before.at.end !== base) {
        throw fail('LOG_CORRUPT', {
          path: before.path,
          byte: before.at.sizeBytes,
          reason: `it ends at offset ${before.at.end}, and the next file begins at ${base}`,
        });
      }
      const segment = new Segment(files, this.#file(base), base, before?.at.lastIngestTs ?? Number.NEGATIVE_INFINITY);
      this.#segments.push(segment);
      if (i < bases.length - 1) segment.scanOlder();
      else cutBytes = segment.scanNewest();
    }
    return cutBytes;
  }

  /** Of the segment that holds `offset`, and all after it. */
  *#from<T>(offset: number, of: (segment: Segment) => Generator<T>): Generator<T> {
    const first = this.#segments.findLastIndex(({ base }) => base <= offset);
    for (let i = first; i < this.#segments.length; i += 1) yield* of(this.#segments[i]);
  }

  /** Begins a segment. Only while no sync is running: of two syncs of one file, only one reports an error. */
  #roll(): void {
    const { end, lastIngestTs } = this.#newest.at;
    try {
      // Of an older segment every byte is a frame's.
      this.#newest.repair();
    } catch (error) {
      throw writeFailure(this.#newest.path, error);
    }
    if (this.#options.durability === 'power') this.#syncNow();
    try {
      this.#begin(end, lastIngestTs);
    } catch (error) {
      throw writeFailure(this.#options.path, error);
    }
    this.#acknowledged = this.#newest.at;
  }

  #syncNow(): void {
    try {
      this.#newest.sync();
    } catch (error) {
      this.#takeBack();
      throw writeFailure(this.#newest.path, error);
    }
    this.#acknowledged = this.#newest.at;
  }

  #begin(base: number, ingestBefore: number): void {
    const { files, path } = this.#options;
    const segment = new Segment(files, this.#file(base), base, ingestBefore);
    try {
      files.syncFolder(path);
    } catch (error) {
      segment.close();
      throw error;
    }
    this.#segments.push(segment);
  }

  async #acknowledge(offset: number): Promise<number> {
    const takenBack = this.#takenBack;
    let cause: unknown = null;
    try {
      await this.#sync();
    } catch (error) {
      cause = error;
    }
    if (cause !== null || takenBack !== this.#takenBack) throw writeFailure(this.#options.path, cause);
    return offset;
  }

  /** Fulfilled when a sync has ended that begins after this call. */
  #sync(): Promise<void> {
    if (this.#nextSync !== null) return this.#nextSync;
    if (this.#syncing === null) return this.#startSync();
    this.#nextSync = this.#syncing.done.then(
      () => this.#startSync(),
      () => this.#startSync(),
    );
    return this.#nextSync;
  }

  async #startSync(): Promise<void> {
    this.#nextSync = null;
    const segment = this.#newest;
    const { at } = segment;
    // Under steady load there is no other moment without a sync for the next append to begin a segment.
    if (at.sizeBytes >= this.#options.segmentBytes) return this.#syncNow();
    const done = this.#options.files.syncSoon(segment.fd).then(
      () => {
        this.#syncing = null;
        this.#acknowledged = at;
      },
      (error: unknown) => {
        this.#syncing = null;
        this.#takeBack();
        throw error;
      },
    );
    this.#syncing = { fd: segment.fd, done };
    return done;
  }

  /** Takes the appends that nobody has acknowledged out of the log. */
  #takeBack(): void {
    this.#takenBack += 1;
    this.#newest.cutTo(this.#acknowledged);
    this.#tail.clear();
  }

  #file(base: number): string {
    return join(this.#options.path, segmentFile(base));
  }
}

function writeFailure(path: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : 'an append before it could not be synced';
  return fail('LOG_WRITE', { path, reason }, error);
}
