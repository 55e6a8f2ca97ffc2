import type { StepFacts } from '../plan/step-model.ts';
import { type Card, cardOf } from './cards.ts';
import { a100MixedPrecision, borrowed, v100MixedPrecision } from './priors.ts';
import { type JobFacts, type Prior, share, type Technique } from './technique.ts';

/** Halving the bytes at most doubles the speed of a kernel that memory bounds. */
const MOST_OF_MEMORY = 2;

export const mixedPrecision: Technique = {
  name: 'mixed-precision',
  title: 'mixed precision (autocast)',
  class: 'gain',
  changesTraining: false,
  alters: ['precision'],
  precondition: ({ precision, step, kernelsKnown, accelerator }) => {
    if (precision === 'bf16' || precision === 'fp16' || precision === 'fp8')
      return { state: 'failed', by: `the job computes in ${precision} already: 1.0` };
    const card = cardOf(accelerator);
    if (card !== null && !card.fp16) return { state: 'failed', by: `${card.chip} has no units for 16 bits` };
    const form = card === null ? `the units of ${accelerator} are not known` : formOn(card);
    const kernels = step.tensorS + step.memoryS + step.otherS;
    const concerned = share((step.tensorS + step.memoryS) / kernels);
    if (precision === null)
      return { state: 'assumed', by: `the profile does not show the precision: record shapes; ${form}` };
    if (card === null) return { state: 'assumed', by: `${precision} now; ${form}` };
    const after = precision === 'fp32' && card.tf32 ? ', after TF32, whose line comes first' : '';
    return kernelsKnown
      ? { state: 'verified', by: `${precision} now, ${concerned} of kernel time can gain; ${form}${after}` }
      : { state: 'assumed', by: `${precision} now; kernels are not divided into classes; ${form}${after}` };
  },
  priors: ({ accelerator, precision, gradients16Bit }) => [
    speedupOf(accelerator, precision),
    fixed(
      'speed-up of the all-reduce',
      gradients16Bit ? 2 : 1,
      gradients16Bit ? 'gradients in 16 bits' : 'gradients stay in FP32',
    ),
  ],
  apply: (step, [speedup = 1, allReduce = 1]) =>
    withPrecision(step, { tensor: speedup, memory: Math.min(speedup, MOST_OF_MEMORY), allReduce }),
  interactions:
    'worth nothing while the loader is the bound; shorter kernels hide less communication; the all-reduce gains only if gradients are in 16 bits',
  risk: 'low with BF16; FP16 needs a scaler of the loss, and can diverge without it',
  measurement: '20 steps with autocast, passed as --trial mixed-precision=FILE',
  change: 'with torch.autocast("cuda", dtype=torch.bfloat16): around forward and loss',
  changeOn: ({ accelerator }) =>
    cardOf(accelerator)?.bf16 === false
      ? 'with torch.autocast("cuda", dtype=torch.float16) around forward and loss, and torch.amp.GradScaler: scale, unscale_, step, update'
      : 'with torch.autocast("cuda", dtype=torch.bfloat16): around forward and loss',
};

function speedupOf(accelerator: string, precision: JobFacts['precision']): Prior {
  if (precision === 'bf16' || precision === 'fp16' || precision === 'fp8')
    return fixed('speed-up of kernels', 1, `the job computes in ${precision} already`);
  const chip = cardOf(accelerator)?.chip ?? accelerator;
  if (chip === 'A100') return a100MixedPrecision;
  if (chip === 'V100') return v100MixedPrecision;
  // Volta and Turing begin at FP32, later cards at TF32.
  return cardOf(accelerator)?.bf16 === false
    ? borrowed(v100MixedPrecision, chip, 'V100')
    : borrowed(a100MixedPrecision, chip, 'A100');
}

function formOn({ chip, bf16 }: Card): string {
  return bf16 ? `BF16 on ${chip}` : `FP16 with a scaler of the loss: ${chip} has no BF16 units`;
}

function fixed(name: string, value: number, source: string): Prior {
  return { name, p10: value, p50: value, p90: value, source, kind: 'measured' };
}

/** Kernels and all-reduce divided by their speed-ups. */
export function withPrecision(
  step: StepFacts,
  { tensor, memory, allReduce }: { readonly tensor: number; readonly memory: number; readonly allReduce: number },
): StepFacts {
  return {
    ...step,
    tensorS: step.tensorS / tensor,
    memoryS: step.memoryS / memory,
    allReduceS: step.allReduceS / allReduce,
  };
}
