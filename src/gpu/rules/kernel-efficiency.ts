import { tensorCoreUse } from '../analysis/kernels.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { SILENT_BELOW } from '../finding.ts';
import { confidenceOf, evidence, hasName, ms, percent, perStep, scopeOf, type TraceRule } from './rule.ts';

/** Below this share of the (remaining) step, faster kernels are not the next thing to do. */
const COMPUTE_FROM = 0.7;
/** Tensor Cores speed eligible kernels up by 1.5 to 3; the bound on the gain is that of the larger. */
const SPEED_UP = { least: 1.5, most: 3 };
/** Shares that count as Tensor Cores not being used. */
const UNUSED_BELOW = 0.02;

/**
 * Cause 2, from a trace alone: kernels that could use Tensor Cores compute in single precision. A trace does not show the
 * bound of other kernels: Nsight Compute does (join/kernel-verdicts.ts).
 */
export const kernelEfficiency: TraceRule = (facts, remaining) => {
  const { sum } = facts;
  if (remaining.computationUs < COMPUTE_FROM * remaining.stepUs || !hasTensorCores(facts)) return [];
  const use = tensorCoreUse(facts);
  if (use.usedShare > UNUSED_BELOW || use.singleShare < 0.5 * use.eligibleShare) return [];
  const eligibleUs = perStep(facts, sum.computationUs) * use.eligibleShare;
  const recoverableUs = eligibleUs * (1 - 1 / SPEED_UP.most);
  const share = recoverableUs / facts.stepUs;
  if (share < SILENT_BELOW) return [];
  return [
    {
      cause: 'kernel-efficiency',
      mechanism: 'precision',
      title: `${percent(use.eligibleShare)} % of kernel time could use Tensor Cores and computes in single precision`,
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'computation', percent(sum.computationUs / sum.totalUs), '% of the step'),
        evidence(facts, 'kernel time of operators that could use Tensor Cores', percent(use.eligibleShare), '%'),
        evidence(facts, 'kernel time that uses them', percent(use.usedShare), '%'),
        evidence(facts, 'step if these kernels ran 3 times as fast', ms(facts.stepUs - recoverableUs), 'ms'),
        ...use.topSingle
          .slice(0, 4)
          .map(({ name, us, calls, share: part }) =>
            evidence(facts, `${percent(part)} % of kernel time, ${calls} calls`, ms(us), 'ms', [name]),
          ),
      ],
      shareOfStep: share,
      recoverableUs,
      gpuHours: null,
      expected: `1.5 to 3 times on the eligible share only: a step of ${ms(facts.stepUs - eligibleUs * (1 - 1 / SPEED_UP.least))} to ${ms(facts.stepUs - recoverableUs)} ms`,
      confidence: confidenceOf(facts, use.usedShare === 0 && use.singleShare > 0.7 * use.eligibleShare),
      disproof: 'if torch.autocast leaves the kernels of these operators as long, precision is not the limit',
      fix: [
        "torch.autocast('cuda', dtype=torch.bfloat16 or float16 with a GradScaler)",
        'on Ampere and later: torch.set_float32_matmul_precision("high")',
        ...(hasName(facts, /conv/i) && !hasName(facts, /nhwc/i)
          ? ['convolutions: model.to(memory_format=torch.channels_last)']
          : []),
      ],
      nextCommand: 'ncu --set full --csv --page details -k regex:NAME -c 3 python train.py > kernels.csv',
    },
  ];
};

/** Whether the device is an NVIDIA one of compute capability 7 or later. */
function hasTensorCores({ trace, device }: TraceFacts): boolean {
  const properties = trace.devices.find(({ id }) => id === device) ?? trace.devices[0];
  return properties !== undefined && properties.computeMajor >= 7 && !/AMD|Radeon|Instinct|^$/.test(properties.name);
}
