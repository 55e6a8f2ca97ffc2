import { joinLaunches, type Launches } from '../analysis/launches.ts';
import type { Trace } from '../trace/trace.ts';

/** The changes of HolisticTraceAnalysis to a trace before its analysis; repeated only to show its faults. */
export interface HtaFaults {
  /** Nanosecond times: starts are rounded up to whole microseconds, ends down, so that each event loses up to 2 µs. */
  readonly rounding?: boolean;
  /** Only these launching calls count; kernels of HIP, of the driver API and of graphs have no launch then. */
  readonly launchNames?: RegExp;
}

/** GPU events with their launching calls, as HolisticTraceAnalysis chooses them: without the last of several steps. */
export interface HtaRows {
  readonly trace: Trace;
  readonly rows: Int32Array;
  readonly launches: Launches;
  /** Start and end of a GPU event or of a host event, rounded if that fault is repeated. */
  readonly gpuTime: (row: number) => readonly [number, number];
  readonly hostTime: (row: number) => readonly [number, number];
}

/** The rows of a trace under the scope of HolisticTraceAnalysis. */
export function htaRows(trace: Trace, { rounding = false, launchNames = /./ }: HtaFaults = {}): HtaRows {
  const { gpu, host, names, steps } = trace;
  const launches = joinLaunches(trace);
  const until = steps.length > 1 ? steps[steps.length - 1].ts : Number.POSITIVE_INFINITY;
  const counts = names.tester(launchNames);
  const ofGpu = launches.ofGpu.map((launch) => (launch >= 0 && counts(host.name[launch]) ? launch : -1));
  const rows: number[] = [];
  for (let row = 0; row < gpu.length; row += 1) {
    const launch = launches.ofGpu[row];
    if (until === Number.POSITIVE_INFINITY || (launch >= 0 && host.ts[launch] < until)) rows.push(row);
  }
  const time = ({ ts, dur }: { readonly ts: Float64Array; readonly dur: Float64Array }, row: number) =>
    rounding
      ? ([Math.ceil(ts[row]), Math.floor(ts[row] + dur[row])] as const)
      : ([ts[row], ts[row] + dur[row]] as const);
  return {
    trace,
    rows: Int32Array.from(rows),
    launches: { ofGpu, any: launches.any },
    gpuTime: (row) => time(gpu, row),
    hostTime: (row) => time(host, row),
  };
}
