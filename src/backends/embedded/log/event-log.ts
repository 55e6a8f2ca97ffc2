import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../../base/errors/fail.ts';
import type { MaybePromise } from '../../../base/maybe-promise.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import type {
  EventLog,
  EventLogCapabilities,
  HeadSpan,
  LogBatch,
  LogRecord,
  PartitionEnds,
  SeeHead,
} from '../../../ports/event-log.ts';
import { acquireLock, type Lock } from '../lock.ts';
import { type LogFiles, nodeFiles } from './log-files.ts';
import { Partition } from './partition.ts';

export interface EventLogOptions {
  readonly path: string;
  /** `process`: an acknowledged append survives the death of the process; `power`: that of the machine as well. */
  readonly durability: 'process' | 'power';
  /** Size at which a segment is closed and a new one begun; retention drops whole ones. */
  readonly segmentBytes?: number;
  /** Called with the bytes of a torn end that opening a partition cut off. */
  readonly onCut?: (topic: string, partition: number, bytes: number) => void;
  /** The file operations; those of this machine if left out. */
  readonly files?: LogFiles;
}

const FORMAT = 1;
const SEGMENT_BYTES = 64 * 2 ** 20;

const topicFile = z.object({ format: z.literal(FORMAT), partitions: z.int().min(1) });
const readerFile = z.object({ format: z.literal(FORMAT), offsets: z.array(z.int().min(0)) });

/** Opens an event log of segment files for writing. Errors: LOG_LOCKED, LOG_WRITE. */
export function openEventLog(options: EventLogOptions): EventLog {
  let lock: Lock | null;
  try {
    (options.files ?? nodeFiles).makeFolder(options.path);
    lock = acquireLock(join(options.path, 'lock'));
  } catch (error) {
    throw writeFailure(options.path, error);
  }
  if (lock === null) throw fail('LOG_LOCKED', { path: options.path });
  return new EmbeddedEventLog(options, lock);
}

/**
 * Topics as folders, partitions as folders in them. An append is one frame: it is whole in the file or is cut off when
 * the log is opened again. With durability `power` it is acknowledged after fdatasync, one for many.
 */
class EmbeddedEventLog implements EventLog {
  readonly capabilities: EventLogCapabilities;
  readonly #options: EventLogOptions;
  readonly #lock: Lock;
  readonly #topics = new Map<string, readonly Partition[]>();
  readonly #files: LogFiles;

  constructor(options: EventLogOptions, lock: Lock) {
    this.#options = options;
    this.#lock = lock;
    this.#files = options.files ?? nodeFiles;
    this.capabilities = { durability: options.durability, manyWriters: false, rows: 'compact' };
  }

