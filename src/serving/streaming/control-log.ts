import type { EventLog } from '../../ports/event-log.ts';
import { applyControl, type ControlRecord, type ControlState, firstControl } from './control-state.ts';
import { decodeControl, encodeControl, type StoredControl } from './stream-record.ts';
import type { StreamVersion } from './version-map.ts';

/** Records that are read at a time. */
const READ = 1_000;

export interface ControlLogOptions {
  readonly log: EventLog;
  readonly topic: string;
  /** Of the input. */
  readonly partitions: number;
}

/** The control log of a job: a topic of one partition, folded into the state. An append is durable before the state has it. */
export class ControlLog {
  readonly #options: ControlLogOptions;
  #state: ControlState | null = null;
  #lastAt = Number.NEGATIVE_INFINITY;

  private constructor(options: ControlLogOptions) {
    this.#options = options;
  }

  /** Opens the topic, and folds all of its records. Errors: STREAM_RECORD, those of the log. */
  static async open(options: ControlLogOptions): Promise<ControlLog> {
    const { log, topic } = options;
    await log.openTopic(topic, 1);
    const control = new ControlLog(options);
    for (let offset = 0; ; ) {
      const { records } = await log.read(topic, 0, offset, READ);
      if (records.length === 0) return control;
      for (const record of records) control.#fold(decodeControl(topic, record), record.ingestTs);
      offset += records.length;
    }
  }

  /** null: the job has no version yet. */
  get state(): ControlState | null {
    return this.#state;
  }

  /** Begins the job with a version; nothing where it has begun. */
  begin(version: StreamVersion, now: number): Promise<void> {
    return this.#state === null ? this.#add({ kind: 'first', version }, now) : Promise.resolve();
  }

  /** Appends a record; whether it counts is in the state. */
  append(record: ControlRecord, now: number): Promise<void> {
    return this.#add(record, now);
  }

  async #add(record: StoredControl, now: number): Promise<void> {
    const { log, topic } = this.#options;
    const at = Math.max(now, this.#lastAt);
    await log.append(topic, 0, [encodeControl(record, at)]);
    this.#fold(record, at);
  }

  #fold(record: StoredControl, at: number): void {
    this.#lastAt = Math.max(at, this.#lastAt);
    if (record.kind === 'first') this.#state ??= firstControl(this.#options.partitions, record.version);
    else if (this.#state !== null) this.#state = applyControl(this.#state, record);
  }
}
