import { hostKinds, type Trace } from '../trace/trace.ts';
import { rowsByThread } from './frames.ts';

/** One kernel of the CUPTI range profiler with the operators around its launch; null where the launch is not known. */
export interface CountedKernel {
  readonly name: string;
  readonly topOperator: string | null;
  readonly innermostOperator: string | null;
  readonly values: ReadonlyMap<string, number>;
  /** Floating-point operations by precision, from the executed instructions; 0 where they were not counted. */
  readonly flop: Readonly<Record<Precision, number>>;
}

export const precisions = { half: 'h', single: 'f', double: 'd' } as const;
export type Precision = keyof typeof precisions;

const launchCall = /^(cuda|hip)LaunchKernel|^cuLaunchKernel/;

/**
 * The kernels of the range profiler in order of time. The profiler tells no correlation: the n-th range is of the n-th launch,
 * and of none if there are not as many launches as ranges.
 */
export function countedKernels(trace: Trace): readonly CountedKernel[] {
  const ranges = trace.counters.toSorted((a, b) => a.ts - b.ts);
  const launches = ranges.length === 0 ? [] : launchOperators(trace);
  return ranges.map(({ name, values }, index) => {
    const launch = launches.length === ranges.length ? launches[index] : undefined;
    return {
      name,
      topOperator: launch?.top ?? null,
      innermostOperator: launch?.innermost ?? null,
      values,
      flop: { half: flopOf(values, 'h'), single: flopOf(values, 'f'), double: flopOf(values, 'd') },
    };
  });
}

function flopOf(values: ReadonlyMap<string, number>, precision: string): number {
  const of = (op: string) => values.get(`smsp__sass_thread_inst_executed_op_${precision}${op}_pred_on.sum`) ?? 0;
  return 2 * of('fma') + of('add') + of('mul');
}

/** The outermost and the innermost operator around each kernel launch, in order of time. */
function launchOperators(trace: Trace): readonly { readonly top: string | null; readonly innermost: string | null }[] {
  const { host, names } = trace;
  const isLaunch = names.tester(launchCall);
  const found: { ts: number; top: string | null; innermost: string | null }[] = [];
  for (const rows of rowsByThread(trace).values()) {
    const open: number[] = [];
    for (const row of rows) {
      const ts = host.ts[row];
      while (open.length > 0 && host.ts[open[open.length - 1]] + host.dur[open[open.length - 1]] <= ts) open.pop();
      if (host.kind[row] === hostKinds.op) open.push(row);
      else if (host.kind[row] >= hostKinds.runtime && isLaunch(host.name[row]))
        found.push({
          ts,
          top: open.length === 0 ? null : names.text(host.name[open[0]]),
          innermost: open.length === 0 ? null : names.text(host.name[open[open.length - 1]]),
        });
    }
  }
  return found.sort((a, b) => a.ts - b.ts);
}

/** The counters of a trace in one sentence; undefined without counters. */
export function countersText(trace: Trace): string | undefined {
  const kernels = countedKernels(trace);
  if (kernels.length === 0) return undefined;
  const sum = (of: (kernel: CountedKernel) => number) => kernels.reduce((total, kernel) => total + of(kernel), 0);
  const all = ({ flop }: CountedKernel) => flop.half + flop.single + flop.double;
  const total = sum(all);
  if (total === 0) return `hardware counters of ${kernels.length} kernels, none of floating-point instructions`;
  const byOperator = new Map<string, number>();
  for (const kernel of kernels) {
    const operator = kernel.topOperator ?? kernel.name;
    byOperator.set(operator, (byOperator.get(operator) ?? 0) + all(kernel));
  }
  const top = [...byOperator].sort((a, b) => b[1] - a[1]).slice(0, 3);
  const share = (part: number) => `${((100 * part) / total).toFixed(1)} %`;
  const precision = share(sum(({ flop }) => flop.single));
  return `hardware counters of ${kernels.length} kernels: ${(total / 1e9).toFixed(1)} GFLOP outside of Tensor Cores, ${precision} of it in single precision, most in ${top.map(([name, flop]) => `${name} (${share(flop)})`).join(', ')}`;
}
