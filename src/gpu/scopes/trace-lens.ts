import { busySpans, decompose } from '../analysis/decompose.ts';
import { rowsByThread } from '../analysis/frames.ts';
import { joinLaunches } from '../analysis/launches.ts';
import { innermostOperators } from '../analysis/operators/innermost-operators.ts';
import type { Trace } from '../trace/trace.ts';
import type { ScopedNumber } from './scope.ts';

/**
 * The timeline of TraceLens: GPU events whose launching call is in the trace, from the first to the last of them. TraceLens
 * joins by flow events, this by correlation: a memset without its flow start is one event more here, unless its correlation
 * is left out.
 */
export function traceLensNumbers(trace: Trace, leftOut: ReadonlySet<number> = new Set()): readonly ScopedNumber[] {
  const { ofGpu } = joinLaunches(trace);
  const linked = Array.from({ length: trace.gpu.length }, (_, row) => row).filter(
    (row) => ofGpu[row] >= 0 && !leftOut.has(trace.gpu.correlation[row]),
  );
  if (linked.length === 0) return [];
  const busy = busySpans(trace, linked);
  const d = decompose(busy, busy.all.starts[0], busy.all.ends[busy.all.ends.length - 1]);
  return [
    { name: 'computation_time', value: d.computationUs, unit: 'µs' },
    { name: 'exposed_comm_time', value: d.exposedCommunicationUs, unit: 'µs' },
    { name: 'exposed_memcpy_time', value: d.exposedCopyUs, unit: 'µs' },
    { name: 'busy_time', value: d.busyUs, unit: 'µs' },
    { name: 'idle_time', value: d.idleUs, unit: 'µs' },
    { name: 'total_time', value: d.totalUs, unit: 'µs' },
    { name: 'total_comm_time', value: d.communicationUs, unit: 'µs' },
    { name: 'total_memcpy_time', value: d.copyUs, unit: 'µs' },
    ...traceLensCategories(trace).map(
      ({ category, us }): ScopedNumber => ({ name: `operators ${category}`, value: us, unit: 'µs' }),
    ),
  ];
}

/** Operators of which TraceLens tells the category by their name. */
const categories: readonly (readonly [string, RegExp])[] = [
  ['GEMM', /^aten::(mm|addmm|bmm|baddbmm|_scaled_mm|addmv|mv|dot)$/],
  ['CONV_fwd', /^aten::(miopen_convolution|cudnn_convolution|convolution|_convolution|mkldnn_convolution)$/],
  ['CONV_bwd', /convolution_backward$/],
  ['NORM_fwd', /^aten::(native_layer_norm|native_batch_norm|(cudnn|miopen)_batch_norm|native_group_norm)$/],
  // Copies and memsets too, whatever they launch.
  ['elementwise', /^aten::(copy_|upsample_nearest1d)$/],
  ['NORM_bwd', /^aten::(native_layer_norm|native_batch_norm|(cudnn|miopen)_batch_norm|native_group_norm)_backward$/],
];

/** Operators that launch, by category as TraceLens tells them: by name, else by the name of their first kernel. */
export interface CategorySum {
  readonly category: string;
  /** Operator calls that launch something. */
  readonly calls: number;
  /** Time of their launched events, including copies and memsets. */
  readonly us: number;
}

/** GPU time by category of the innermost operator around the launch. */
export function traceLensCategories(trace: Trace): readonly CategorySum[] {
  const { gpu, host, names } = trace;
  const { ofGpu } = joinLaunches(trace);
  const operators = innermostOperators(trace, rowsByThread(trace));
  const categoryOf = new Map<number, string>();
  const sums = new Map<string, { calls: number; us: number }>();
  for (let row = 0; row < gpu.length; row += 1) {
    const operator = ofGpu[row] < 0 ? -1 : operators[ofGpu[row]];
    if (operator < 0) continue;
    const known = categoryOf.get(operator);
    const category = known ?? categoryOfCall(names.text(host.name[operator]), names.text(gpu.name[row]));
    categoryOf.set(operator, category);
    const sum = sums.get(category) ?? { calls: 0, us: 0 };
    sums.set(category, { calls: sum.calls + (known === undefined ? 1 : 0), us: sum.us + gpu.dur[row] });
  }
  return [...sums].map(([category, { calls, us }]) => ({ category, calls, us })).sort((a, b) => b.us - a.us);
}

function categoryOfCall(operator: string, kernel: string): string {
  const named = categories.find(([, pattern]) => pattern.test(operator));
  if (named !== undefined) return named[0];
  if (!kernel.startsWith('void at::native')) return 'other';
  return ['elementwise', 'reduce', 'multi_tensor_apply'].find((word) => kernel.includes(word)) ?? 'other';
}
