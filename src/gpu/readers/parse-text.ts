import type { Source } from '../source.ts';
import { parseClusterSummaries, parseIterations } from './cluster.ts';
import { parseClusterJobs } from './cluster-jobs.ts';
import { parseDcgm } from './dcgm.ts';
import { parseDcgmiDmon } from './dcgmi-dmon.ts';
import { parseDistributions, parseVariations } from './distribution.ts';
import { parseDmon } from './dmon.ts';
import type { FileKind } from './format.ts';
import { parseGpuTrace } from './gpu-trace-csv.ts';
import { kernelRowsOf, parseKernelSums, parseStatsText } from './kernel-sums.ts';
import { parseMegatronLog } from './megatron-log.ts';
import { parseMonitorLines } from './monitor-jsonl.ts';
import { parseNcclTests } from './nccl-tests.ts';
import { parseNcu } from './ncu.ts';
import { parseNcuText } from './ncu-text.ts';
import { parsePhillyJobs, parsePhillyMachines, parsePhillyUtil } from './philly.ts';
import { parsePmon } from './pmon.ts';
import { parseNodeCsv, parsePodCsv, parsePodList } from './pods.ts';
import { parsePrometheus } from './prometheus.ts';
import { parseQueryGpu } from './query-gpu.ts';
import { parseSacct } from './sacct.ts';

/** Kinds that are read as one text. */
export type TextKind = Exclude<FileKind, 'trace' | 'nsys-sqlite' | 'nsys-rep' | 'ncu-rep'>;

const parsers: Readonly<Record<TextKind, (path: string, text: string) => Source>> = {
  dmon: (path, text) => ({ kind: 'samples', path, series: parseDmon(text) }),
  pmon: (path, text) => ({ kind: 'processes', path, rounds: parsePmon(text) }),
  'query-gpu': (path, text) => ({ kind: 'samples', path, series: parseQueryGpu(text) }),
  'monitor-jsonl': (path, text) => ({ kind: 'samples', path, series: parseMonitorLines(text) }),
  dcgm: (path, text) => ({ kind: 'dcgm', path, devices: parseDcgm(text) }),
  'ncu-csv': (path, text) => ({ kind: 'ncu', path, kernels: parseNcu(text) }),
  'ncu-text': (path, text) => ({ kind: 'ncu', path, kernels: parseNcuText(text) }),
  'nsys-gpu-trace': (path, text) => ({ kind: 'trace', path, trace: parseGpuTrace(text) }),
  'dcgmi-dmon': (path, text) => ({ kind: 'samples', path, series: parseDcgmiDmon(text) }),
  'nsys-kernel-csv': (path, text) => ({ kind: 'kernel-sums', path, kernels: parseKernelSums(text), tables: [] }),
  'nsys-stats-text': (path, text) => {
    const tables = parseStatsText(text);
    return { kind: 'kernel-sums', path, kernels: kernelRowsOf(tables), tables };
  },
  prometheus: (path, text) => ({ kind: 'samples', path, series: parsePrometheus(text, path) }),
  sacct: (path, text) => ({ kind: 'jobs', path, jobs: parseSacct(text) }),
  'pod-list': (path, text) => ({ kind: 'pods', path, pods: parsePodList(text) }),
  'pod-csv': (path, text) => ({ kind: 'pods', path, pods: parsePodCsv(text) }),
  'node-csv': (path, text) => ({ kind: 'nodes', path, nodes: parseNodeCsv(text) }),
  iterations: (path, text) => ({ kind: 'iterations', path, workers: parseIterations(text) }),
  variation: (path, text) => ({ kind: 'variation', path, jobs: parseVariations(text) }),
  'cluster-jobs': (path, text) => ({ kind: 'jobs', path, jobs: parseClusterJobs(text) }),
  'philly-util': (path, text) => ({ kind: 'samples', path, series: parsePhillyUtil(text) }),
  'philly-machines': (path, text) => ({ kind: 'nodes', path, nodes: parsePhillyMachines(text) }),
  'philly-jobs': (path, text) => ({ kind: 'jobs', path, jobs: parsePhillyJobs(text) }),
  'cluster-summary': (path, text) => ({ kind: 'clusters', path, clusters: parseClusterSummaries(text) }),
  'utilisation-cdf': (path, text) => ({ kind: 'distribution', path, metrics: parseDistributions(text) }),
  'nccl-tests': (path, text) => ({ kind: 'fabric', path, log: parseNcclTests(text) }),
  'megatron-log': (path, text) => ({ kind: 'log', path, iterations: parseMegatronLog(text) }),
};

/** Parses a text of a known kind; pure. */
export function parseText(kind: TextKind, path: string, text: string): Source {
  return parsers[kind](path, text);
}
