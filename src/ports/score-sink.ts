import type { SinkAnswer } from './alert-sink.ts';

/** Outputs of one partition of a stream, in order. */
export interface ScoreBatch {
  /** The same at every attempt in one life of a process: `scored/0/120-180`. */
  readonly key: string;
  readonly stream: string;
  readonly partition: number;
  /** Place of the first in the topic of outputs: the same at every attempt, whatever process makes it. */
  readonly from: number;
  /** When it is sent, epoch ms. */
  readonly at: number;
  /** One JSON object each; `partition` and `offset` of an output name it. */
  readonly outputs: readonly string[];
}

/**
 * Takes the outputs of a stream.
 *
 * Rules:
 *  1. `accepted` means that the receiver has all outputs of the batch; anything else may be sent again, with more outputs after them;
 *  2. `send` never throws, and ends within its own time limit or when the signal aborts;
 *  3. a reason has no secret;
 *  4. where `isExact`, a batch that begins at a place replaces the earlier one of that place: each output is there once.
 */
export interface ScoreSink {
  readonly isExact: boolean;
  send(batch: ScoreBatch, signal: AbortSignal): Promise<SinkAnswer>;
}
