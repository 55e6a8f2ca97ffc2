import { turnsInOrder } from '../../base/in-turn.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { applyControl, type ControlRecord, type ControlState, firstControl } from './control-state.ts';
import { decodeControl, encodeControl, type FirstRecord, type StoredControl } from './stream-record.ts';
import type { StreamVersion } from './version-map.ts';

/** Records that are read at a time. */
const READ = 1_000;

export interface ControlLogOptions {
  readonly log: EventLog;
  readonly topic: string;
  /** Of the input. */
  readonly partitions: number;
}

/**
 * The control log of a job: a topic of one partition, folded into the state. An append is durable before the state has it. Where several
 * processes append, each folds the records of all in the order of the log.
 */
export class ControlLog {
  readonly #options: ControlLogOptions;
  #state: ControlState | null = null;
  #begins: readonly number[] = [];
  #next = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** Reads and appends, one after the other: each record is folded once. */
  readonly #inTurn = turnsInOrder();

  private constructor(options: ControlLogOptions) {
    this.#options = options;
  }

  /** Opens the topic, and folds all of its records. Errors: STREAM_RECORD, those of the log. */
  static async open(options: ControlLogOptions): Promise<ControlLog> {
    await options.log.openTopic(options.topic, 1);
    const control = new ControlLog(options);
    await control.refresh();
    return control;
  }

  /** null: the job has no version yet. */
  get state(): ControlState | null {
    return this.#state;
  }

  /** Folds what others have appended. Errors: STREAM_RECORD, those of the log. */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#readTo(Number.POSITIVE_INFINITY));
  }

  /** By partition, the offset that the job begins with, where it is not the oldest. */
  get begins(): readonly number[] {
    return this.#begins;
  }

  /** Begins the job with a version, at some offsets; nothing where it has begun. */
  async begin(version: StreamVersion, now: number, begins: readonly number[] | null = null): Promise<void> {
    if (this.#state === null) await this.#add({ kind: 'first', version, ...(begins === null ? {} : { begins }) }, now);
  }

  /** Appends a record; gives whether it counts: of records of several processes that exclude each other, the first does. */
  append(record: ControlRecord, now: number): Promise<boolean> {
    return this.#add(record, now);
  }

  #add(record: StoredControl, now: number): Promise<boolean> {
    return this.#inTurn(() => this.#append(record, now));
  }

  async #append(record: StoredControl, now: number): Promise<boolean> {
    const { log, topic } = this.#options;
    const at = Math.max(now, this.#lastAt);
    const offset = await log.append(topic, 0, [encodeControl(record, at)]);
    await this.#readTo(offset);
    // Records of others that are not there yet precede it: it is folded after them, with the next refresh.
    return this.#next === offset && this.#fold(record, at);
  }

  /** Folds records up to an offset, exclusive, or to the end. */
  async #readTo(end: number): Promise<void> {
    const { log, topic } = this.#options;
    while (this.#next < end) {
      const { records } = await log.read(topic, 0, this.#next, Math.min(READ, end - this.#next));
      if (records.length === 0) return;
      for (const record of records) this.#fold(decodeControl(topic, record), record.ingestTs);
    }
  }

  /** Whether the record changed the state. */
  #fold(record: StoredControl, at: number): boolean {
    const before = this.#state;
    this.#next += 1;
    this.#lastAt = Math.max(at, this.#lastAt);
    if (record.kind === 'first') this.#begin(record);
    else if (this.#state !== null) this.#state = applyControl(this.#state, record);
    return this.#state !== before;
  }

  /** Of several first records the first counts. */
  #begin({ version, begins = [] }: FirstRecord): void {
    if (this.#state !== null) return;
    this.#state = firstControl(this.#options.partitions, version);
    this.#begins = begins;
  }
}
