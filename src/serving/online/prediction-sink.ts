import type { QueueReport } from '../../observe/queue-report.ts';
import type { NewPrediction } from './prediction.ts';

/** Where a process that does not have the log hands its predictions. */
export interface PredictionSink {
  /** Ends when the log of the model has the predictions, as durably as events. Errors: SERVER_WRITER, those of the log. */
  append(model: string, predictions: readonly NewPrediction[]): Promise<unknown>;
  /** The predictions that wait for it. */
  queue(): QueueReport;
}
