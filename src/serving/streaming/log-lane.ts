import type { EventLog } from '../../ports/event-log.ts';
import type { FencedPartition, LaneCommit, LanePosition, StreamLane } from '../../ports/stream-lanes.ts';
import { decodeOutput } from './stream-record.ts';

const NO_STATE = new Uint8Array();

/**
 * A lane on a log that this process alone has open: the log's lock is the fence. An append holds outputs of dense offsets, all or none, so
 * the newest output gives the offset up to which the input is scored: outputs and next offset are one change.
 */
export class LogLane implements StreamLane {
  readonly #log: EventLog;
  readonly #topic: string;
  /** By partition: the next offset of the input; null: no output yet. */
  readonly #next: (number | null)[];
  readonly #ends: number[];

  private constructor(log: EventLog, topic: string, next: (number | null)[], ends: number[]) {
    this.#log = log;
    this.#topic = topic;
    this.#next = next;
    this.#ends = ends;
  }

  /** Opens the topic, and finds how far it is. Errors: STREAM_RECORD, those of the log. */
  static async open(log: EventLog, topic: string, partitions: number): Promise<LogLane> {
    await log.openTopic(topic, partitions);
    const ends = await log.ends(topic);
    const next: (number | null)[] = [];
    for (const [partition, { begin, end }] of ends.entries()) {
      const [last] = end > begin ? (await log.read(topic, partition, end - 1, 1)).records : [];
      next.push(last === undefined ? null : decodeOutput(topic, last).offset + 1);
    }
    return new LogLane(
      log,
      topic,
      next,
      ends.map(({ end }) => end),
    );
  }

  /** The last record of each partition must stay: it says how far the lane is. */
  get keepFrom(): readonly number[] {
    return this.#ends.map((end) => Math.max(0, end - 1));
  }

  fence(partition: number): FencedPartition {
    return {
      left: this.#left(partition),
      isShared: false,
      commit: (change) => this.#commit(partition, change),
      close: () => undefined,
    };
  }

  close(): void {
    // The log stays open.
  }

  #left(partition: number): LanePosition | null {
    const next = this.#next[partition];
    return next === null ? null : { next, state: NO_STATE };
  }

  /** Appends the outputs of the next offsets, all or none. Errors: those of the log. */
  async #commit(partition: number, { records, next }: LaneCommit): Promise<void> {
    if (records.length === 0) return;
    const appended = records.map(({ headers: _, ...record }) => record);
    const at = await this.#log.append(this.#topic, partition, appended);
    this.#next[partition] = next;
    this.#ends[partition] = at + appended.length;
  }
}
