import { noTrouble, type Trouble } from '../../../base/trouble.ts';
import type { SourceTopic, TopicBatch } from '../../../ports/source-topic.ts';
import type { ReadOutput } from '../read-outputs.ts';
import { decodeOutput } from '../stream-record.ts';

/** An output, and its own place in the topic of outputs. */
export interface PlacedOutput extends ReadOutput {
  readonly place: number;
}

/** Outputs by what became of them, since the start. */
export type OutputCounts = { -readonly [Name in 'taken' | 'repeat' | 'lost']: number };

export interface OutputReaderOptions {
  readonly topic: SourceTopic;
  /** Takes some outputs; those of an earlier attempt come again. Whatever it throws, they are offered again. */
  readonly take: (outputs: readonly PlacedOutput[]) => Promise<void>;
  readonly onFault: (error: unknown) => void;
  /** Aborted when the outputs are closed: a turn that ends by it is no trouble. */
  readonly signal: AbortSignal;
}

/** A turn takes at most this many batches. */
const MOST_BATCHES = 32;

/**
 * Hands the outputs of a stream on, in the order of each partition, and commits what was taken: each is taken at least once. The output of a
 * repeat is left out, since an event has one score.
 */
export class OutputReader {
  readonly counts: OutputCounts = { taken: 0, repeat: 0, lost: 0 };
  readonly trouble: Trouble;
  readonly #options: OutputReaderOptions;
  /** A batch that was read and is not taken. */
  #waits: TopicBatch | null = null;

  constructor(options: OutputReaderOptions) {
    this.#options = options;
    this.trouble = noTrouble(options.onFault);
  }

  /** Outputs that nobody has taken yet, of the partitions that this process reads. */
  get waiting(): number {
    return this.#options.topic.lag().reduce((sum, { behind }) => sum + behind, 0);
  }

  /** Takes the outputs that have come; a failure is noted as trouble, and its outputs are offered again by the next turn. */
  async turn(waitMs: number): Promise<boolean> {
    try {
      for (let batch = 0; batch < MOST_BATCHES; batch += 1) if (!(await this.#takeBatch(waitMs))) break;
      this.trouble.over();
      return true;
    } catch (error) {
      if (!this.#options.signal.aborted) this.trouble.met(error);
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#options.topic.close();
  }

  /** Whether there may be more. */
  async #takeBatch(waitMs: number): Promise<boolean> {
    const { topic, take, onFault } = this.#options;
    const isNew = this.#waits === null;
    const batch = this.#waits ?? (await topic.read(waitMs));
    this.#waits = batch;
    if (isNew) {
      for (const news of batch.told) onFault(news);
      this.counts.lost += batch.lost;
    }
    const outputs = outputsOf(topic.name, batch);
    const firsts = outputs.filter(({ first }) => first === undefined);
    if (firsts.length > 0) await take(firsts);
    await topic.commit(batch.next);
    this.#waits = null;
    this.counts.taken += firsts.length;
    this.counts.repeat += outputs.length - firsts.length;
    return batch.next.offsets.size > 0;
  }
}

function outputsOf(topic: string, { records }: TopicBatch): readonly PlacedOutput[] {
  return records.flatMap(({ partition, offset: place, logged }) =>
    logged === undefined ? [] : [{ partition, place, ...decodeOutput(topic, logged) }],
  );
}
