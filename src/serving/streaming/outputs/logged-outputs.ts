import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import type { SourceTopic, TopicBatch, TopicLag, TopicPlaces, TopicRecord } from '../../../ports/source-topic.ts';

export interface LoggedOutputsOptions {
  readonly log: EventLog;
  readonly topic: string;
  /** The name under which its positions are kept. */
  readonly reader: string;
}

/** Records of a partition in one batch. */
const BATCH = 512;

/** The life of a reader that nobody replaces. */
const LIFE = 1;

/**
 * The outputs of a stream in a log that this process alone has open, with the position of one reader (`ports/source-topic.ts`).
 * A blanked record is a tombstone.
 */
export class LoggedOutputs implements SourceTopic {
  readonly name: string;
  readonly #options: LoggedOutputsOptions;
  readonly #next: number[];
  #committed: readonly number[];
  #ends: readonly number[];

  private constructor(options: LoggedOutputsOptions, committed: readonly number[], ends: readonly number[]) {
    this.name = options.topic;
    this.#options = options;
    this.#next = [...committed];
    this.#committed = committed;
    this.#ends = ends;
  }

  /** Errors: those of the log. */
  static async open(options: LoggedOutputsOptions): Promise<LoggedOutputs> {
    const { log, topic, reader } = options;
    const ends = await log.ends(topic);
    const committed = await log.committed(reader, topic);
    return new LoggedOutputs(
      options,
      ends.map(({ begin }, partition) => committed?.[partition] ?? begin),
      ends.map(({ end }) => end),
    );
  }

  /** Looks at the ends, so that `lag` has them. */
  async refresh(): Promise<void> {
    this.#ends = (await this.#options.log.ends(this.name)).map(({ end }) => end);
  }

  async read(): Promise<TopicBatch> {
    const { log } = this.#options;
    const records: TopicRecord[] = [];
    const told: HeadraceError[] = [];
    const offsets = new Map<number, number>();
    const ends = await log.ends(this.name);
    this.#ends = ends.map(({ end }) => end);
    let lost = 0;
    for (const [partition, { begin, end }] of ends.entries()) {
      const from = this.#next[partition];
      if (from < begin) {
        lost += begin - from;
        told.push(fail('TOPIC_LOST', { topic: this.name, partition, from, to: begin - 1, records: begin - from }));
      }
      const next = Math.max(from, begin);
      const found = next < end ? await this.#readFrom(partition, next) : [];
      records.push(...found);
      this.#next[partition] = next + found.length;
      if (next + found.length > from) offsets.set(partition, next + found.length);
    }
    return { records, next: { life: LIFE, offsets }, told, lost };
  }

  async commit({ offsets }: TopicPlaces): Promise<void> {
    if (offsets.size === 0) return;
    const { log, reader } = this.#options;
    const committed = this.#committed.map((offset, partition) => offsets.get(partition) ?? offset);
    await log.commit(reader, this.name, committed);
    this.#committed = committed;
  }

  lag(): readonly TopicLag[] {
    return this.#committed.map((offset, partition) => ({
      partition,
      behind: Math.max(0, (this.#ends[partition] ?? offset) - offset),
    }));
  }

  async close(): Promise<void> {
    // The log stays open.
  }

  async #readFrom(partition: number, from: number): Promise<readonly TopicRecord[]> {
    try {
      const { records } = await this.#options.log.read(this.name, partition, from, BATCH);
      return records.map((logged, i) => {
        const isBlank = logged.id === '';
        const value = isBlank ? null : logged.payload;
        return { partition, offset: from + i, key: null, value, ...(isBlank ? {} : { logged }) };
      });
    } catch (error) {
      // Trimmed meanwhile: the next read begins where the log does.
      if (isHeadraceError(error, 'LOG_TRIMMED')) return [];
      throw error;
    }
  }
}
