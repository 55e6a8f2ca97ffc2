import { countersText } from './analysis/counters.ts';
import { criticalPath } from './analysis/critical-path.ts';
import { decompose } from './analysis/decompose.ts';
import { topKernels } from './analysis/kernels.ts';
import { jobFacts, podFacts } from './analysis/occupancy.ts';
import { type OperatorFacts, operatorFacts } from './analysis/operators/operators.ts';
import { processUse } from './analysis/process-use.ts';
import { findStragglers } from './analysis/stragglers.ts';
import { type TraceFacts, traceFacts } from './analysis/trace-facts.ts';
import { meanOf, middle, utilisationOf } from './analysis/utilisation.ts';
import { diagnoseTrace, ONE_RANK } from './diagnose-trace.ts';
import type { Diagnosis, KernelReport, TraceReport } from './diagnosis.ts';
import { type FindingDraft, severityOf } from './finding.ts';
import { joinAllocation } from './join/allocation.ts';
import { type JudgedKernel, judgeKernels, kernelFindings, plainKernelName } from './join/kernel-verdicts.ts';
import { joinRanks, rankFindings as lateRankFindings, waitShare } from './join/ranks.ts';
import { levelsOf } from './levels.ts';
import { rankFindings, type StepFloor } from './rank-findings.ts';
import { timelineOf } from './report/timeline.ts';
import { dcgmFindings, dcgmText, sampleDoubt, sampledActivity, sampleNotes } from './rules/counters.ts';
import { processDoubt, processFindings } from './rules/processes.ts';
import { percent } from './rules/rule.ts';
import {
  allocationFindings,
  deadGpus,
  idleAllocated,
  lostClusterTime,
  lostJobs,
  podLimitations,
  unscheduledPods,
} from './rules/scheduling.ts';
import { fabricFindings, fabricText, iterationFindings, kernelSumFindings } from './rules/summaries.ts';
import type { Source } from './source.ts';
import type { Trace } from './trace/trace.ts';

