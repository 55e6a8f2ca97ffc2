import { compareText } from '../base/text-order.ts';
import { evidencedBy, withoutGiven } from './advice.ts';
import { countersText } from './analysis/counters.ts';
import { type JobFacts, jobFacts } from './analysis/occupancy.ts';
import { type TraceFacts, traceFacts } from './analysis/trace-facts.ts';
import { type Collected, collectSource } from './collect-source.ts';
import { type DiagnosedJob, diagnoseJob, floorOf } from './diagnose-job.ts';
import type { Diagnosis, KernelReport } from './diagnosis.ts';
import type { Finding, FindingDraft } from './finding.ts';
import { tracedJobs } from './join/jobs.ts';
import { type JudgedKernel, judgeKernels, kernelFindings, plainKernelName } from './join/kernel-verdicts.ts';
import { levelsOf } from './levels.ts';
import { type FlooredDraft, rankFindings, type StepFloor } from './rank-findings.ts';
import { dcgmText } from './rules/counters.ts';
import { fabricText } from './rules/fabric.ts';
import { percent } from './rules/rule.ts';
import type { Source } from './source.ts';
import type { Trace } from './trace/trace.ts';

/** A file that could not be read. */
export interface Refusal {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

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
    doubts: [],
    limitations: [],
    utilisation: [],
    allocation: [],
    processes: [],
    evidence: 0,
    moments: 0,
  };
  const traced = tracedJobs(tracesOf(sources, found));
  const jobs = traced.jobs.map((job) => diagnoseJob(job, device));
  const facts = jobs.flatMap((job) => job.facts);
  const judged = judgedKernels(sources, facts);
  const given = evidencedBy(sources, facts);
  const drafts = addKernelFindings(
    jobs.flatMap((job) => {
      const own = job.whole ? new Set([...given, 'all ranks'] as const) : given;
      return job.drafts.map(({ draft, floor }) => ({ draft: withoutGiven(draft, own), floor }));
    }),
    judged,
  );
  for (const source of sources) collectSource(source, sources, given, found);
  const findings = rankFindings(
    [...drafts, ...found.drafts.map((draft) => ({ draft, floor: undefined }))].map(({ draft, floor }) => ({
      draft: withoutGiven(draft, given),
      floor,
    })),
  );
  const worst = (job: DiagnosedJob) =>
    findings.findIndex(({ scope }) => job.facts.some(({ file }) => file === scope.file)) >>> 0;
  // The job with the first finding comes first; those without findings last, by the names of their files.
  const listed = jobs.toSorted((a, b) => worst(a) - worst(b) || compareText(a.facts[0].file, b.facts[0].file));
  const traces = listed.flatMap((job) => job.traces);
  const reasons = [...listed.flatMap((job) => job.reasons), ...found.reasons];
  // With findings, only the unexplained time of a trace is reported: other missing answers are in the levels.
  const doubts = [...listed.flatMap((job) => job.doubts), ...(findings.length > 0 ? [] : found.doubts)];
  const verdict = verdictOf(findings, reasons, doubts, found.evidence);
  const told = [...reasons, ...doubts];
  return {
    version: 1,
    verdict,
    summary:
      verdict === 'healthy' && found.moments === found.evidence
        ? 'Busy now by every counter of the scrape; one scrape is one moment.'
        : summaryOf(verdict, findings, told, refused),
    files: sources.map((source) => ({ path: source.path, kind: source.kind, what: describeSource(source) })),
    refused,
    utilisation: found.utilisation,
    allocation: found.allocation,
    processes: found.processes,
    traces,
    kernels: judged.map(kernelReport),
    levels: levelsOf(sources, facts, found, traces),
    findings,
    reasons: told,
    limitations: [...traced.notes, ...found.limitations],
  };
}

/**
 * A reason stands against every answer but a warning that is sure; a doubt only against "healthy". Without either, files
 * that hold evidence and no finding are healthy.
 */
function verdictOf(
  findings: readonly Finding[],
  reasons: readonly string[],
  doubts: readonly string[],
  evidence: number,
): Diagnosis['verdict'] {
  const sure = findings.some(({ severity, confidence }) => severity === 'warning' && confidence !== 'low');
  if (reasons.length > 0 && !sure) return 'not enough evidence';
  if (findings.length > 0) return 'findings';
  return doubts.length === 0 && evidence > 0 ? 'healthy' : 'not enough evidence';
}

function tracesOf(sources: readonly Source[], found: Collected): readonly (readonly TraceFacts[])[] {
  return sources.map((source) => {
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

/** The faults of a trace, after its missing answers. */
function damageText({ faults }: Trace): string {
  const texts = faults.map(({ what, count }) => (what === 'truncated' ? 'it is cut off' : `${what}: ${count}`));
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}

/** Kernels of Nsight Compute, with the GPU that spends the largest share of its kernel time in them. */
function judgedKernels(sources: readonly Source[], facts: readonly TraceFacts[]): readonly JudgedKernel[] {
  return sources.flatMap((source) => {
    if (source.kind !== 'ncu') return [];
    const share = (judged: readonly JudgedKernel[]) => judged.reduce((sum, one) => sum + (one.share ?? 0), 0);
    return facts
      .map((one) => judgeKernels(source.path, source.kernels, one))
      .reduce(
        (best, judged) => (share(judged) > share(best) ? judged : best),
        judgeKernels(source.path, source.kernels, undefined),
      );
  });
}

/** A kernel that a finding already names adds its verdict there: its time is not gained twice. */
function addKernelFindings(drafts: readonly FlooredDraft[], judged: readonly JudgedKernel[]): readonly FlooredDraft[] {
  const all = [...drafts];
  for (const one of judged) {
    const { facts } = one;
    if (facts === undefined) continue;
    const floor = floorOf(facts);
    for (const kernel of kernelFindings([one], facts)) {
      const names = eventNames(kernel);
      const at = all.findIndex(
        ({ draft }) =>
          draft.cause === 'kernel-efficiency' &&
          draft.scope.file === facts.file &&
          [...eventNames(draft)].some((name) => names.has(name)),
      );
      if (at < 0) all.push({ draft: kernel, floor: all.find((own) => sameStep(own, floor))?.floor ?? floor });
      else {
        const { draft, floor: own } = all[at];
        all[at] = { draft: { ...draft, evidence: [...draft.evidence, ...kernel.evidence] }, floor: own };
      }
    }
  }
  return all;
}

function sameStep({ floor }: FlooredDraft, { step }: StepFloor): boolean {
  return floor?.step.file === step.file && floor.step.device === step.device && floor.step.us === step.us;
}

function eventNames({ evidence }: FindingDraft): ReadonlySet<string> {
  return new Set(evidence.flatMap(({ events = [] }) => events.map((name) => plainKernelName(String(name)))));
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

function summaryOf(
  verdict: Diagnosis['verdict'],
  findings: readonly Finding[],
  reasons: readonly string[],
  refused: readonly Refusal[],
): string {
  if (verdict === 'healthy') return 'Nothing to fix: no loss of at least 5 % was found in what the files show.';
  if (verdict === 'not enough evidence')
    return `Not enough evidence: ${reasons[0] ?? refused[0]?.message ?? 'no file contains GPU data'}.`;
  const [first] = findings;
  if (first === undefined) return 'Nothing to fix.';
  const share = first.shareOfStep === null ? '' : ` (${percent(first.shareOfStep)} % of the step)`;
  return `First: ${first.title}${share}.`;
}

/** The contents of a file, in a few words. */
function describeSource(source: Source): string {
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
