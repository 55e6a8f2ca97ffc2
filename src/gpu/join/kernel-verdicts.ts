import { topKernels } from '../analysis/kernels.ts';
import { type KernelVerdict, kernelVerdict } from '../analysis/ncu-verdict.ts';
import { windowNames } from '../analysis/steps.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { type FindingDraft, noMeasurement } from '../finding.ts';
import type { NcuKernel } from '../readers/ncu.ts';
import { ms, percent, perStep } from '../rules/rule.ts';

/** A kernel with its verdict, and its share of the kernel time of a trace; null where no trace has it. */
export interface JudgedKernel {
  readonly file: string;
  readonly kernel: NcuKernel;
  readonly verdict: KernelVerdict;
  readonly share: number | null;
  /** The GPU that the share is of. */
  readonly facts: TraceFacts | undefined;
}

/** Names are compared without return type, arguments and white space: tools write them differently. */
export function plainKernelName(name: string): string {
  const bare = name.replace(/^void\s+/, '').replace(/\s+/g, '');
  let depth = 0;
  for (const [at, sign] of [...bare].entries()) {
    if (sign === '<') depth += 1;
    else if (sign === '>') depth -= 1;
    else if (sign === '(' && depth === 0 && !bare.startsWith('(anonymous', at)) return bare.slice(0, at);
  }
  return bare;
}

/** Joins kernels of Nsight Compute with those of a trace: a verdict counts by its kernel's share of the step. */
export function judgeKernels(
  file: string,
  kernels: readonly NcuKernel[],
  facts: TraceFacts | undefined,
): readonly JudgedKernel[] {
  const shares = new Map<string, number>();
  if (facts !== undefined)
    for (const { name, share } of topKernels(facts)) {
      const plain = plainKernelName(name);
      shares.set(plain, (shares.get(plain) ?? 0) + share);
    }
  return kernels.map((kernel) => ({
    file,
    kernel,
    verdict: kernelVerdict(kernel),
    share: shares.get(plainKernelName(kernel.name)) ?? null,
    facts,
  }));
}

/** How much faster a kernel could be at most, by its verdict; undefined where the metrics give no bound. */
function speedUpBound({ verdict, memoryLevel, memoryPercent, smPercent }: KernelVerdict): number | undefined {
  if (verdict === 'memory' && memoryLevel !== undefined) return 100 / memoryPercent;
  return verdict === 'compute' ? 100 / smPercent : undefined;
}

const advice: Readonly<Record<KernelVerdict['verdict'], readonly string[]>> = {
  'small grid': ['give the kernel more work at once: a larger batch, or fuse or batch the calls'],
  latency: ['more warps in flight: smaller tiles or fewer registers; look at the stall reasons of the kernel'],
  memory: ['move fewer bytes: fuse neighbours, lower precision, channels_last, better coalescing'],
  compute: ['use Tensor Cores or a lower precision; a better tile size'],
  balanced: ['only less work makes it faster: fuse, or choose another algorithm'],
  'high throughput': ['the kernel is near the peak of the device: only less work makes it faster'],
  unknown: ['run ncu with --set full for the sections that the verdict needs'],
};

/** Findings about kernels that a trace and Nsight Compute both have. */
export function kernelFindings(judged: readonly JudgedKernel[], facts: TraceFacts): readonly FindingDraft[] {
  const compute = facts.sum.computationUs / facts.sum.totalUs;
  return judged.flatMap(({ file, kernel, verdict, share }) => {
    const bound = speedUpBound(verdict);
    if (share === null || share * compute < 0.05 || verdict.verdict === 'high throughput') return [];
    const kernelUs = perStep(facts, facts.sum.computationUs) * share;
    const recoverableUs = bound === undefined ? null : kernelUs * (1 - 1 / bound);
    const level = verdict.memoryLevel === undefined ? '' : ` (${verdict.memoryLevel})`;
    return [
      {
        cause: 'kernel-efficiency',
        title: `${shortName(kernel.name)} takes ${percent(share * compute)} % of the step and is limited by ${verdict.verdict}${level}`,
        scope: {
          file: facts.file,
          rank: facts.trace.rank ?? null,
          device: facts.device,
          window: windowNames[facts.windows[0].kind],
        },
        evidence: [
          { file: facts.file, what: 'share of kernel time', value: percent(share), unit: '%', events: [kernel.name] },
          { file, what: `verdict (${verdict.by})`, value: verdict.verdict, unit: '', events: [kernel.id] },
          { file, what: 'SM throughput', value: verdict.smPercent, unit: '% of peak' },
          { file, what: 'memory throughput', value: verdict.memoryPercent, unit: '% of peak' },
          ...(Number.isNaN(verdict.dramPercent)
            ? []
            : [{ file, what: 'DRAM throughput', value: verdict.dramPercent, unit: '% of peak' }]),
          { file: facts.file, what: 'time of the kernel per step', value: ms(kernelUs), unit: 'ms' },
        ],
        shareOfStep: recoverableUs === null ? share * compute : recoverableUs / facts.stepUs,
        recoverableUs,
        gpuHours: null,
        expected: noMeasurement,
        confidence: 'medium' as const,
        disproof:
          'Nsight Compute serialises kernels and locks clocks: if the kernel is as long after the change in a trace, the verdict does not hold there',
        fix: advice[verdict.verdict],
        nextCommand: `ncu --set full --import-source yes -k regex:${shortName(kernel.name).replace(/\W.*$/, '')} -c 1 -o kernel python train.py`,
      },
    ];
  });
}

/** A kernel's name, cut to 80 signs. */
function shortName(name: string): string {
  const plain = plainKernelName(name);
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain;
}
