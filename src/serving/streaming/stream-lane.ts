import type { EventLog } from '../../ports/event-log.ts';
import { decodeOutput, encodeOutput, type StreamOutput } from './stream-record.ts';

/**
 * The topic of one lane of outputs. An append holds outputs of dense offsets, all or none, so the newest output gives the offset up to which the
 * input is scored: outputs and next offset are one change.
 */
export class StreamLane {
  readonly topic: string;
  readonly #log: EventLog;
  /** By partition: the next offset of the input; null: no output yet. */
  readonly #next: (number | null)[];
  readonly #lastAt: number[];
  #ends: number[];

  private constructor(log: EventLog, topic: string, next: (number | null)[], lastAt: number[], ends: number[]) {
    this.#log = log;
    this.topic = topic;
    this.#next = next;
    this.#lastAt = lastAt;
    this.#ends = ends;
  }

  /** Opens the topic, and finds how far it is. Errors: STREAM_RECORD, those of the log. */
  static async open(log: EventLog, topic: string, partitions: number): Promise<StreamLane> {
    await log.openTopic(topic, partitions);
    const ends = await log.ends(topic);
    const next: (number | null)[] = [];
    for (const [partition, { begin, end }] of ends.entries()) {
      const [last] = end > begin ? (await log.read(topic, partition, end - 1, 1)).records : [];
      next.push(last === undefined ? null : decodeOutput(topic, last).offset + 1);
    }
    return new StreamLane(
      log,
      topic,
      next,
      ends.map(({ lastIngestTs }) => lastIngestTs),
      ends.map(({ end }) => end),
    );
  }

  next(partition: number): number | null {
    return this.#next[partition];
  }

  /** The last record of each partition must stay: it says how far the lane is. */
  get keepFrom(): readonly number[] {
    return this.#ends.map((end) => Math.max(0, end - 1));
  }

  /** Appends the outputs of the next offsets, all or none. Errors: those of the log. */
  async append(partition: number, outputs: readonly Omit<StreamOutput, 'scoredAt'>[], now: number): Promise<void> {
    if (outputs.length === 0) return;
    const scoredAt = Math.max(now, this.#lastAt[partition]);
    const records = outputs.map((output) => encodeOutput({ ...output, scoredAt }));
    const at = await this.#log.append(this.topic, partition, records);
    this.#lastAt[partition] = scoredAt;
    this.#next[partition] = outputs[outputs.length - 1].offset + 1;
    this.#ends = this.#ends.map((end, i) => (i === partition ? at + records.length : end));
  }
}
