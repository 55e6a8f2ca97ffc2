import type { TrainedModel } from './trained-model.ts';

/** An embedded trainer after a step. */
export interface TrainerStep {
  /** Steps that are done: trees, iterations. */
  readonly step: number;
  /** Mean loss of the rows that judge. */
  readonly loss: number;
  /** Its whole state as JSON, for a checkpoint: from it the trainer gives the same file, bit by bit. */
  readonly state: () => string;
}

/** A training that gives control back after each step. */
export type TrainerSteps = Generator<TrainerStep, TrainedModel, boolean>;

/** Members of another generator's steps, seen as those of a trainer. */
export function* seenAs<Step>(
  steps: Generator<Step, TrainedModel, boolean>,
  as: (step: Step, index: number) => TrainerStep,
): TrainerSteps {
  let ends = false;
  for (let index = 0; ; index += 1) {
    const next = steps.next(ends);
    if (next.done === true) return next.value;
    ends = yield as(next.value, index);
  }
}
