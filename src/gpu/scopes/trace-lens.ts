import { busySpans, decompose } from '../analysis/decompose.ts';
import { joinLaunches } from '../analysis/launches.ts';
import type { Trace } from '../trace/trace.ts';
import type { ScopedNumber } from './scope.ts';

/**
 * The timeline of TraceLens: GPU events whose launching call is in the trace, from the first to the last of them. TraceLens
 * joins by flow events, this by correlation: a memset without its flow start is one event more here.
 */
export function traceLensNumbers(trace: Trace): readonly ScopedNumber[] {
  const { ofGpu } = joinLaunches(trace);
  const linked = Array.from({ length: trace.gpu.length }, (_, row) => row).filter((row) => ofGpu[row] >= 0);
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
  ];
}
