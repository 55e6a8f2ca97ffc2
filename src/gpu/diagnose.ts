import { countersText } from './analysis/counters.ts';
import { operatorFacts } from './analysis/operators/operators.ts';
import { type TraceFacts, traceFacts } from './analysis/trace-facts.ts';
import { type Collected, collectSource } from './collect-source.ts';
import { describeSource } from './describe-source.ts';
import { diagnoseTrace, ONE_RANK } from './diagnose-trace.ts';
import type { Diagnosis, KernelReport, TraceReport } from './diagnosis.ts';
import type { FindingDraft } from './finding.ts';
import { type JudgedKernel, judgeKernels, kernelFindings, plainKernelName } from './join/kernel-verdicts.ts';
import { joinRanks, rankFindings as lateRankFindings, waitShare } from './join/ranks.ts';
import { levelsOf } from './levels.ts';
import { rankFindings, type StepFloor } from './rank-findings.ts';
import { percent } from './rules/rule.ts';
import type { Source } from './source.ts';
import type { Trace } from './trace/trace.ts';
import { traceReport } from './trace-report.ts';

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
    limitations: [],
    utilisation: [],
    allocation: [],
    processes: [],
    evidence: 0,
  };
  const facts = tracesOf(sources, found);
  const main = facts[0];
  const traces: TraceReport[] = [];
  const perTrace = facts.filter((one, index) => facts.findIndex(({ trace }) => trace === one.trace) === index);
  const join = joinRanks(perTrace);
  if (join !== undefined) found.drafts.push(...lateRankFindings(perTrace, join));
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
  for (const source of sources) collectSource(source, sources, found);
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
    files: sources.map((source) => ({ path: source.path, kind: source.kind, what: describeSource(source) })),
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
