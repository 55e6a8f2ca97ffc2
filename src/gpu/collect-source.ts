import type { Evidenced } from './advice.ts';
import { type JobFacts, jobFacts, podFacts } from './analysis/occupancy.ts';
import { processUse } from './analysis/process-use.ts';
import { meanOf, medianOf } from './analysis/statistics.ts';
import { findStragglers } from './analysis/stragglers.ts';
import { utilisationOf } from './analysis/utilisation.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { FindingDraft } from './finding.ts';
import { joinAllocation } from './join/allocation.ts';
import { emptySeries } from './readers/samples.ts';
import {
  dcgmFindings,
  sampleDoubt,
  sampledActivity,
  sampledContradictions,
  sampleNotes,
  unprovenBusy,
} from './rules/counters.ts';
import { fabricDoubt, fabricFindings } from './rules/fabric.ts';
import { processDoubt, processFindings } from './rules/processes.ts';
import {
  allocationFindings,
  deadGpus,
  idleAllocated,
  lostClusterTime,
  lostJobs,
  podLimitations,
  unscheduledPods,
} from './rules/scheduling.ts';
import { iterationFindings, kernelSumFindings } from './rules/summaries.ts';
import type { Source } from './source.ts';

/** The parts of a diagnosis, collected from sources. */
export interface Collected {
  readonly drafts: FindingDraft[];
  /** Reasons for missing answers, whatever the other findings. */
  readonly reasons: string[];
  /** Why a file does not show that nothing is wrong. */
  readonly doubts: string[];
  readonly limitations: string[];
  readonly utilisation: Diagnosis['utilisation'][number][];
  readonly allocation: Diagnosis['allocation'][number][];
  readonly processes: Diagnosis['processes'][number][];
  /** Files that hold evidence about GPUs, whatever it says. */
  evidence: number;
  /** Those of them that are of one moment only. */
  moments: number;
}

/** Jobs that hold more GPUs than were sampled for so much of the time are of other GPUs too. */
const OVERBOOKED_FROM = 0.05;

/** Adds the facts of a file that is not a trace; `sources` are all files, since some are read together. */
export function collectSource(
  source: Source,
  sources: readonly Source[],
  given: ReadonlySet<Evidenced>,
  found: Collected,
): void {
  const { path } = source;
  switch (source.kind) {
    case 'trace':
      return;
    case 'samples':
      collectSamples(source, sources, given, found);
      return;
    case 'dcgm': {
      const { drafts, reasons, doubts } = dcgmFindings(path, source.devices, given);
      found.evidence += 1;
      found.moments += 1;
      found.drafts.push(...drafts);
      found.reasons.push(...reasons.map((text) => `${path}: ${text}`));
      found.doubts.push(...doubts.map((text) => `${path}: ${text}`));
      return;
    }
    case 'distribution':
      collectDistributions(source, given, found);
      return;
    case 'jobs': {
      const facts = jobFacts(source.jobs);
      found.evidence += source.jobs.length > 0 ? 1 : 0;
      found.drafts.push(...lostJobs(path, facts));
      if (facts.unknown > 0) found.limitations.push(`${path}: ${unknownJobsText(facts)}`);
      if (facts.unknown === facts.jobs) found.doubts.push(`${path}: ${unknownJobsText(facts)}`);
      else if (source.jobs.some(({ gpus }) => gpus > 0)) addHeldNotBusy(path, sources, found);
      else found.doubts.push(`${path}: no job tells how many GPUs it held: ask sacct for AllocTRES`);
      return;
    }
    case 'pods': {
      const nodes = sources.flatMap((other) => (other.kind === 'nodes' ? other.nodes : []));
      const facts = podFacts(source.pods, nodes.length === 0 ? undefined : nodes);
      found.evidence += source.pods.length > 0 ? 1 : 0;
      found.drafts.push(...unscheduledPods(path, facts));
      if (facts.unknown > 0)
        found.limitations.push(
          `${path}: the GPUs or times of ${facts.unknown} of ${facts.pods} pods are not recorded: they are in no number`,
        );
      found.limitations.push(...podLimitations(facts).map((note) => `${path}: ${note}`));
      addHeldNotBusy(path, sources, found);
      return;
    }
    case 'clusters':
      found.evidence += 1;
      found.drafts.push(...lostClusterTime(path, source.clusters));
      addHeldNotBusy(path, sources, found);
      return;
    case 'iterations':
      found.evidence += source.workers.length > 1 ? 1 : 0;
      if (source.workers.length < 2)
        found.reasons.push(`${path}: ${source.workers.length} workers with times: nothing to compare them with`);
      found.drafts.push(...iterationFindings(path, findStragglers(source.workers)));
      if (!given.has('trace'))
        found.doubts.push(
          `${path}: times of iterations show who is late, not what else the steps lose: record a trace of some of them`,
        );
      return;
    case 'fabric': {
      const logs = sources.flatMap((other) => (other.kind === 'fabric' ? [{ path: other.path, log: other.log }] : []));
      const drafts = fabricFindings(source, logs);
      found.evidence += source.log.rows.length > 0 || source.log.averageBusbw !== undefined ? 1 : 0;
      found.drafts.push(...drafts);
      const doubt = drafts.length > 0 ? undefined : fabricDoubt(source, logs);
      if (doubt !== undefined) found.doubts.push(`${path}: ${doubt}`);
      return;
    }
    case 'kernel-sums':
      found.drafts.push(...kernelSumFindings(path, source.kernels, source.tables));
      found.doubts.push(
        `${path}: sums of kernels hold no time between kernels${given.has('nsys') ? '' : ': nsys export --type sqlite capture.nsys-rep, and diagnose that'}`,
      );
      return;
    case 'ncu':
      if (!sources.some(({ kind }) => kind === 'trace'))
        found.reasons.push(
          `${path}: verdicts on single kernels need a trace of the program for their share of the step`,
        );
      return;
    case 'variation': {
      const medians = source.jobs.map(({ values }) => medianOf(values));
      const median = medianOf(source.jobs.flatMap(({ values }) => values));
      found.reasons.push(
        Number.isNaN(median)
          ? `${path}: it holds no coefficient of variation`
          : `${path}: iteration times vary between workers: median coefficient of variation ${median.toFixed(4)}; ${medians.filter((value) => value > 0.2).length} of ${source.jobs.length} jobs have a median above 0.2; who is late, only times by worker tell`,
      );
      return;
    }
    case 'log':
      if (source.iterations.length > 0)
        found.reasons.push(
          `${path}: ${source.iterations.length} iterations, median ${(medianOf(source.iterations.map(({ elapsedMs }) => elapsedMs)) / 1000).toFixed(1)} s: a log of iterations names no cause${given.has('trace') ? '' : ': record a trace of some of them'}`,
        );
      return;
    case 'processes': {
      const gpus = processUse(source.rounds);
      found.evidence += 1;
      found.processes.push(...gpus.map((gpu) => ({ file: path, ...gpu })));
      const doubt = processDoubt(gpus);
      if (doubt !== undefined) found.reasons.push(`${path}: ${doubt}`);
      found.drafts.push(...processFindings(path, gpus));
      return;
    }
    case 'nodes':
      if (!sources.some(({ kind }) => kind === 'pods'))
        found.reasons.push(`${path}: a list of nodes tells nothing without the pods that ran on them`);
      return;
    default:
      source satisfies never;
  }
}

