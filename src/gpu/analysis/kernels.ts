import { medianInPlace } from '../../base/median.ts';
import { firstAbove } from '../intervals.ts';
import type { Names } from '../trace/names.ts';
import { gpuKinds, hostKinds } from '../trace/trace.ts';
import { workClassifier } from './decompose.ts';
import type { TraceFacts } from './trace-facts.ts';

/** Kernels of one name within the steady windows. */
export interface KernelSum {
  readonly name: string;
  readonly calls: number;
  readonly us: number;
  /** Share of the summed kernel time, 0 to 1. */
  readonly share: number;
}

/** At most this many kernels are distinguished: nobody reads the rest of a million. */
const MOST_KERNELS = 10_000;

/** Kernels by name, the longest first. */
export function topKernels(facts: TraceFacts): readonly KernelSum[] {
  const { gpu, names } = facts.trace;
  const workOf = workClassifier(facts.trace);
  // By the number of a name.
  const calls = new Int32Array(names.count);
  const times = new Float64Array(names.count);
  const rows = steadyRows(facts);
  let total = 0;
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    if (gpu.kind[row] !== gpuKinds.kernel || workOf(row) !== 'compute') continue;
    calls[gpu.name[row]] += 1;
    times[gpu.name[row]] += gpu.dur[row];
    total += gpu.dur[row];
  }
  const order = Int32Array.from(calls.keys()).filter((name) => calls[name] > 0);
  order.sort((a, b) => times[b] - times[a]);
  return Array.from(order.subarray(0, MOST_KERNELS), (name) => ({
    name: names.text(name),
    calls: calls[name],
    us: times[name],
    share: times[name] / total,
  }));
}

const steadyRowsOf = new WeakMap<TraceFacts, Int32Array>();

/** The GPU events that begin inside a steady window. */
export function steadyRows(facts: TraceFacts): Int32Array {
  const known = steadyRowsOf.get(facts) ?? findSteadyRows(facts);
  steadyRowsOf.set(facts, known);
  return known;
}

function findSteadyRows({ rows, steady, trace }: TraceFacts): Int32Array {
  const found = new Int32Array(rows.length);
  let count = 0;
  const starts = steady.map(({ start }) => start);
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    const ts = trace.gpu.ts[row];
    const at = firstAbove(starts, ts) - 1;
    if (at >= 0 && ts < steady[at].end) found[count++] = row;
  }
  return found.subarray(0, count);
}

/** How launches and kernels follow each other. Microseconds; NaN where launches are not in the trace. */
export interface LaunchPace {
  /** Calls of the host, of which one may launch a graph of many GPU events. */
  readonly launchesPerStep: number;
  readonly medianKernelUs: number;
  readonly medianLaunchIntervalUs: number;
  /** Median number of launched events that have not started, at the moments of launch. */
  readonly medianQueueLength: number;
}

/** The pace of launching within the steady windows. */
export function launchPace(facts: TraceFacts): LaunchPace {
  const { gpu, host } = facts.trace;
  const rows = steadyRows(facts);
  const { ofGpu } = facts.launches;
  const seen = new Uint8Array(host.length);
  // Filled by loops: `from` with a function would build a list of a million numbers first.
  const durations = new Float64Array(rows.length);
  let times = new Float64Array(rows.length);
  let starts = new Float64Array(rows.length);
  let calls = new Float64Array(rows.length);
  let launched = 0;
  let called = 0;
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    const launch = ofGpu[row];
    durations[index] = gpu.dur[row];
    if (launch < 0) continue;
    times[launched] = host.ts[launch];
    starts[launched++] = gpu.ts[row];
    if (seen[launch] === 0) calls[called++] = host.ts[launch];
    seen[launch] = 1;
  }
  times = times.subarray(0, launched).sort();
  starts = starts.subarray(0, launched).sort();
  calls = calls.subarray(0, called).sort();
  const queue = new Float64Array(launched);
  let started = 0;
  for (let index = 0; index < launched; index += 1) {
    while (started < launched && starts[started] <= times[index]) started += 1;
    queue[index] = index - started;
  }
  // Turned into intervals in place, from the last.
  for (let index = called - 1; index > 0; index -= 1) calls[index] -= calls[index - 1];
  return {
    launchesPerStep: called / facts.steady.length,
    medianKernelUs: medianInPlace(durations),
    medianLaunchIntervalUs: medianInPlace(calls.subarray(1)),
    medianQueueLength: medianInPlace(queue),
  };
}

