import { hostKinds, type Trace } from '../trace/trace.ts';

/** The launching calls of a trace, by correlation. */
export interface Launches {
  /** The host event that launched a GPU event, the earliest of several; -1 if it is not in the trace. */
  readonly ofGpu: Int32Array;
  /** Whether a trace has any launching call. */
  readonly any: boolean;
}

/** Joins GPU events with the runtime and driver calls of the same correlation. */
export function joinLaunches({ gpu, host }: Trace): Launches {
  const byCorrelation = new Map<number, number>();
  for (let row = 0; row < host.length; row += 1) {
    if (host.kind[row] < hostKinds.runtime || host.link[row] < 0) continue;
    const known = byCorrelation.get(host.link[row]);
    if (known === undefined || host.ts[row] < host.ts[known]) byCorrelation.set(host.link[row], row);
  }
  const ofGpu = new Int32Array(gpu.length).fill(-1);
  let any = false;
  for (let row = 0; row < gpu.length; row += 1) {
    const launch = gpu.correlation[row] < 0 ? undefined : byCorrelation.get(gpu.correlation[row]);
    if (launch === undefined) continue;
    ofGpu[row] = launch;
    any = true;
  }
  return { ofGpu, any };
}
