import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import type { LogBatch, LogRecord, PartitionEnds } from '../../../ports/event-log.ts';
import { encodeFrame } from './frame.ts';
import { Segment } from './segment.ts';
import { syncDirectory } from './sync-directory.ts';

const SEGMENT = /^(\d{16})\.log$/;

/** One partition: a folder of segments named by the offset of their first record. */
export class Partition {
  readonly #path: string;
  readonly #topic: string;
  readonly #index: number;
  readonly #segmentBytes: number;
  readonly #segments: Segment[] = [];
  /** Bytes that were cut off its end when it was opened. */
  readonly cutBytes: number;

  /** Opens the folder. Errors: LOG_CORRUPT, LOG_WRITE. */
  constructor(path: string, topic: string, index: number, segmentBytes: number) {
    this.#path = path;
    this.#topic = topic;
    this.#index = index;
    this.#segmentBytes = segmentBytes;
    mkdirSync(path, { recursive: true });
    const bases = readdirSync(path)
      .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    let cut = 0;
    for (const [i, base] of bases.entries()) {
      const before = this.#segments.at(-1);
      if (before !== undefined && before.end !== base) {
        throw fail('LOG_CORRUPT', {
          path: before.path,
          byte: before.sizeBytes,
          reason: `it ends at offset ${before.end}, and the next begins at ${base}`,
        });
      }
      const segment = Segment.open(this.#file(base), base);
      cut += segment.scan(i === bases.length - 1).cutBytes;
      this.#segments.push(segment);
    }
    this.cutBytes = cut;
    if (this.#segments.length === 0) this.#roll(0);
  }

  get ends(): PartitionEnds {
    const last = this.#last;
    return {
      begin: this.#segments[0].base,
      end: last.end,
      lastIngestTs:
        last.end > last.base ? last.lastIngestTs : (this.#segments.at(-2)?.lastIngestTs ?? Number.NEGATIVE_INFINITY),
      sizeBytes: this.#segments.reduce((bytes, segment) => bytes + segment.sizeBytes, 0),
    };
  }

  /** The file that the last append went to. */
  get fd(): number {
    return this.#last.fd;
  }

  append(records: readonly LogRecord[]): number {
    const { end, lastIngestTs } = this.ends;
    let last = lastIngestTs;
    for (const { ingestTs } of records) {
      if (ingestTs < last) throw fail('LOG_ORDER', { topic: this.#topic, partition: this.#index, ingestTs, last });
      last = ingestTs;
    }
    if (records.length === 0) return end;
    if (this.#last.sizeBytes >= this.#segmentBytes) this.#roll(end);
    try {
      this.#last.append(encodeFrame(end, records), end, records.length, last);
    } catch (error) {
      throw writeFailure(this.#last.path, error);
    }
    return end;
  }

  read(offset: number, max: number): LogBatch {
    const { begin, end } = this.ends;
    if (offset < begin) throw fail('LOG_TRIMMED', { topic: this.#topic, partition: this.#index, offset, begin });
    const records: LogRecord[] = [];
    if (offset >= end || max <= 0) return { offset, records };
    for (let s = this.#segmentOf(offset); s < this.#segments.length && records.length < max; s += 1) {
      for (const frame of this.#segments[s].framesFrom(offset)) {
        const skip = Math.max(0, offset - frame.offset);
        for (let i = skip; i < frame.records.length && records.length < max; i += 1) records.push(frame.records[i]);
        if (records.length >= max) break;
      }
    }
    return { offset, records };
  }

  offsetAtIngest(ingestTs: number): number {
    const segment = this.#segments.find(({ lastIngestTs }) => lastIngestTs >= ingestTs);
    if (segment === undefined) return this.ends.end;
    for (const { offset, records } of segment.framesFromIngest(ingestTs)) {
      const index = records.findIndex((record) => record.ingestTs >= ingestTs);
      if (index >= 0) return offset + index;
    }
    return segment.end;
  }

  /** Drops oldest whole segments that are older, or beyond the bytes, up to `keepFrom`. */
  retain(olderThanIngestTs: number, maxBytes: number, keepFrom: number): void {
    while (this.#segments.length > 1) {
      const [oldest] = this.#segments;
      const old = oldest.lastIngestTs < olderThanIngestTs;
      if (oldest.end > keepFrom || !(old || this.ends.sizeBytes > maxBytes)) return;
      oldest.close();
      rmSync(oldest.path);
      this.#segments.shift();
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  get #last(): Segment {
    return this.#segments[this.#segments.length - 1];
  }

  #roll(base: number): void {
    try {
      this.#segments.push(Segment.open(this.#file(base), base));
      syncDirectory(this.#path);
    } catch (error) {
      throw writeFailure(this.#path, error);
    }
  }

  #file(base: number): string {
    return join(this.#path, `${String(base).padStart(16, '0')}.log`);
  }

  #segmentOf(offset: number): number {
    return this.#segments.findLastIndex(({ base }) => base <= offset);
  }
}

function writeFailure(path: string, error: unknown): Error {
  return fail('LOG_WRITE', { path, reason: error instanceof Error ? error.message : String(error) }, error);
}
