import { firstAbove } from '../intervals.ts';
import { gpuKinds, hostKinds } from '../trace/trace.ts';
import { workClassifier } from './decompose.ts';
import { steadyRows, type TensorCoreUse, tensorCoreUse } from './kernels.ts';
import type { OperatorFacts, OperatorSum } from './operators/operators.ts';
import type { TraceFacts } from './trace-facts.ts';

/**
 * Where the time of a micro-step goes: one pass forward and backward. Seconds per micro-step of the steady steps; null where
 * the trace does not tell, and `missing` says why. The input of a plan of training costs.
 */
export interface StepProfile {
  /** Time of compute kernels: of operators that can use Tensor Cores, of others that memory bounds, and of all others. */
  readonly tensorEligibleS: number | null;
  readonly memoryBoundS: number | null;
  readonly otherKernelsS: number | null;
  readonly gapsS: number;
  readonly communicationS: number;
  readonly exposedCommunicationS: number;
  /** From the first to the last GPU event that the optimiser launched, spread over the micro-steps of its step. */
  readonly optimizerS: number | null;
  /** Share of the time of compute kernels, 0 to 1. */
  readonly backwardShare: number | null;
  /** Micro-steps to one step of the optimiser. */
  readonly accumulation: number | null;
  /** Samples of a micro-step: the first dimension of convolutions or attention. */
  readonly microBatch: number | null;
  readonly precision: 'fp32' | 'tf32' | 'fp16' | 'bf16' | 'fp8' | null;
  readonly peakMemoryBytes: number | null;
  /** Why each member that is null is null. */
  readonly missing: Readonly<Record<string, string>>;
}

const NO_HOST = 'the trace has no operators with their launches: record with activities=[CPU, CUDA]';
const NO_SHAPES =
  'the trace has no shapes on a device with known peaks: record_shapes=True, and --device if it is unnamed';

/** The profile of one GPU. */
export function stepProfile(facts: TraceFacts, operators: OperatorFacts | undefined): StepProfile {
  const { trace, sum, steady, hasHost, hasLaunches } = facts;
  const missing: Record<string, string> = {};
  const orMissing = <Value>(name: string, value: Value | null | undefined, why: string): Value | null => {
    if (value === null || value === undefined) missing[name] = why;
    return value ?? null;
  };
  const known = hasHost && hasLaunches;
  const passes = known ? passesOf(facts) : undefined;
  // Without a count of passes a marked step is taken for one.
  const microSteps = passes === undefined || passes.backward === 0 ? steady.length : passes.backward;
  const seconds = (us: number) => us / microSteps / 1e6;
  const kernels = kernelTimes(facts, known ? tensorCoreUse(facts) : undefined, operators);
  const optimizer = known ? optimizerSpan(facts) : undefined;
  const accumulation =
    passes === undefined || optimizer === undefined || optimizer.steps === 0 || passes.backward === 0
      ? undefined
      : passes.backward / optimizer.steps;
  return {
    tensorEligibleS: orMissing('tensorEligibleS', mapped(kernels.eligibleUs, seconds), NO_HOST),
    memoryBoundS: orMissing('memoryBoundS', mapped(kernels.memoryUs, seconds), NO_SHAPES),
    otherKernelsS: orMissing('otherKernelsS', mapped(kernels.otherUs, seconds), known ? NO_SHAPES : NO_HOST),
    gapsS: seconds(sum.idleUs),
    communicationS: seconds(sum.communicationUs),
    exposedCommunicationS: seconds(sum.exposedCommunicationUs),
    optimizerS: orMissing(
      'optimizerS',
      optimizer === undefined || optimizer.steps === 0 ? undefined : seconds(optimizer.us),
      'no range Optimizer.step is in the steady steps',
    ),
    backwardShare: orMissing(
      'backwardShare',
      passes === undefined || passes.backwardUs === 0 ? undefined : passes.backwardUs / kernels.totalUs,
      'no operator of autograd launches a kernel in the steady steps',
    ),
    accumulation: orMissing(
      'accumulation',
      accumulation,
      'the trace does not show both passes backward (with_stack=True) and steps of the optimiser',
    ),
    microBatch: orMissing('microBatch', microBatch(operators), 'no convolution or attention has shapes'),
    precision: orMissing('precision', precisionOf(operators), 'no product, convolution or attention has shapes'),
    peakMemoryBytes: orMissing('peakMemoryBytes', trace.peakMemoryBytes, 'record with profile_memory=True'),
    missing,
  };
}

function mapped(value: number | undefined, change: (value: number) => number): number | undefined {
  return value === undefined ? undefined : change(value);
}

const usesMatrices: ReadonlySet<string> = new Set(['gemm', 'convolution', 'attention']);