/** Operators whose kernels can use Tensor Cores (NVIDIA's documentation of automatic mixed precision). */
const eligibleOp =
  /^aten::(_convolution|convolution|conv[123]d|conv_tbc|conv_transpose[123]d|cudnn_convolution(_transpose)?|convolution_backward|cudnn_convolution_backward\w*|prelu|addmm|addmv|addr|matmul|mm|mv|linear|addbmm|baddbmm|bmm|chain_matmul|linalg_multi_dot)$/;

/** Kernels that use Tensor Cores, by the marks in their names. */
const tensorKernel =
  /[hs]884|[hs]1688|[hsi]?16816|hmma|imma|i8816|c1688|xmma_|dgrad_1x1_stride_2x2|first_layer_wgrad_kernel|conv2d_c1_k1|direct_group|tensorop|wmma|wgmma|gmma|_tc_|flash_fwd|flash_bwd|fmha|tf32|bf16|e4m3|nvjet|sm(90|100)_/i;

/** Kernels that compute in single precision without Tensor Cores, by the marks in their names. */
const singleKernel =
  /sgemm|scudnn|implicit_convolve_s|explicit_convolve_s|winograd|fft2d|dgrad2?d?_(alg|engine)|wgrad2?d?_(alg|engine)|_fp32|ffma|simt|conv.*float|gemv.*float|gemmSN|gemmk1_kernel<.*float/i;

/** Tells whether a kernel uses Tensor Cores, by the number of its name. */
export function tensorCoreTest(names: Names): (name: number) => boolean {
  return names.tester(tensorKernel);
}

/** How much kernel time belongs to operators that could use Tensor Cores. Shares of the summed kernel time. */
export interface TensorCoreUse {
  readonly eligibleShare: number;
  readonly usedShare: number;
  /** Share of kernels of eligible operators with the marks of single precision. */
  readonly singleShare: number;
  readonly topSingle: readonly KernelSum[];
}

/** Joins kernels with the operators around their launches. */
export function tensorCoreUse(facts: TraceFacts): TensorCoreUse {
  const { gpu, names } = facts.trace;
  const workOf = workClassifier(facts.trace);
  const eligible = eligibleLaunches(facts);
  const sums = { total: 0, eligible: 0, used: 0, single: 0 };
  const single = new Map<number, { calls: number; us: number }>();
  const isTensor = tensorCoreTest(names);
  const isSingle = names.tester(singleKernel);
  const rows = steadyRows(facts);
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    if (gpu.kind[row] !== gpuKinds.kernel || workOf(row) !== 'compute') continue;
    const us = gpu.dur[row];
    sums.total += us;
    if (isTensor(gpu.name[row])) sums.used += us;
    const launch = facts.launches.ofGpu[row];
    if (launch < 0 || eligible[launch] === 0) continue;
    sums.eligible += us;
    if (!isSingle(gpu.name[row])) continue;
    sums.single += us;
    const sum = single.get(gpu.name[row]) ?? { calls: 0, us: 0 };
    single.set(gpu.name[row], { calls: sum.calls + 1, us: sum.us + us });
  }
  const share = (us: number) => (sums.total === 0 ? 0 : us / sums.total);
  const topSingle = [...single]
    .map(([name, { calls, us }]) => ({ name: names.text(name), calls, us, share: share(us) }))
    .sort((a, b) => b.us - a.us);
  return {
    eligibleShare: share(sums.eligible),
    usedShare: share(sums.used),
    singleShare: share(sums.single),
    topSingle,
  };
}

/** 1 for launching calls inside an operator that could use Tensor Cores, by host event. */
function eligibleLaunches({ trace, threads }: TraceFacts): Uint8Array {
  const { host, names } = trace;
  const isEligible = names.tester(eligibleOp);
  const found = new Uint8Array(host.length);
  for (const rows of threads.values()) {
    let until = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index];
      if (host.kind[row] >= hostKinds.runtime) {
        if (host.ts[row] < until) found[row] = 1;
      } else if (host.kind[row] === hostKinds.op && isEligible(host.name[row])) {
        until = Math.max(until, host.ts[row] + host.dur[row]);
      }
    }
  }
  return found;
}
