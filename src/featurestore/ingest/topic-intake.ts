import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { errorOf } from '../../base/reason-of.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { ReadRecord, RecordFormat } from '../../ports/record-format.ts';
import type { SourceTopic, TopicBatch, TopicLag, TopicPlaces, TopicRecord } from '../../ports/source-topic.ts';
import type { PlaceOf } from './gateway.ts';
import { type IngestReport, loggedIn } from './ingest-report.ts';
import { KeyChanges } from './key-changes.ts';
import { jsonRecords, refusedSize } from './topic-record.ts';

export interface TopicIntakeOptions {
  readonly source: EventSourceData;
  readonly topic: SourceTopic;
  /** How the values of its records are written; JSON where nothing is said. */
  readonly format?: RecordFormat;
  /** Takes events as a call of `POST /v1/events` does: they are in the log when it returns. */
  readonly take: (source: EventSourceData, events: readonly unknown[], placeOf: PlaceOf) => Promise<IngestReport>;
  /** Counts and keeps a record that is not an event. */
  readonly refuse: (source: EventSourceData, payload: string, error: HeadraceError, place: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** The outcome of the records of a topic since the start. */
export interface TopicReport {
  readonly source: string;
  readonly topic: string;
  /** Events that are in the log, deliveries that came again among them. */
  readonly taken: number;
  /** Of those, deliveries of an event that was accepted before, and such that came too late: they do not count. */
  readonly duplicate: number;
  readonly late: number;
  readonly refused: number;
  /** Records without a value. */
  readonly tombstones: number;
  /** Records that were gone before they were read. */
  readonly lost: number;
  /** Ids that came again under another partition or key. */
  readonly keyChanges: number;
  /** The fault that keeps events from being taken now. */
  readonly trouble: string | null;
  /** Of the partitions that this process has. */
  readonly lag: readonly TopicLag[];
}

/** A read waits this long for a first record, ms. */
const WAIT_MS = 500;

/** Taken events are committed this often at most, ms; what a dead process had not committed comes again and counts once. */
const COMMIT_MS = 250;

/** Pause between two attempts after a failure, ms: at first, and at most. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/** Events of one call: between two of them others have their turn. */
const MOST_EVENTS = 500;
const MOST_BYTES = 4 * 2 ** 20;

/** A stop waits this long for a read that is running, ms. */
const STOP_MS = 5_000;

/** Refused records that are logged in a minute; all are counted, and kept by reason. */
const MOST_TOLD = 100;

type Step = 'read' | 'decode' | 'take' | 'commit';

/**
 * Takes the events of a topic of others: reads ahead one batch, hands its events to the gateway, and commits what is in the log.
 * Where the gateway refuses or waits, so does it: nothing is dropped, and no more than two batches are held.
 */
export class TopicIntake {
  readonly #options: TopicIntakeOptions;
  readonly #format: RecordFormat;
  readonly #keys = new KeyChanges();
  readonly #stopped = new AbortController();
  readonly #troubles = new Map<Step, HeadraceError | Error>();
  readonly #running: Promise<void>;
  #taken = 0;
  #duplicate = 0;
  #late = 0;
  #refused = 0;
  #tombstones = 0;
  #lost = 0;
  #toldSince = Number.NEGATIVE_INFINITY;
  #told = 0;
  /** Places in the log that are not committed yet. */
  #pending: TopicPlaces = { life: 0, offsets: new Map() };
  #committedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TopicIntakeOptions) {
    this.#options = options;
    this.#format = options.format ?? jsonRecords;
    this.#running = this.#run();
  }

  report(): TopicReport {
    const { source, topic } = this.#options;
    const [trouble] = this.#troubles.values();
    return {
      source: source.name,
      topic: topic.name,
      taken: this.#taken,
      duplicate: this.#duplicate,
      late: this.#late,
      refused: this.#refused,
      tombstones: this.#tombstones,
      lost: this.#lost,
      keyChanges: this.#keys.count,
      trouble: trouble?.message ?? null,
      lag: topic.lag(),
    };
  }

  /** Finishes what the gateway has, commits it and leaves the topic to the others. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let ahead = this.#read(FIRST_PAUSE_MS);
    while (!this.#stopped.signal.aborted) {
      const batch = await ahead;
      ahead = this.#read(FIRST_PAUSE_MS);
      if (await this.#takeAll(batch)) this.#keep(batch.next);
      if (performance.now() - this.#committedAt >= COMMIT_MS) await this.#commit();
    }
    await Promise.race([ahead, sleep(STOP_MS, undefined, { ref: false })]);
    await this.#commit();
    await this.#options.topic.close();
  }

  /** The next batch, however often it has to be asked for; an empty one when it is to stop. */
  async #read(pauseMs: number): Promise<TopicBatch> {
    for (let pause = pauseMs; !this.#stopped.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const batch = await this.#options.topic.read(WAIT_MS);
        this.#troubles.delete('read');
        return batch;
      } catch (error) {
        this.#tell('read', error);
        await this.#pause(pause);
      }
    }
    return NOTHING;
  }

  /** Hands all records of a batch on; says whether they are taken: not where it is to stop before that. */
  async #takeAll({ records, told, lost }: TopicBatch): Promise<boolean> {
    for (const news of told) this.#options.onFault(news);
    this.#lost += lost;
    for (let from = 0; from < records.length; ) {
      const part = partFrom(records, from);
      if (!(await this.#takePart(part))) return false;
      from += part.length;
      await setImmediate();
    }
    return true;
  }

  /** Hands some records on until the gateway has them. */
  async #takePart(records: readonly TopicRecord[]): Promise<boolean> {
    const { source, take } = this.#options;
    const written = records.filter(({ value }) => value !== null);
    const read = await this.#until('decode', () => this.#decode(written));
    if (read === null) return false;
    const events: unknown[] = [];
    const places: TopicRecord[] = [];
    const bad: (() => void)[] = [];
    read.forEach((one, index) => {
      const record = written[index];
      if (one.kind === 'refused') bad.push(() => this.#refuse(record, one.payload, one.error));
      else {
        events.push(one.event);
        places.push(record);
      }
    });
    const report = await this.#until('take', () => take(source, events, (index) => this.#placeOf(places[index])));
    if (report === null) return false;
    for (const refuse of bad) refuse();
    for (const { index, error } of report.refused) this.#tellRefused(places[index], error);
    this.#countKeys(events, places, new Set(report.refused.map(({ index }) => index)));
    this.#taken += loggedIn(report);
    this.#duplicate += report.duplicate;
    this.#late += report.late;
    this.#refused += report.refused.length + bad.length;
    this.#tombstones += records.length - written.length;
    return true;
  }

  /** Reads the values of records; one that is too large is refused, and its format does not see it. */
  async #decode(records: readonly TopicRecord[]): Promise<readonly ReadRecord[]> {
    const values = records.map(({ value }) => value ?? new Uint8Array());
    const sized = values.map(refusedSize);
    const fitting = values.filter((_, index) => sized[index] === null);
    const read = (await this.#format.read(fitting, this.#stopped.signal)).values();
    return sized.map((refusal) => refusal ?? nextOf(read));
  }

  /**
   * Repeats a step until it succeeds: a full disk, a log or a schema registry that is away, all of these pass. null where the
   * intake stops before that.
   */
  async #until<T>(step: Step, act: () => Promise<T>): Promise<T | null> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const done = await act();
        this.#troubles.delete(step);
        return done;
      } catch (error) {
        if (this.#stopped.signal.aborted) return null;
        this.#tell(step, error);
        await this.#pause(pause);
        if (this.#stopped.signal.aborted) return null;
      }
    }
  }

  #countKeys(events: readonly unknown[], places: readonly TopicRecord[], refused: ReadonlySet<number>): void {
    const { id: column } = this.#options.source;
    events.forEach((event, index) => {
      if (refused.has(index) || typeof event !== 'object' || event === null) return;
      const id: unknown = Reflect.get(event, column);
      if (typeof id === 'string') this.#keys.add(id, places[index].partition, places[index].key);
    });
  }

  #refuse(record: TopicRecord, payload: string, error: HeadraceError): void {
    const { source, refuse } = this.#options;
    refuse(source, payload, error, this.#placeOf(record));
    this.#tellRefused(record, error);
  }

  #placeOf({ partition, offset }: TopicRecord): string {
    return `${this.#options.topic.name}, partition ${partition}, offset ${offset}`;
  }

  /** Names a refused record; of very many only the first in a minute. */
  #tellRefused({ partition, offset }: TopicRecord, error: HeadraceError): void {
    const now = performance.now();
    if (now - this.#toldSince >= 60_000) {
      this.#toldSince = now;
      this.#told = 0;
    }
    this.#told += 1;
    if (this.#told > MOST_TOLD) return;
    const topic = this.#options.topic.name;
    this.#options.onFault(fail('TOPIC_RECORD', { topic, partition, offset, reason: error.message }, error));
  }

  /** Notes what is in the log; of an earlier life nothing is committed any more. */
  #keep({ life, offsets }: TopicPlaces): void {
    if (offsets.size === 0) return;
    const before = this.#pending.life === life ? this.#pending.offsets : [];
    this.#pending = { life, offsets: new Map([...before, ...offsets]) };
  }

  async #commit(): Promise<void> {
    if (this.#pending.offsets.size === 0) return;
    try {
      await this.#options.topic.commit(this.#pending);
      this.#troubles.delete('commit');
      this.#pending = { ...this.#pending, offsets: new Map() };
    } catch (error) {
      // They wait for the next commit, with the records taken until then.
      this.#tell('commit', error);
    }
    this.#committedAt = performance.now();
  }

  /** Reports a fault, once while it stays the same. */
  #tell(step: Step, error: unknown): void {
    const now = errorOf(error);
    const before = this.#troubles.get(step);
    this.#troubles.set(step, now);
    const same =
      isHeadraceError(now) && isHeadraceError(before) ? now.code === before.code : before?.message === now.message;
    if (!same) this.#options.onFault(error);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }
}

const NOTHING: TopicBatch = { records: [], next: { life: 0, offsets: new Map() }, told: [], lost: 0 };

/** The answer for the next value. */
function nextOf(read: Iterator<ReadRecord>): ReadRecord {
  const next = read.next();
  if (next.done === true) throw new Error('a format has fewer answers than there are values');
  return next.value;
}

/** Records for one call, from an index on. */
function partFrom(records: readonly TopicRecord[], from: number): readonly TopicRecord[] {
  let bytes = 0;
  let to = from;
  while (to < records.length && to - from < MOST_EVENTS && (to === from || bytes < MOST_BYTES)) {
    bytes += records[to].value?.byteLength ?? 0;
    to += 1;
  }
  return records.slice(from, to);
}
