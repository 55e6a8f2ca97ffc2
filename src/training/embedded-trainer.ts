import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { parseBoostedOptions } from './boosted-trees/boosted-options.ts';
import { trainBoosted } from './boosted-trees/train-boosted.ts';
import { JOB_FORMAT, type TrainingJob, type TrainingResult } from './job/training-job.ts';
import { parseLogisticOptions } from './logistic/logistic-options.ts';
import { trainLogistic } from './logistic/train-logistic.ts';
import type { TrainingFrame } from './training-frame.ts';

/** Trainers that come with headrace, by kind. */
const trainers = {
  logisticRegression: {
    parseOptions: parseLogisticOptions,
    train: (frame: TrainingFrame, job: TrainingJob) =>
      trainLogistic(frame, parseLogisticOptions(job.options), job.trainingSet),
  },
  boostedTrees: {
    parseOptions: parseBoostedOptions,
    train: (frame: TrainingFrame, job: TrainingJob) =>
      trainBoosted(frame, { options: parseBoostedOptions(job.options), path: job.trainingSet, task: job.task }),
  },
} as const;

/** Whether a kind is one of the embedded trainers. */
export function isEmbeddedTrainer(kind: string): kind is keyof typeof trainers {
  return Object.hasOwn(trainers, kind);
}

/** Refuses options that a trainer does not take, before anything is started. Error: TRAINING_OPTION. */
export function checkTrainerOptions(kind: keyof typeof trainers, options: TrainingJob['options']): void {
  trainers[kind].parseOptions(options);
}

/** Kinds of training: the embedded trainers, and any program. */
export const trainerKinds: readonly string[] = [...Object.keys(trainers), 'command'];

/** Runs an embedded trainer over a job's frame and leaves its files in `directory`. Errors: TRAINING_KIND, TRAINING_OPTION, TRAINING_DATA. */
export function runEmbeddedTrainer(job: TrainingJob, frame: TrainingFrame, directory: string): void {
  const kind = String(job.options['kind']);
  if (!isEmbeddedTrainer(kind)) throw fail('TRAINING_KIND', { kind, known: trainerKinds });
  const { onnx, input, output, metrics, parity } = trainers[kind].train(frame, job);
  writeFileSync(join(directory, 'model.onnx'), onnx);
  const result: TrainingResult = {
    format: JOB_FORMAT,
    model: 'model.onnx',
    input,
    output,
    features: frame.names,
    metrics,
    parity,
  };
  writeFileSync(join(directory, 'result.json'), JSON.stringify(result));
}