function kernelTimes(facts: TraceFacts, use: TensorCoreUse | undefined, operators: OperatorFacts | undefined) {
  const { gpu } = facts.trace;
  const workOf = workClassifier(facts.trace);
  const totalUs = steadyRows(facts).reduce(
    (us, row) => (gpu.kind[row] === gpuKinds.kernel && workOf(row) === 'compute' ? us + gpu.dur[row] : us),
    0,
  );
  const eligibleUs = use === undefined ? undefined : use.eligibleShare * totalUs;
  const memoryUs =
    operators?.peaks === undefined
      ? undefined
      : operators.operators.reduce(
          (us, one) => (one.bound === 'memory' && !usesMatrices.has(one.category) ? us + one.us : us),
          0,
        );
  const otherUs =
    eligibleUs === undefined || memoryUs === undefined ? undefined : Math.max(totalUs - eligibleUs - memoryUs, 0);
  return { totalUs, eligibleUs, memoryUs, otherUs };
}

const backwardCall = /torch\/_tensor\.py\(\d+\): backward$/;
const backwardOperator = /^autograd::engine::evaluate_function/;
const optimizerStep = /^Optimizer\.step#/;

/** Passes backward in the steady steps, by the frames that begin them, and the time of the kernels of autograd. */
function passesOf(facts: TraceFacts): { readonly backward: number; readonly backwardUs: number } {
  const { trace, threads, launches, steady } = facts;
  const { host, names, gpu } = trace;
  const isCall = names.tester(backwardCall);
  const isOperator = names.tester(backwardOperator);
  const inside = new Uint8Array(host.length);
  let backward = 0;
  for (const rows of threads.values()) {
    let until = Number.NEGATIVE_INFINITY;
    for (const row of rows) {
      if (host.kind[row] === hostKinds.python && isCall(host.name[row]) && isSteady(steady, host.ts[row]))
        backward += 1;
      else if (host.kind[row] === hostKinds.op && isOperator(host.name[row]))
        until = Math.max(until, host.ts[row] + host.dur[row]);
      else if (host.kind[row] >= hostKinds.runtime && host.ts[row] < until) inside[row] = 1;
    }
  }
  const workOf = workClassifier(trace);
  const backwardUs = steadyRows(facts).reduce((us, row) => {
    const launch = launches.ofGpu[row];
    const counts =
      launch >= 0 && inside[launch] === 1 && gpu.kind[row] === gpuKinds.kernel && workOf(row) === 'compute';
    return counts ? us + gpu.dur[row] : us;
  }, 0);
  return { backward, backwardUs };
}

function isSteady(steady: TraceFacts['steady'], at: number): boolean {
  return steady.some(({ start, end }) => at >= start && at < end);
}

/** The spans of GPU events that were launched inside of steps of the optimiser. */
function optimizerSpan(facts: TraceFacts): { readonly steps: number; readonly us: number } {
  const { trace, steady, launches } = facts;
  const { host, names, gpu } = trace;
  const isStep = names.tester(optimizerStep);
  const spans: { start: number; end: number; from: number; to: number }[] = [];
  for (let row = 0; row < host.length; row += 1)
    if (host.kind[row] === hostKinds.annotation && isStep(host.name[row]) && isSteady(steady, host.ts[row]))
      spans.push({ start: host.ts[row], end: host.ts[row] + host.dur[row], from: Infinity, to: -Infinity });
  spans.sort((a, b) => a.start - b.start);
  const starts = spans.map(({ start }) => start);
  for (const row of steadyRows(facts)) {
    const launch = launches.ofGpu[row];
    const span = launch < 0 ? undefined : spans[firstAbove(starts, host.ts[launch]) - 1];
    if (span === undefined || host.ts[launch] > span.end) continue;
    span.from = Math.min(span.from, gpu.ts[row]);
    span.to = Math.max(span.to, gpu.ts[row] + gpu.dur[row]);
  }
  return { steps: spans.length, us: spans.reduce((us, { from, to }) => us + Math.max(to - from, 0), 0) };
}

/** The value that operators of a category agree on for most of their time. */
function mostOf<Value>(
  operators: readonly OperatorSum[],
  of: (one: OperatorSum) => Value | undefined,
): Value | undefined {
  const times = new Map<Value, number>();
  for (const one of operators) {
    const value = of(one);
    if (value !== undefined) times.set(value, (times.get(value) ?? 0) + one.us);
  }
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function microBatch(operators: OperatorFacts | undefined): number | undefined {
  return mostOf(operators?.operators ?? [], ({ category, shapes }) => {
    if (category !== 'convolution' && category !== 'attention') return undefined;
    const first = /^(\d+)×/.exec(shapes)?.[1];
    return first === undefined ? undefined : Number(first);
  });
}

function precisionOf(operators: OperatorFacts | undefined): StepProfile['precision'] | undefined {
  return mostOf(operators?.operators ?? [], ({ category, type, tensor }) => {
    if (!usesMatrices.has(category)) return undefined;
    if (/^float8/.test(type)) return 'fp8' as const;
    if (/bfloat16/.test(type)) return 'bf16' as const;
    if (/half/.test(type)) return 'fp16' as const;
    return type === 'float' ? (tensor ? ('tf32' as const) : ('fp32' as const)) : undefined;
  });
}