  openTopic(topic: string, partitions: number): void {
    const known = this.#topics.get(topic)?.length ?? this.#readTopic(topic);
    if (known !== null && known !== partitions)
      throw fail('LOG_PARTITIONS', { topic, partitions: known, asked: partitions });
    if (this.#topics.has(topic)) return;
    if (known === null) this.#writeFile(join(this.#folder(topic), 'topic.json'), { format: FORMAT, partitions });
    this.#topics.set(topic, this.#openPartitions(topic, partitions));
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): MaybePromise<number> {
    return this.#partition(topic, partition).append(records);
  }

  read(topic: string, partition: number, offset: number, max: number): LogBatch {
    return this.#partition(topic, partition).read(offset, max);
  }

  eachHead(topic: string, partition: number, span: HeadSpan, see: SeeHead): number {
    return this.#partition(topic, partition).eachHead(span, see);
  }

  ends(topic: string): readonly PartitionEnds[] {
    return this.#partitions(topic).map(({ ends }) => ends);
  }

  offsetAtIngest(topic: string, partition: number, ingestTs: number): number {
    return this.#partition(topic, partition).offsetAtIngest(ingestTs);
  }

  commit(reader: string, topic: string, offsets: readonly number[]): void {
    this.#partitions(topic);
    this.#writeFile(this.#readerPath(reader, topic), { format: FORMAT, offsets });
  }

  committed(reader: string, topic: string): readonly number[] | null {
    const path = this.#readerPath(reader, topic);
    if (!existsSync(path)) return null;
    const parsed = readerFile.safeParse(readJson(path));
    if (!parsed.success)
      throw fail('LOG_CORRUPT', { path, byte: 0, reason: 'it is no reader position of this format' });
    return parsed.data.offsets;
  }

  retain(topic: string, rule: { olderThanIngestTs: number; maxBytes: number; keepFrom: readonly number[] }): void {
    const partitions = this.#partitions(topic);
    for (const [i, partition] of partitions.entries()) {
      partition.retain(rule.olderThanIngestTs, rule.maxBytes / partitions.length, rule.keepFrom[i]);
    }
  }

  blank(topic: string, partition: number, which: (record: LogRecord, offset: number) => boolean): Promise<number> {
    return this.#partition(topic, partition).blank(which);
  }

  restamp(topic: string, partition: number, stampOf: (record: LogRecord, offset: number) => number): Promise<number> {
    return this.#partition(topic, partition).restamp(stampOf);
  }

  beginAt(topic: string, offsets: readonly number[]): void {
    for (const [i, partition] of this.#partitions(topic).entries()) partition.beginAt(offsets[i]);
  }

  close(): MaybePromise<void> {
    const partitions = [...this.#topics.values()].flat();
    this.#topics.clear();
    const release = () => {
      for (const partition of partitions) partition.close();
      this.#lock.release();
    };
    if (this.#options.durability === 'process') return release();
    return Promise.all(partitions.map((partition) => partition.settled())).then(release);
  }

  #openPartitions(topic: string, partitions: number): readonly Partition[] {
    const { segmentBytes = SEGMENT_BYTES, durability, onCut } = this.#options;
    const opened: Partition[] = [];
    try {
      for (let index = 0; index < partitions; index += 1) {
        const path = join(this.#folder(topic), String(index));
        opened.push(new Partition({ files: this.#files, path, topic, index, segmentBytes, durability }));
      }
    } catch (error) {
      for (const partition of opened) partition.close();
      throw error;
    }
    for (const [i, { cutBytes }] of opened.entries()) if (cutBytes > 0) onCut?.(topic, i, cutBytes);
    return opened;
  }

  #readTopic(topic: string): number | null {
    const path = join(this.#folder(topic), 'topic.json');
    if (!existsSync(path)) return null;
    const parsed = topicFile.safeParse(readJson(path));
    if (!parsed.success) throw fail('LOG_CORRUPT', { path, byte: 0, reason: 'it is no topic of this format' });
    return parsed.data.partitions;
  }

  #writeFile(path: string, content: unknown): void {
    try {
      this.#files.makeFolder(dirname(path));
      this.#files.replace(path, `${JSON.stringify(content)}\n`);
    } catch (error) {
      throw writeFailure(path, error);
    }
  }

  #folder(topic: string): string {
    return join(this.#options.path, 'topics', fileName(topic));
  }

  #readerPath(reader: string, topic: string): string {
    return join(this.#options.path, 'readers', fileName(reader), `${fileName(topic)}.json`);
  }

  #partitions(topic: string): readonly Partition[] {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined) throw fail('LOG_TOPIC', { topic });
    return partitions;
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.#partitions(topic)[partition];
    if (found === undefined) throw fail('LOG_TOPIC', { topic: `${topic}/${partition}` });
    return found;
  }
}

/** A name as one of a file: neither a path nor hidden. */
function fileName(name: string): string {
  return encodeURIComponent(name).replace(/^\./, '%2E');
}

function writeFailure(path: string, error: unknown): Error {
  return fail('LOG_WRITE', { path, reason: reasonOf(error) }, error);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('LOG_CORRUPT', { path, byte: 0, reason: reasonOf(error) }, error);
  }
}