/** A file that could not be read. */
export interface Refusal {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

interface Collected {
  readonly drafts: FindingDraft[];
  readonly reasons: string[];
  readonly limitations: string[];
  readonly utilisation: Diagnosis['utilisation'][number][];
  readonly allocation: Diagnosis['allocation'][number][];
  readonly processes: Diagnosis['processes'][number][];
  /** Files that hold evidence about GPUs, whatever it says. */
  evidence: number;
}

/** Jobs that hold more GPUs than were sampled for so much of the time are of other GPUs too. */
const OVERBOOKED_FROM = 0.05;

export interface DiagnoseOptions {
  /** The GPU of traces that do not name theirs, as a driver would: `MI300X`. */
  readonly device?: string;
}

/** The investigation: from files that were read to ranked findings, "healthy" or "not enough evidence". Pure. */
export function diagnose(
  sources: readonly Source[],
  refused: readonly Refusal[] = [],
  { device }: DiagnoseOptions = {},
): Diagnosis {
  const found: Collected = {
    drafts: [],
    reasons: [],
    limitations: [],
    utilisation: [],
    allocation: [],
    processes: [],
    evidence: 0,
  };
  const facts = tracesOf(sources, found);
  const main = facts[0];
  const traces: TraceReport[] = [];
  const join = joinRanks(facts.filter((one, index) => facts.findIndex(({ trace }) => trace === one.trace) === index));
  if (join !== undefined) {
    const perTrace = facts.filter((one, index) => facts.findIndex(({ trace }) => trace === one.trace) === index);
    found.drafts.push(...lateRankFindings(perTrace, join));
  }
  for (const one of facts) {
    const operators = operatorFacts(one, device);
    const { drafts, limitations, inconclusive } = diagnoseTrace(one, operators);
    const index = join?.ranks.indexOf(one.trace.rank ?? -1) ?? -1;
    const waiting = join === undefined || index < 0 ? 0 : waitShare(one, join, index);
    found.drafts.push(...drafts.flatMap((draft) => withoutWaiting(draft, waiting, one.stepUs)));
    if (inconclusive !== undefined) found.reasons.push(`${one.file}: ${inconclusive}`);
    const told =
      join === undefined
        ? limitations
        : limitations.filter((text) => !text.startsWith(ONE_RANK) || facts.length < (one.trace.worldSize ?? 1));
    traces.push(traceReport(one, operators, told));
  }
  const judged = judgedKernels(sources, main);
  if (main !== undefined) addKernelFindings(found.drafts, kernelFindings(judged, main));
  for (const source of sources) collect(source, sources, found);
  const findings = rankFindings(oncePerCause(found.drafts, facts), main === undefined ? undefined : floorOf(main));
  const warned = findings.some(({ severity }) => severity === 'warning');
  const verdict =
    found.reasons.length > 0 &&
    !findings.some(({ severity, confidence }) => severity === 'warning' && confidence !== 'low')
      ? 'not enough evidence'
      : warned || findings.length > 0
        ? 'findings'
        : found.evidence > 0
          ? 'healthy'
          : 'not enough evidence';
  return {
    version: 1,
    verdict,
    summary: summaryOf(verdict, findings, found.reasons, refused),
    files: sources.map((source) => ({ path: source.path, kind: source.kind, what: describe(source) })),
    refused,
    utilisation: found.utilisation,
    allocation: found.allocation,
    processes: found.processes,
    traces,
    kernels: judged.map(kernelReport),
    levels: levelsOf(sources, facts, found, traces),
    findings,
    reasons: found.reasons,
    limitations: found.limitations,
  };
}

function tracesOf(sources: readonly Source[], found: Collected): readonly TraceFacts[] {
  return sources.flatMap((source) => {
    if (source.kind !== 'trace') return [];
    const { trace, path } = source;
    const counters = countersText(trace);
    if (trace.gpu.length > 0) {
      if (counters !== undefined) found.limitations.push(`${path}: ${counters}`);
      const facts = traceFacts(path, trace);
      if (facts.length === 0) found.reasons.push(`${path}: its GPU events have no length`);
      else found.evidence += 1;
      return facts;
    }
    const foreign = [...trace.foreign].sort((a, b) => b[1] - a[1])[0];
    found.reasons.push(
      counters !== undefined
        ? `${path}: ${counters}; but no times of kernels: record the same steps once more without the range profiler`
        : foreign === undefined
          ? `${path}: the trace has ${trace.events} events and none of a GPU${damageText(trace)}: record with activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]`
          : `${path}: no CUDA or HIP event; the trace is of an accelerator that is not analysed (${foreign[1]} events of category ${foreign[0]})`,
    );
    return [];
  });
}

/** What is wrong with a trace, behind what is missing in it. */
function damageText({ faults }: Trace): string {
  const texts = faults.map(({ what, count }) => (what === 'truncated' ? 'it is cut off' : `${what}: ${count}`));
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}

function floorOf({ stepUs, sum }: TraceFacts): StepFloor {
  const perStep = (us: number) => (us / sum.totalUs) * stepUs;
  return { stepUs, busyUs: perStep(sum.busyUs), computationUs: perStep(sum.computationUs) };
}

/** Waiting for a late rank is told by the finding about that rank; the rest stays here. */
function withoutWaiting(draft: FindingDraft, waiting: number, stepUs: number): readonly FindingDraft[] {
  if (draft.cause !== 'multi-gpu' || waiting < 0.05 || draft.shareOfStep === null) return [draft];
  const share = draft.shareOfStep - waiting;
  return share < 0.1 ? [] : [{ ...draft, shareOfStep: share, recoverableUs: share * stepUs }];
}

/** Of several devices or ranks with the same cause, the one that loses most. */
function oncePerCause(drafts: readonly FindingDraft[], facts: readonly TraceFacts[]): readonly FindingDraft[] {
  if (facts.length < 2) return drafts;
  const best = new Map<string, FindingDraft>();
  const others: FindingDraft[] = [];
  for (const draft of drafts) {
    if (draft.scope.device === null || !facts.some(({ file }) => file === draft.scope.file)) {
      others.push(draft);
      continue;
    }
    const key = `${draft.cause}/${draft.title.replaceAll(/[\d.,]+/g, '#')}`;
    const known = best.get(key);
    if (known === undefined || (draft.shareOfStep ?? 0) > (known.shareOfStep ?? 0)) best.set(key, draft);
  }
  return [...others, ...best.values()];
}

function judgedKernels(sources: readonly Source[], facts: TraceFacts | undefined): readonly JudgedKernel[] {
  return sources.flatMap((source) => (source.kind === 'ncu' ? judgeKernels(source.path, source.kernels, facts) : []));
}

/** A kernel that a finding already names adds its verdict there: its time is not given back twice. */
function addKernelFindings(drafts: FindingDraft[], kernels: readonly FindingDraft[]): void {
  for (const kernel of kernels) {
    const names = new Set(
      kernel.evidence.flatMap(({ events = [] }) => events.map((name) => plainKernelName(String(name)))),
    );
    const at = drafts.findIndex(
      ({ cause, evidence }) =>
        cause === 'kernel-efficiency' &&
        evidence.some(({ events = [] }) => events.some((name) => names.has(plainKernelName(String(name))))),
    );
    if (at < 0) drafts.push(kernel);
    else drafts[at] = { ...drafts[at], evidence: [...drafts[at].evidence, ...kernel.evidence] };
  }
}

function kernelReport({ file, kernel, verdict, share }: JudgedKernel): KernelReport {
  return {
    file,
    name: kernel.name,
    verdict: verdict.verdict,
    by: verdict.by,
    memoryLevel: verdict.memoryLevel ?? null,
    smPercent: verdict.smPercent,
    memoryPercent: verdict.memoryPercent,
    shareOfKernelTime: share,
  };
}

/** What a file that is no trace adds. */
function collect(source: Source, sources: readonly Source[], found: Collected): void {
  const { path } = source;
  switch (source.kind) {
    case 'trace':
      return;
    case 'samples': {
      const use = utilisationOf(source.series);
      found.evidence += 1;
      found.utilisation.push({ file: path, ...use });
      const jobs = sources.flatMap((other) => (other.kind === 'jobs' ? other.jobs : []));
      const allocation = joinAllocation(source.series, jobs);
      const whole = allocation !== undefined && allocation.overbookedShare < OVERBOOKED_FROM;
      if (allocation !== undefined && !whole)
        found.limitations.push(
          `${path}: the jobs hold more than these ${allocation.gpus} GPUs at once: give the jobs of this node alone (sacct -N NODE …), and each has its idle GPU-hours`,
        );
      if (whole) found.allocation.push({ file: path, ...allocation });
      const drafts = [
        ...(whole ? allocationFindings(path, allocation) : idleAllocated(path, use, source.series)),
        ...deadGpus(path, use, source.series),
        ...sampledActivity(path, source.series),
      ];
      found.drafts.push(...drafts);
      const doubt = sampleDoubt(use);
      if (doubt !== undefined && drafts.length === 0) found.reasons.push(`${path}: ${doubt}`);
      found.limitations.push(...sampleNotes(use).map((note) => `${path}: ${note}`));
      return;
    }
    case 'dcgm': {
      const { drafts, notes } = dcgmFindings(path, source.devices);
      if (source.devices.length > 0) found.evidence += 1;
      found.drafts.push(...drafts);
      found.limitations.push(...notes.map((note) => `${path}: ${note}`));
      return;
    }
    case 'distribution':
      for (const { source: name, metric, values } of source.metrics) {
        if (!/util/.test(metric) || !/gpu/.test(metric) || values.length === 0) continue;
        found.evidence += 1;
        // Each metric is sorted by itself: which values were at one moment is lost, and only means over all time are left.
        const share = (start: string) =>
          meanOf(source.metrics.find((one) => one.source === name && one.metric.startsWith(start))?.values ?? []) / 100;
        const one = {
          gpu: name,
          name,
          timesMs: [],
          util: values,
          memoryController: [],
          memoryUsedMb: [],
          memoryTotalMb: undefined,
          powerW: [],
          clockMhz: [],
          smActive: [],
          tensorActive: [],
          dramActive: [],
        };
        const use = {
          ...utilisationOf([one]),
          smActive: share('sm_active'),
          tensorActive: share('tensor_active'),
          dramActive: share('dram_active'),
        };
        found.utilisation.push({ file: `${path}#${name}`, ...use });
        found.drafts.push(...idleAllocated(`${path}#${name}`, use, [one]));
      }
      return;
    case 'jobs': {
      found.evidence += source.jobs.length > 0 ? 1 : 0;
      found.drafts.push(...lostJobs(path, jobFacts(source.jobs)));
      return;
    }
    case 'pods': {
      const nodes = sources.flatMap((other) => (other.kind === 'nodes' ? other.nodes : []));
      const facts = podFacts(source.pods, nodes.length === 0 ? undefined : nodes);
      found.evidence += source.pods.length > 0 ? 1 : 0;
      found.drafts.push(...unscheduledPods(path, facts));
      found.limitations.push(...podLimitations(facts).map((note) => `${path}: ${note}`));
      return;
    }
    case 'clusters':
      found.evidence += 1;
      found.drafts.push(...lostClusterTime(path, source.clusters));
      return;
    case 'iterations':
      found.evidence += source.workers.length > 1 ? 1 : 0;
      found.drafts.push(...iterationFindings(path, findStragglers(source.workers)));
      return;
    case 'fabric':
      found.evidence += source.log.rows.length > 0 ? 1 : 0;
      found.drafts.push(...fabricFindings(path, source.log));
      return;
    case 'kernel-sums':
      found.evidence += source.kernels.length > 0 ? 1 : 0;
      found.drafts.push(...kernelSumFindings(path, source.kernels, source.tables));
      return;
    case 'ncu':
      if (!sources.some(({ kind }) => kind === 'trace'))
        found.reasons.push(
          `${path}: verdicts on single kernels need a trace of the program for their share of the step`,
        );
      return;
    case 'variation': {
      const medians = source.jobs.map(({ values }) => middle(values));
      found.reasons.push(
        `${path}: iteration times vary between workers: median coefficient of variation ${middle(source.jobs.flatMap(({ values }) => values)).toFixed(4)}; ${medians.filter((value) => value > 0.2).length} of ${source.jobs.length} jobs have a median above 0.2; who is late, only times by worker tell`,
      );
      return;
    }
    case 'log':
      if (source.iterations.length > 0)
        found.reasons.push(
          `${path}: ${source.iterations.length} iterations, median ${(middle(source.iterations.map(({ elapsedMs }) => elapsedMs)) / 1000).toFixed(1)} s: a log of iterations names no cause: record a trace of some of them`,
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

function traceReport(
  facts: TraceFacts,
  operators: OperatorFacts | undefined,
  limitations: readonly string[],
): TraceReport {
  const { trace, busy, sum, windows } = facts;
  const spans = busy.all;
  const properties = trace.devices.find(({ id }) => id === facts.device) ?? trace.devices[0];
  return {
    file: facts.file,
    source: trace.source,
    rank: trace.rank ?? null,
    device: facts.device,
    deviceName: properties?.name ?? '',
    window: windows[0].kind === 'stretched' ? 'stretched steps' : 'GPU span',
    steps: windows.map(({ name, start, end, leftOut }) => ({ name, us: end - start, leftOut: leftOut ?? null })),
    stepUs: facts.stepUs,
    decomposition: sum,
    gpuSpan: decompose(busy, spans.starts[0], spans.ends[spans.ends.length - 1]),
    idleSeverity: severityOf(sum.idleUs / sum.totalUs),
    gaps: facts.gapSums,
    hostWork: facts.attribution.byWork,
    topKernels: topKernels(facts).slice(0, 10),
    operators: operators?.operators.slice(0, 20) ?? [],
    operatorsShare: operators?.knownShare ?? null,
    criticalPath: criticalPath(facts) ?? null,
    timeline: timelineOf(facts),
    limitations,
  };
}

function summaryOf(
  verdict: Diagnosis['verdict'],
  findings: Diagnosis['findings'],
  reasons: readonly string[],
  refused: readonly Refusal[],
): string {
  if (verdict === 'healthy') return 'Nothing to fix: no loss of at least 5 % was found in what the files show.';
  if (verdict === 'not enough evidence')
    return `Not enough evidence: ${reasons[0] ?? refused[0]?.message ?? 'no file holds GPU data'}.`;
  const [first] = findings;
  if (first === undefined) return 'Nothing to fix.';
  const share = first.shareOfStep === null ? '' : ` (${percent(first.shareOfStep)} % of the step)`;
  return `First: ${first.title}${share}.`;
}

function describe(source: Source): string {
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
      return `${source.kernels.length} kernels, ${source.kernels.reduce((sum, { instances }) => sum + instances, 0)} launches`;
    case 'jobs':
      return `${source.jobs.length} jobs, ${source.jobs.reduce((sum, { gpuHours }) => sum + gpuHours, 0).toFixed(2)} GPU-hours`;
    case 'pods':
      return `${source.pods.length} pods`;
    case 'nodes':
      return `${source.nodes.length} nodes, ${source.nodes.reduce((sum, { gpus }) => sum + gpus, 0)} GPUs`;
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