/** Records of a scheduler alone show only the allocation of GPUs; together with files about the GPUs that is enough. */
function addHeldNotBusy(path: string, sources: readonly Source[], found: Collected): void {
  if (sources.some(({ kind }) => aboutGpus.has(kind))) return;
  found.doubts.push(
    `${path}: records of a scheduler tell who held GPUs, not whether they were busy: nvidia-smi dmon -s pucm -o TD -d 1 > dmon.txt`,
  );
}

/** Why GPU-hours of jobs are unknown, and what would tell them. */
function unknownJobsText({ jobs, unknown }: JobFacts): string {
  return `the GPU-hours of ${unknown} of ${jobs} jobs are unknown: their GPUs or their lengths are not recorded, or in columns that nothing else confirms; ask sacct for ElapsedRaw and AllocTRES, with the header (without -n)`;
}

const aboutGpus: ReadonlySet<Source['kind']> = new Set(['trace', 'samples', 'dcgm', 'processes', 'distribution']);

function collectSamples(
  { path, series }: Extract<Source, { kind: 'samples' }>,
  sources: readonly Source[],
  given: ReadonlySet<Evidenced>,
  found: Collected,
): void {
  const use = utilisationOf(series);
  if (use.samples === 0) {
    found.reasons.push(
      `${path}: no sample holds the utilisation of a GPU: nvidia-smi dmon -s pucm -o TD -d 1 > dmon.txt`,
    );
    return;
  }
  found.evidence += 1;
  found.utilisation.push({ file: path, ...use });
  const jobs = sources.flatMap((other) => (other.kind === 'jobs' ? other.jobs : []));
  const allocation = joinAllocation(series, jobs);
  const whole = allocation !== undefined && allocation.overbookedShare < OVERBOOKED_FROM;
  if (allocation !== undefined && !whole)
    found.limitations.push(
      `${path}: the jobs hold more than these ${allocation.gpus} GPUs at once: give the jobs of this node alone (sacct -N NODE …), and each has its idle GPU-hours`,
    );
  if (whole) found.allocation.push({ file: path, ...allocation });
  const drafts = [
    ...(whole ? allocationFindings(path, allocation) : idleAllocated(path, use, series)),
    ...deadGpus(path, use, series),
    ...sampledActivity(path, series),
  ];
  found.drafts.push(...drafts);
  const doubt = sampleDoubt(use, given);
  if (doubt !== undefined && drafts.length === 0) found.reasons.push(`${path}: ${doubt}`);
  found.reasons.push(...sampledContradictions(series).map((text) => `${path}: ${text}`));
  const unproven = doubt === undefined ? unprovenBusy(use, given) : undefined;
  if (unproven !== undefined) found.doubts.push(`${path}: ${unproven}`);
  found.limitations.push(...sampleNotes(use).map((note) => `${path}: ${note}`));
}

function collectDistributions(
  { path, metrics }: Extract<Source, { kind: 'distribution' }>,
  given: ReadonlySet<Evidenced>,
  found: Collected,
): void {
  for (const { source: name, metric, values } of metrics) {
    if (!/util/.test(metric) || !/gpu/.test(metric) || values.length === 0) continue;
    found.evidence += 1;
    // Each metric is sorted by itself: which values were at one moment is lost, and only means over all time are left.
    const share = (start: string) =>
      meanOf(metrics.find((one) => one.source === name && one.metric.startsWith(start))?.values ?? []) / 100;
    const one = { ...emptySeries(name), name, util: values };
    const use = {
      ...utilisationOf([one]),
      smActive: share('sm_active'),
      tensorActive: share('tensor_active'),
      dramActive: share('dram_active'),
    };
    found.utilisation.push({ file: `${path}#${name}`, ...use });
    found.drafts.push(...idleAllocated(`${path}#${name}`, use, [one]));
    const unproven = unprovenBusy(use, given);
    if (unproven !== undefined) found.doubts.push(`${path}#${name}: ${unproven}`);
  }
}
