import type { Clock } from '../../base/time.ts';
import type { EventLog } from '../../ports/event-log.ts';

/** The log is asked for what others appended this often, ms. */
const LOOK_EVERY_MS = 50;

export interface LogFollowerOptions {
  readonly log: EventLog;
  /** The next offset to apply, by topic and partition; it moves on. */
  readonly next: () => ReadonlyMap<string, readonly number[]>;
  /** Called at each look with the instant before which nothing of the log is missing, epoch ms. */
  readonly looking: (followedUntil: number) => Promise<void>;
  /** Reads all up to its ends; never fails. */
  readonly pull: () => Promise<void>;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** Looks again and again for what other processes appended to the log, and has it read. */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #followedUntil = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
    this.#followedUntil = options.clock();
    this.#wait();
  }

  /** Events that others appended before this instant are in the tiles, epoch ms. */
  get followedUntil(): number {
    return this.#followedUntil;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch(this.#options.onFault)
        .finally(() => {
          if (!this.#closed) this.#wait();
        });
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { clock, next, looking, pull } = this.#options;
    const lookedAt = clock();
    const topics = [...next()].flatMap(([topic, offsets]) =>
      offsets.map((offset, partition) => this.#isBehind(topic, partition, offset)),
    );
    const behind = await Promise.all(topics);
    await looking(this.#followedUntil);
    if (behind.includes(true)) await pull();
    this.#followedUntil = lookedAt;
  }

  /** Whether the log has something at the offset that is still to be applied when it answers. */
  async #isBehind(topic: string, partition: number, offset: number): Promise<boolean> {
    const { records } = await this.#options.log.read(topic, partition, offset, 1);
    return records.length > 0 && (this.#options.next().get(topic)?.[partition] ?? 0) <= offset;
  }
}
