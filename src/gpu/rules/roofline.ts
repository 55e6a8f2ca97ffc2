import type { OperatorFacts, OperatorSum } from '../analysis/operators/operators.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { type Evidence, type FindingDraft, noMeasurement, SILENT_BELOW } from '../finding.ts';
import { confidenceOf, evidence, ms, percent, perStep, type Remaining, scopeOf } from './rule.ts';

/** As in kernel-efficiency.ts: kernels are the next thing to improve only if computation is this share of the rest. */
const COMPUTE_FROM = 0.7;
/** From this share of the peak on, an operator is bound by memory bandwidth. */
const BANDWIDTH_BOUND_FROM = 0.6;
/** Data that caches serve moves faster than memory can; its traffic is not known. */
const SERVED_BY_CACHE_FROM = 1.05;
/** Shorter calls are launches more than work. */
const LONG_CALL_US = 50;
/** Operators below this share of their bound are far from it: well-written kernels of their kind reach more. */
const farBelow = { compute: 0.1, elementwise: BANDWIDTH_BOUND_FROM, other: 0.25 } as const;

/**
 * Cause 2 by shapes: the bytes and operations of each operator, with the peaks of the device. Bound by memory bandwidth: at
 * least 60 % of the peak. Far from both peaks: long calls that a better kernel would make shorter.
 */
export function rooflineFindings(
  facts: TraceFacts,
  known: OperatorFacts | undefined,
  remaining: Remaining,
): readonly FindingDraft[] {
  if (known === undefined || remaining.computationUs < COMPUTE_FROM * remaining.stepUs) return [];
  const rated = known.operators.filter(
    (one): one is Rated => one.bound !== null && one.shareOfPeak !== null && one.shareOfPeak > 0,
  );
  const bound = rated.filter(
    ({ bound: by, shareOfPeak, us, calls }) =>
      by === 'memory' &&
      shareOfPeak >= BANDWIDTH_BOUND_FROM &&
      shareOfPeak < SERVED_BY_CACHE_FROM &&
      us / calls >= LONG_CALL_US,
  );
  const slow = rated.filter((one) => one.us / one.calls >= LONG_CALL_US && isFarBelow(one));
  return [
    ...draftOf(facts, bound, {
      title: (share) => `${percent(share)} % of kernel time is in operators that are bound by memory bandwidth`,
      fix: [
        'move fewer bytes: let torch.compile fuse neighbouring operators; lower precision (bfloat16 for float32)',
        'attention written out: torch.nn.functional.scaled_dot_product_attention does not store the scores',
      ],
      disproof:
        'bytes are counted once by shape: if Nsight Compute (dram__bytes) shows fewer, caches served them and memory is not the limit',
    }),
    ...draftOf(facts, slow, {
      title: (share) =>
        `${percent(share)} % of kernel time is in operators that stay far below what their shapes allow, first ${shortName(slow[0])}`,
      fix: fixesOf(slow),
      disproof:
        'if another implementation or tile size takes as long with the same shapes, the shapes do not allow more on this device',
    }),
  ];
}

type Rated = OperatorSum & { readonly bound: 'compute' | 'memory'; readonly shareOfPeak: number };

function isFarBelow({ category, bound, shareOfPeak }: Rated): boolean {
  // Fused kernels are given tensors of which they may use a part, and write over others: their bytes are a guess.
  if (category === 'fused') return false;
  if (bound === 'compute') return shareOfPeak < farBelow.compute;
  return shareOfPeak < (category === 'elementwise' || category === 'reduction' ? farBelow.elementwise : farBelow.other);
}

function draftOf(
  facts: TraceFacts,
  operators: readonly Rated[],
  text: { title: (share: number) => string; fix: readonly string[]; disproof: string },
): readonly FindingDraft[] {
  const computationUs = perStep(facts, facts.sum.computationUs);
  const share = operators.reduce((sum, one) => sum + one.share, 0);
  const recoverableUs = operators.reduce(
    (sum, one) => sum + one.share * computationUs * (1 - Math.min(one.shareOfPeak, 1)),
    0,
  );
  if (recoverableUs / facts.stepUs < SILENT_BELOW) return [];
  return [
    {
      cause: 'kernel-efficiency',
      title: text.title(share),
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'computation', percent(facts.sum.computationUs / facts.sum.totalUs), '% of the step'),
        ...operators.slice(0, 6).map((one) => operatorEvidence(facts, one)),
        evidence(facts, 'step if each ran at the peak that bounds it', ms(facts.stepUs - recoverableUs), 'ms'),
      ],
      shareOfStep: recoverableUs / facts.stepUs,
      recoverableUs,
      gpuHours: null,
      expected: noMeasurement,
      confidence: confidenceOf(facts, false),
      disproof: text.disproof,
      fix: text.fix,
      nextCommand: 'ncu --set full --csv --page details -k regex:NAME -c 3 python train.py > kernels.csv',
    },
  ];
}

/** `aten::mm 1025×8192, 8192×1025 bfloat16: 10 calls of 107.1 µs, 100 % of kernel time, …: 12.3 % of the compute peak`. */
function operatorEvidence(facts: TraceFacts, one: Rated): Evidence {
  const { bound, shareOfPeak, events } = one;
  return evidence(facts, operatorText(one), percent(shareOfPeak), `% of the ${bound} peak`, events);
}

/** The work and speed of an operator, without its share of a peak. */
export function operatorText(one: OperatorSum): string {
  const { name, shapes, type, category, calls, us, tflops, tbPerS, intensity, share } = one;
  const computes = category === 'gemm' || category === 'attention' || category === 'convolution';
  const parts = [
    `${calls} calls of ${(us / calls).toFixed(1)} µs`,
    `${percent(share)} % of kernel time`,
    ...(tflops === null || !computes ? [] : [`${tflops.toFixed(1)} TFLOP/s`]),
    ...(tbPerS === null ? [] : [`${tbPerS.toFixed(3)} TB/s`]),
    ...(intensity === null || !computes ? [] : [`${intensity.toFixed(0)} FLOP/byte`]),
  ];
  return `${name} ${shapes} ${type}: ${parts.join(', ')}`;
}

function fixesOf(slow: readonly Rated[]): readonly string[] {
  const has = (...categories: readonly string[]) => slow.some(({ category }) => categories.includes(category));
  const softmax = slow.some(({ name }) => name.endsWith('softmax'));
  return [
    ...(softmax
      ? ['attention written out: torch.nn.functional.scaled_dot_product_attention does it in one kernel']
      : []),
    ...(has('attention') ? ['another attention kernel for these lengths and head sizes; batch short sequences'] : []),
    ...(has('gemm', 'convolution')
      ? [
          'dimensions that are multiples of 64, more rows or batches in one call; another GEMM library or tile (tunable ops)',
        ]
      : []),
    ...(has('elementwise', 'reduction', 'norm')
      ? ['contiguous tensors of the same memory layout; let torch.compile write and fuse these kernels']
      : []),
  ];
}

function shortName(one: OperatorSum | undefined): string {
  return one === undefined ? '' : `${one.name} ${one.shapes}`;
}
