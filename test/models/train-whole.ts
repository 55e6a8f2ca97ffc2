import type { BoostStep } from '../../src/training/boosted-trees/boost.ts';
import { boostedSteps, type TrainBoostedOptions } from '../../src/training/boosted-trees/train-boosted.ts';
import type { Tree } from '../../src/training/boosted-trees/tree.ts';
import type { Design } from '../../src/training/logistic/design.ts';
import { type Fit, type FitOptions, fitSteps } from '../../src/training/logistic/fit.ts';
import type { ResolvedLogisticOptions } from '../../src/training/logistic/logistic-options.ts';
import { logisticSteps } from '../../src/training/logistic/train-logistic.ts';
import type { TrainedModel } from '../../src/training/trained-model.ts';
import type { TrainingFrame } from '../../src/training/training-frame.ts';

// The embedded trainers in one call, without a run.

export function fitLogistic(design: Design, labels: Float64Array, options: FitOptions): Fit {
  return endOf(fitSteps(design, labels, options));
}

export function trainLogistic(frame: TrainingFrame, options: ResolvedLogisticOptions, path: string): TrainedModel {
  return endOf(logisticSteps(frame, { options, path }));
}

export function trainBoosted(
  frame: TrainingFrame,
  options: TrainBoostedOptions & { readonly onTree?: (trees: readonly Tree[], loss: number) => boolean },
): TrainedModel {
  return endOf(boostedSteps(frame, options), ({ trees, loss }: BoostStep) => options.onTree?.(trees, loss) ?? false);
}

/** Runs steps to their end; `see` may end them earlier by true. */
export function endOf<Step, End>(
  steps: Generator<Step, End, boolean>,
  see: (step: Step) => boolean = () => false,
): End {
  for (let next = steps.next(false); ; next = steps.next(see(next.value))) if (next.done === true) return next.value;
}
