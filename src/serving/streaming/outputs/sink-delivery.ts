import { fail } from '../../../base/errors/fail.ts';
import type { Clock } from '../../../base/time.ts';
import type { ScoreBatch, ScoreSink } from '../../../ports/score-sink.ts';
import type { PlacedOutput } from './output-reader.ts';

export interface SinkDeliveryOptions {
  readonly stream: string;
  /** Name of the sink. */
  readonly name: string;
  /** Error: CONFIG_SECRET. */
  readonly open: () => ScoreSink;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Outputs of one message. */
const MOST_OUTPUTS = 500;

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;

/** Sends outputs to one sink, a partition after the other, each message until it is accepted. */
export class SinkDelivery {
  readonly #options: SinkDeliveryOptions;
  /** Keys of messages that were accepted, of outputs that are offered again because of others. */
  readonly #accepted = new Set<string>();
  #failure: {
    readonly error: Error;
    readonly since: number;
    readonly dueAt: number;
    readonly attempts: number;
  } | null = null;

  constructor(options: SinkDeliveryOptions) {
    this.#options = options;
  }

  /** Since when the sink takes nothing, epoch ms; null: it does. */
  get failingSince(): number | null {
    return this.#failure?.since ?? null;
  }

  /** Errors: STREAM_SINK_AWAY, CONFIG_SECRET. */
  async take(outputs: readonly PlacedOutput[]): Promise<void> {
    const { clock, open } = this.#options;
    const failed = this.#failure;
    if (failed !== null && clock() < failed.dueAt) throw failed.error;
    try {
      const sink = open();
      for (const batch of this.#batchesOf(outputs)) await this.#send(sink, batch);
    } catch (error) {
      throw this.#failed(error);
    }
    this.#accepted.clear();
    this.#failure = null;
  }

  async #send(sink: ScoreSink, batch: ScoreBatch): Promise<void> {
    if (this.#accepted.has(batch.key)) return;
    const { stream, name, signal } = this.#options;
    const answer = await sink.send(batch, signal);
    if (answer.kind !== 'accepted') {
      const afterMs = answer.kind === 'later' ? answer.afterMs : LONGEST_WAIT_MS;
      throw new Away(fail('STREAM_SINK_AWAY', { stream, sink: name, reason: answer.reason }), afterMs ?? 0);
    }
    this.#accepted.add(batch.key);
  }

  #failed(error: unknown): unknown {
    const shown = error instanceof Away ? error.shown : error;
    if (!(shown instanceof Error)) return shown;
    const now = this.#options.clock();
    const { attempts = 0, since = now } = this.#failure ?? {};
    const least = error instanceof Away ? error.leastMs : 0;
    const waitMs = Math.max(least, Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempts, 20), LONGEST_WAIT_MS));
    this.#failure = { error: shown, since, dueAt: now + waitMs, attempts: attempts + 1 };
    return shown;
  }

  *#batchesOf(outputs: readonly PlacedOutput[]): Iterable<ScoreBatch> {
    const { stream, clock } = this.#options;
    for (const [partition, ofPartition] of Map.groupBy(outputs, (output) => output.partition))
      for (let i = 0; i < ofPartition.length; i += MOST_OUTPUTS) {
        const some = ofPartition.slice(i, i + MOST_OUTPUTS);
        const [from, last] = [some[0].place, some[some.length - 1].place];
        const key = `${stream}/${partition}/${from}-${last}`;
        yield { key, stream, partition, from, at: clock(), outputs: some.map(sent) };
      }
  }
}

/** As `headrace stream read` prints it. */
function sent({ place: _, ...output }: PlacedOutput): string {
  return JSON.stringify(output);
}

/** A message that was not accepted, and the shortest time until the next attempt. */
class Away extends Error {
  readonly shown: Error;
  readonly leastMs: number;

  constructor(shown: Error, leastMs: number) {
    super(shown.message);
    this.shown = shown;
    this.leastMs = leastMs;
  }
}
