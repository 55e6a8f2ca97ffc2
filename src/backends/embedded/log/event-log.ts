import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../../base/errors/fail.ts';
import type { MaybePromise } from '../../../base/maybe-promise.ts';
import type { EventLog, EventLogCapabilities, LogBatch, LogRecord, PartitionEnds } from '../../../ports/event-log.ts';
import { acquireLock, type Lock } from '../lock.ts';
import { GroupSync } from './group-sync.ts';
import { Partition } from './partition.ts';
import { syncDirectory } from './sync-directory.ts';

export interface EventLogOptions {
  readonly path: string;
  /** `process`: an acknowledged append survives the death of the process; `power`: that of the machine as well. */
  readonly durability: 'process' | 'power';
  /** Size at which a segment is closed and a new one begun; retention drops whole ones. */
  readonly segmentBytes?: number;
  /** Told of the torn end that was cut off a partition when it was opened. */
  readonly onCut?: (topic: string, partition: number, bytes: number) => void;
}

const FORMAT = 1;
const SEGMENT_BYTES = 64 * 2 ** 20;

const topicFile = z.object({ format: z.literal(FORMAT), partitions: z.int().min(1) });
const readerFile = z.object({ format: z.literal(FORMAT), offsets: z.array(z.int().min(0)) });

/** Opens an event log of segment files for writing. Errors: LOG_LOCKED, LOG_WRITE. */
export function openEventLog(options: EventLogOptions): EventLog {
  let lock: Lock | null;
  try {
    mkdirSync(options.path, { recursive: true });
    lock = acquireLock(join(options.path, 'lock'));
  } catch (error) {
    throw fail(
      'LOG_WRITE',
      { path: options.path, reason: error instanceof Error ? error.message : String(error) },
      error,
    );
  }
  if (lock === null) throw fail('LOG_LOCKED', { path: options.path });
  return new EmbeddedEventLog(options, lock);
}

/**
 * Topics as folders, partitions as folders in them. An append is one write: it is whole in the file or is cut off when
 * the log is opened again. With durability `power` it is acknowledged after fdatasync, one for many.
 */
class EmbeddedEventLog implements EventLog {
  readonly capabilities: EventLogCapabilities;
  readonly #options: EventLogOptions;
  readonly #lock: Lock;
  readonly #topics = new Map<string, readonly Partition[]>();
  readonly #sync = new GroupSync();

  constructor(options: EventLogOptions, lock: Lock) {
    this.#options = options;
    this.#lock = lock;
    this.capabilities = { durability: options.durability, manyWriters: false };
  }

  openTopic(topic: string, partitions: number): void {
    const known = this.#topics.get(topic)?.length ?? this.#readTopic(topic);
    if (known !== null && known !== partitions)
      throw fail('LOG_PARTITIONS', { topic, partitions: known, asked: partitions });
    if (this.#topics.has(topic)) return;
    if (known === null) this.#writeFile(join(this.#folder(topic), 'topic.json'), { format: FORMAT, partitions });
    const { segmentBytes = SEGMENT_BYTES, onCut } = this.#options;
    const opened = Array.from(
      { length: partitions },
      (_, i) => new Partition(join(this.#folder(topic), String(i)), topic, i, segmentBytes),
    );
    for (const [i, { cutBytes }] of opened.entries()) if (cutBytes > 0) onCut?.(topic, i, cutBytes);
    this.#topics.set(topic, opened);
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): MaybePromise<number> {
    const to = this.#partition(topic, partition);
    const offset = to.append(records);
    if (this.#options.durability === 'process') return offset;
    return this.#sync.sync(to.fd).then(
      () => offset,
      (error: unknown) => {
        throw fail(
          'LOG_WRITE',
          { path: this.#options.path, reason: error instanceof Error ? error.message : String(error) },
          error,
        );
      },
    );
  }

  read(topic: string, partition: number, offset: number, max: number): LogBatch {
    return this.#partition(topic, partition).read(offset, max);
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

  close(): void {
    for (const partitions of this.#topics.values()) for (const partition of partitions) partition.close();
    this.#topics.clear();
    this.#lock.release();
  }

  #readTopic(topic: string): number | null {
    const path = join(this.#folder(topic), 'topic.json');
    if (!existsSync(path)) return null;
    const parsed = topicFile.safeParse(readJson(path));
    if (!parsed.success) throw fail('LOG_CORRUPT', { path, byte: 0, reason: 'it is no topic of this format' });
    return parsed.data.partitions;
  }

  #writeFile(path: string, content: unknown): void {
    const folder = join(path, '..');
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${path}.tmp`, `${JSON.stringify(content)}\n`, { flush: true });
      renameSync(`${path}.tmp`, path);
      syncDirectory(folder);
    } catch (error) {
      throw fail('LOG_WRITE', { path, reason: error instanceof Error ? error.message : String(error) }, error);
    }
  }

  #folder(topic: string): string {
    return join(this.#options.path, 'topics', encodeURIComponent(topic));
  }

  #readerPath(reader: string, topic: string): string {
    return join(this.#options.path, 'readers', encodeURIComponent(reader), `${encodeURIComponent(topic)}.json`);
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

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('LOG_CORRUPT', { path, byte: 0, reason: error instanceof Error ? error.message : String(error) }, error);
  }
}
