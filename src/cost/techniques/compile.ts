import { compileGaps, compileSpeedup } from './priors.ts';
import { share, type Technique } from './technique.ts';

export const compile: Technique = {
  name: 'compile',
  title: 'compilation and fusion (torch.compile)',
  class: 'gain',
  changesTraining: false,
  precondition: ({ step, compiled, kernelsKnown }) => {
    if (compiled) return { state: 'failed', by: 'the job is compiled already' };
    const busy = step.tensorS + step.memoryS + step.otherS + step.gapsS;
    const concerned = (step.memoryS + step.gapsS) / busy;
    if (concerned < 0.05)
      return { state: 'failed', by: `memory-bound kernels and gaps are ${share(concerned)} of a micro-step` };
    return {
      state: kernelsKnown ? 'verified' : 'assumed',
      by: `memory-bound kernels and gaps are ${share(concerned)} of a micro-step`,
    };
  },
  priors: () => [compileSpeedup, compileGaps],
  apply: (step, [speedup = 1, gaps = 1]) => ({ ...step, memoryS: step.memoryS / speedup, gapsS: step.gapsS * gaps }),
  interactions: 'overlaps with CUDA graphs and fused attention: count the gaps once',
  risk: 'about 7 % of models do not compile whole; the first step takes minutes',
  measurement: '20 steps after warm-up, passed as --trial compile=FILE',
  change: 'model = torch.compile(model)',
};
