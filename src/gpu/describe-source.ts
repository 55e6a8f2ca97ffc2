import { type JobFacts, jobFacts } from './analysis/occupancy.ts';
import { dcgmText } from './rules/counters.ts';
import { fabricText } from './rules/fabric.ts';
import type { Source } from './source.ts';

/** The contents of a file, in a few words. */
export function describeSource(source: Source): string {
  switch (source.kind) {
    case 'trace':
      return `${source.trace.source === 'nsys' ? 'Nsight Systems' : 'PyTorch profiler'}, ${source.trace.gpu.length} GPU events, ${source.trace.events} events`;
    case 'samples':
      return `${source.series.length} GPUs, ${source.series.reduce((sum, { util }) => sum + util.length, 0)} samples`;
    case 'processes':
      return `${new Set(source.rounds.flatMap(({ processes }) => processes.map(({ pid }) => pid))).size} processes, ${source.rounds.length} samples`;
    case 'dcgm':
      return `one scrape of ${source.devices.length} devices: ${source.devices.map(dcgmText).join('; ')}`;
    case 'ncu':
      return `${source.kernels.length} kernels`;
    case 'kernel-sums':
      return `${source.kernels.length} kernels, ${knownText(
        source.kernels.reduce((sum, { instances }) => sum + instances, 0),
        0,
      )} launches`;
    case 'jobs':
      return jobsText(jobFacts(source.jobs));
    case 'pods':
      return `${source.pods.length} pods`;
    case 'nodes':
      return `${source.nodes.length} nodes, ${knownText(
        source.nodes.reduce((sum, { gpus }) => sum + gpus, 0),
        0,
      )} GPUs`;
    case 'iterations':
      return `${source.workers.length} workers`;
    case 'variation':
      return `${source.jobs.length} jobs`;
    case 'clusters':
      return `${source.clusters.length} clusters`;
    case 'distribution':
      return `${source.metrics.length} distributions`;
    case 'fabric':
      return fabricText(source.log);
    case 'log':
      return `${source.iterations.length} iterations`;
    default:
      return source satisfies never;
  }
}

function jobsText({ jobs, gpuHours, unknown }: JobFacts): string {
  const rest = unknown === 0 || unknown === jobs ? '' : ` (of ${unknown} jobs unknown)`;
  return `${jobs} jobs, ${knownText(gpuHours, 2)} GPU-hours${rest}`;
}

/** A number, or that it is not known. */
function knownText(value: number, digits: number): string {
  return Number.isNaN(value) ? 'unknown' : value.toFixed(digits);
}
