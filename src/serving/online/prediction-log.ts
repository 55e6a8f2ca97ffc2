import { fail } from '../../base/errors/fail.ts';
import { partitionOf } from '../../base/hash/partition-of.ts';
import type { Clock } from '../../base/time.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { LoggedPrediction, NewPrediction, TakePredictions } from './prediction.ts';
import { encodePrediction, predictionTopic } from './prediction-record.ts';

/** Records of one append: what a call with many more asks for stays below what a log takes at once. */
const APPENDED_AT_ONCE = 2_000;

export interface PredictionLogOptions {
  readonly model: ModelData;
  readonly log: EventLog;
  readonly partitions: number;
  readonly clock: Clock;
  /** Called with each append once the log has it. */
  readonly appended: TakePredictions;
  /** Room in the queue of the history: null, or what predictions wait for before they are logged. Left out: there always is. */
  readonly room?: () => Promise<void> | null;
}

/** Predictions of one partition that wait for the end of the turn. */
interface Batch {
  readonly predictions: NewPrediction[];
  readonly done: Promise<void>;
}

/**
 * The topic of a model's predictions. A prediction is appended before it is answered, as durably as an event. Calls that
 * were scored in one run of the model share an append for each partition.
 */
export class PredictionLog {
  readonly #options: PredictionLogOptions;
  readonly #topic: string;
  readonly #batches: (Batch | null)[];

  private constructor(options: PredictionLogOptions) {
    this.#options = options;
    this.#topic = predictionTopic(options.model);
    this.#batches = Array.from({ length: options.partitions }, () => null);
  }

  /** Opens the topic, which is made where it is absent. Errors: those of the log. */
  static async open(options: PredictionLogOptions): Promise<PredictionLog> {
    const topic = predictionTopic(options.model);
    await options.log.openTopic(topic, options.partitions);
    return new PredictionLog(options);
  }

  /** Appends predictions; all are in the log when this ends. Errors: those of the log. */
  append(predictions: readonly NewPrediction[]): Promise<unknown> {
    if (predictions.length === 1) return this.#add(predictions[0]);
    return Promise.all(new Set(predictions.map((prediction) => this.#add(prediction))));
  }

  #add(prediction: NewPrediction): Promise<void> {
    const partition = partitionOf(prediction.id, this.#batches.length);
    const batch = this.#batches[partition] ?? this.#begin(partition);
    batch.predictions.push(prediction);
    return batch.done;
  }

  #begin(partition: number): Batch {
    const predictions: NewPrediction[] = [];
    const done = Promise.resolve(this.#options.room?.()).then(() => {
      this.#batches[partition] = null;
      return this.#send(partition, predictions);
    });
    const batch = { predictions, done };
    this.#batches[partition] = batch;
    return batch;
  }

  async #send(partition: number, predictions: readonly NewPrediction[]): Promise<void> {
    const { log, clock, appended } = this.#options;
    const servedAt = clock();
    const appends: Promise<void>[] = [];
    for (let from = 0; from < predictions.length; from += APPENDED_AT_ONCE) {
      const logged = predictions.slice(from, from + APPENDED_AT_ONCE).map((one) => loggedOf(one, servedAt));
      const offset = log.append(this.#topic, partition, logged.map(encodePrediction));
      if (offset instanceof Promise) appends.push(offset.then((at) => appended(partition, at, logged)));
      else appended(partition, offset, logged);
    }
    if (appends.length > 0) await Promise.all(appends);
  }
}

/** Refuses an id or instant that the log cannot keep as it is. Error: PREDICTION_VALUE. */
export function mustBeLoggable(model: string, id: string): void {
  if (typeof id !== 'string' || id === '' || !id.isWellFormed())
    throw fail('PREDICTION_VALUE', { model, part: 'id', value: String(id) });
}

function loggedOf({ id, at, version, score, ages, missing, lane }: NewPrediction, servedAt: number): LoggedPrediction {
  return {
    id,
    at,
    servedAt,
    version,
    score,
    streamingAgeMs: wholeMs(ages.streaming),
    batchAgeMs: wholeMs(ages.batch),
    missing,
    ...(lane === undefined ? {} : { rollout: lane }),
  };
}

/** An age that never was computed is none. */
function wholeMs(age: number | null): number | null {
  return age === null || !Number.isFinite(age) ? null : Math.round(age);
}
