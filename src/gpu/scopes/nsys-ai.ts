import { busySpans } from '../analysis/decompose.ts';
import { lengthOf, subtract } from '../intervals.ts';
import { gpuKinds, type Trace } from '../trace/trace.ts';
import type { ScopedNumber } from './scope.ts';

/** nsys-ai: per GPU the span from the first to the last kernel, kernels only; kernel time and exposed NCCL over all GPUs. */
export function nsysAiNumbers(trace: Trace): readonly ScopedNumber[] {
  const { gpu } = trace;
  const devices = [...new Set(gpu.device.subarray(0, gpu.length))].sort((a, b) => a - b);
  let kernelUs = 0;
  let exposedUs = 0;
  const idle: ScopedNumber[] = [];
  for (const device of devices) {
    const rows = Array.from({ length: gpu.length }, (_, row) => row).filter(
      (row) => gpu.device[row] === device && gpu.kind[row] === gpuKinds.kernel,
    );
    if (rows.length === 0) continue;
    const busy = busySpans(trace, rows);
    const span = busy.all.ends[busy.all.ends.length - 1] - busy.all.starts[0];
    kernelUs += rows.reduce((sum, row) => sum + gpu.dur[row], 0);
    exposedUs += lengthOf(subtract(busy.communication, busy.compute));
    idle.push({
      name: `GPU ${device}: idle of the kernel span`,
      value: (100 * (span - lengthOf(busy.all))) / span,
      unit: '%',
    });
    idle.push({ name: `GPU ${device}: kernel span`, value: span, unit: 'µs' });
  }
  return [
    { name: 'kernel time', value: kernelUs, unit: 'µs' },
    { name: 'exposed NCCL', value: exposedUs, unit: 'µs' },
    ...idle,
  ];
}
