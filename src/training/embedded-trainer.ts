import { fail } from '../base/errors/fail.ts';
import { parseBoostedOptions } from './boosted-trees/boosted-options.ts';
import { boostedSteps } from './boosted-trees/train-boosted.ts';
import { decodeTrees, encodeTrees } from './boosted-trees/tree-text.ts';
import type { TrainingJob } from './job/training-job.ts';
import { decodeFit, encodeFit } from './logistic/fit-text.ts';
import { parseLogisticOptions } from './logistic/logistic-options.ts';
import { logisticSteps } from './logistic/train-logistic.ts';
import { seenAs, type TrainerSteps } from './trainer-steps.ts';
import type { TrainingFrame } from './training-frame.ts';

/** A step as a checkpoint holds it. */
export interface KeptStep {
  readonly step: number;
  /** The parsed JSON of its state. */
  readonly state: unknown;
  /** Folder of the checkpoint. */
  readonly path: string;
}

export interface EmbeddedTrainer {
  /** Error: TRAINING_OPTION. */
  parseOptions(options: TrainingJob['options']): unknown;
  /** Trains, from the state of a step if there is one. Error: TRAINING_CHECKPOINT, for a state of something else. */
  steps(frame: TrainingFrame, job: TrainingJob, resume: KeptStep | null): TrainerSteps;
  /** The option that bounds its steps. */
  readonly stepOption: string;
}

/** Trainers that come with headrace, by kind. */
const trainers: Readonly<Record<string, EmbeddedTrainer>> = {
  logisticRegression: {
    stepOption: 'maxIterations',
    parseOptions: parseLogisticOptions,
    steps: (frame, { options, trainingSet }, kept) => {
      const resume = decoded(kept, decodeFit);
      const steps = logisticSteps(frame, { options: parseLogisticOptions(options), path: trainingSet, resume });
      const first = (kept?.step ?? 0) + 1;
      return seenAs(steps, (fit, index) => ({ step: first + index, loss: fit.loss, state: () => encodeFit(fit) }));
    },
  },
  boostedTrees: {
    stepOption: 'trees',
    parseOptions: parseBoostedOptions,
    steps: (frame, { options, trainingSet, task }, kept) => {
      const resume = decoded(kept, decodeTrees) ?? [];
      const steps = boostedSteps(frame, { options: parseBoostedOptions(options), path: trainingSet, task, resume });
      return seenAs(steps, ({ trees, loss }) => ({ step: trees.length, loss, state: () => encodeTrees(trees) }));
    },
  },
};

function decoded<State>(kept: KeptStep | null, decode: (state: unknown) => State | null): State | null {
  if (kept === null) return null;
  const state = decode(kept.state);
  if (state === null) throw fail('TRAINING_CHECKPOINT', { path: kept.path, reason: 'its state is of another trainer' });
  return state;
}

/** Kinds of training: the embedded trainers, any program, and a program that logs its version by a client of MLflow. */
export const trainerKinds: readonly string[] = [...Object.keys(trainers), 'command', 'mlflow'];

/** Whether a kind is one of the embedded trainers. */
export function isEmbeddedTrainer(kind: string): boolean {
  return Object.hasOwn(trainers, kind);
}

/** The embedded trainer of a job. Error: TRAINING_KIND. */
export function embeddedTrainer({ options }: Pick<TrainingJob, 'options'>): EmbeddedTrainer {
  const kind = String(options['kind']);
  const trainer = isEmbeddedTrainer(kind) ? trainers[kind] : undefined;
  if (trainer === undefined) throw fail('TRAINING_KIND', { kind, known: trainerKinds });
  return trainer;
}
