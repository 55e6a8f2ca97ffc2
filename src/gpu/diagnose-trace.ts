import { steadyRows } from './analysis/kernels.ts';
import type { OperatorFacts } from './analysis/operators/operators.ts';
import { leftOutTexts } from './analysis/steps.ts';
import type { TraceFacts } from './analysis/trace-facts.ts';
import { type FindingDraft, SILENT_BELOW } from './finding.ts';
import { dataPipeline } from './rules/data-pipeline.ts';
import { hiddenSync } from './rules/hidden-sync.ts';
import { kernelEfficiency } from './rules/kernel-efficiency.ts';
import { launchOverhead } from './rules/launch-overhead.ts';
import { multiGpu } from './rules/multi-gpu.ts';
import { rooflineFindings } from './rules/roofline.ts';
import { looksSampled, percent, type Remaining, type TraceRule } from './rules/rule.ts';

/** Rules whose time was measured as idle or exposed, in the order of the investigation. */
const measuredRules: readonly TraceRule[] = [hiddenSync, dataPipeline, launchOverhead, multiGpu];

/** The result for the trace of one rank: findings, and missing answers. */
export interface TraceDiagnosis {
  readonly drafts: readonly FindingDraft[];
  readonly limitations: readonly Limitation[];
  /** Why no verdict can be given; undefined if one can. */
  readonly inconclusive: string | undefined;
  /** Why the trace is not healthy even without a finding; undefined if it may be. */
  readonly doubt: string | undefined;
}

/** The answers that a trace lacks. `one rank`: the traces of all ranks would have them. */
export interface Limitation {
  readonly kind: 'one rank' | 'other';
  readonly text: string;
}

/** Fewer GPU events than this are no step of a program. */
const TOO_FEW = 10;
const IDLE_TO_EXPLAIN = 0.15;

/** Runs the rules over one device of one trace. */
export function diagnoseTrace(facts: TraceFacts, operators?: OperatorFacts): TraceDiagnosis {
  const { sum, stepUs } = facts;
  const start: Remaining = { stepUs, computationUs: (sum.computationUs / sum.totalUs) * stepUs };
  const measured = measuredRules.flatMap((rule) => rule(facts, start));
  const recovered = measured.reduce((us, draft) => us + (draft.recoverableUs ?? 0), 0);
  const remaining = { stepUs: Math.max(stepUs - recovered, start.computationUs), computationUs: start.computationUs };
  const reason = inconclusiveReason(facts, measured);
  const drafts = reason === undefined ? [...measured, ...kernelDrafts(facts, operators, remaining)] : measured;
  const doubtful = drafts.map((draft): FindingDraft => ({ ...draft, confidence: 'low' }));
  return {
    drafts: reason === undefined ? drafts : startsUp(facts) ? [] : doubtful,
    limitations: limitationsOf(facts, operators),
    inconclusive: reason,
    doubt: reason === undefined ? unexplainedTime(facts, measured) : undefined,
  };
}

/** Time without computation of at least 5 % of the step that no finding covers, and what would explain it. */
function unexplainedTime(facts: TraceFacts, measured: readonly FindingDraft[]): string | undefined {
  const { sum, stepUs } = facts;
  const lost = sum.idleUs + sum.exposedCommunicationUs + sum.exposedCopyUs;
  const found = measured.reduce((us, { recoverableUs }) => us + (recoverableUs ?? 0), 0);
  const share = lost / sum.totalUs - found / stepUs;
  return share < SILENT_BELOW
    ? undefined
    : `${percent(share)} % of the step is without computation (idle ${percent(sum.idleUs / sum.totalUs)} %, exposed communication ${percent(sum.exposedCommunicationUs / sum.totalUs)} %, exposed copies ${percent(sum.exposedCopyUs / sum.totalUs)} %), and no cause of at least 5 % explains it${recordMoreText(facts)}`;
}

/** Precision first: operators that it would make faster are not far below the peak of a kernel that they should not use. */
function kernelDrafts(
  facts: TraceFacts,
  operators: OperatorFacts | undefined,
  remaining: Remaining,
): readonly FindingDraft[] {
  const precision = kernelEfficiency(facts, remaining);
  const rest =
    operators === undefined || precision.length === 0
      ? operators
      : {
          ...operators,
          operators: operators.operators.filter(
            ({ category, type }) => !(type === 'float' && /^(gemm|convolution|attention)$/.test(category)),
          ),
        };
  return [...precision, ...rooflineFindings(facts, rest, remaining)];
}

/** The recording that would hold more than this one; nothing if this one holds all. */
function recordMoreText({ trace, steady }: TraceFacts): string {
  const parts = [
    ...(steady.length < 5 || steady[0].kind !== 'stretched' ? ['at least 5 steady steps'] : []),
    ...(trace.withStack ? [] : ['activities=[CPU, CUDA], with_stack=True']),
  ];
  return parts.length === 0 ? '' : `: record ${parts.join(', with ')}`;
}

/** Whether most of the idle time is the start of the program. */
function startsUp({ attribution, sum }: TraceFacts): boolean {
  return attribution.byWork['start-up'] > 0.5 * sum.idleUs;
}

function inconclusiveReason(facts: TraceFacts, measured: readonly FindingDraft[]): string | undefined {
  const { sum, attribution, queued, rows } = facts;
  const idle = sum.idleUs / sum.totalUs;
  if (rows.length < TOO_FEW && idle > IDLE_TO_EXPLAIN)
    return `the trace has ${rows.length} GPU events, too few for a step`;
  if (!facts.hasHost && idle >= SILENT_BELOW)
    return `${percent(idle)} % of the time is idle, and without operator or Python events it has no cause: record with activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], with_stack=True`;
  if (idle < IDLE_TO_EXPLAIN) return undefined;
  if (startsUp(facts))
    return `${percent(attribution.byWork['start-up'] / sum.totalUs)} % of the time is start-up (context, module load, first allocation), which happens once: record steady steps with torch.profiler.schedule(wait=1, warmup=3, active=5)`;
  if (measured.some(({ shareOfStep }) => (shareOfStep ?? 0) >= 0.1)) return undefined;
  if (queued.us > 0.5 * sum.idleUs)
    return `work was submitted and did not start for ${percent(queued.us / sum.totalUs)} % of the time: the GPU did something that is not recorded, or another process used it; record at least 5 steps, all processes, and do not take the idle time for waste`;
  return `${percent(idle)} % of the time is idle, and the trace does not tell why${recordMoreText(facts)}`;
}

function limitationsOf(facts: TraceFacts, operators: OperatorFacts | undefined): readonly Limitation[] {
  const { trace, steady, windows, sum, attribution, hasHost, hasLaunches } = facts;
  const texts: string[] = trace.faults.map(({ what, count }) => `${what}: ${count}`);
  if (!hasLaunches)
    texts.push('no launching call is in the trace: gaps cannot be divided into host part and queued part');
  if (!hasHost)
    texts.push(
      'no operator or Python event is in the trace: idle time has no cause (record with activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], with_stack=True)',
    );
  const bare = attribution.frames.other.unrecordedUs / sum.totalUs;
  if (bare > 0.05 && hasHost)
    texts.push(
      `${percent(bare)} % of the time the launching thread has no event in the trace${trace.withStack ? '' : ': with_stack=True would show what it did'}`,
    );
  if (windows[0].kind === 'range')
    texts.push(`no step is marked: shares are of the range "${windows[0].name}", in which the work was launched`);
  else if (windows[0].kind === 'span')
    texts.push(
      `no step is marked: shares are of the span from the first to the last GPU event, which hides what is before it (${trace.source === 'nsys' ? 'mark steps with NVTX ranges "step 1", "step 2" …' : 'call prof.step() each step'})`,
    );
  else if (steady.length < 3)
    texts.push(`only ${steady.length} steady step${steady.length === 1 ? '' : 's'}: medians mean little`);
  if (looksSampled(facts))
    texts.push('host events seem to be missing (a sampled or filtered trace): causes are uncertain');
  const size = trace.worldSize ?? 1;
  const oneRank = texts.length;
  if (size > 1) texts.push(`one of ${size} ranks: waiting for a late rank cannot be distinguished from sending`);
  if (trace.overheadUs > 0.01 * sum.totalUs) texts.push('the profiler itself took more than 1 % of the time');
  for (const { name, leftOut } of windows)
    if (leftOut !== undefined) texts.push(`${name} is left out: ${leftOutTexts[leftOut]}`);
  if (operators !== undefined && operators.operators.length > 0 && operators.peaks === undefined)
    texts.push(
      'the trace names no GPU whose peaks are known: operators have speeds (--all) and no share of a peak; name it with --device',
    );
  if (steadyRows(facts).length === 0) texts.push('no GPU event begins in a steady step');
  return texts.map((text, index) => ({ kind: size > 1 && index === oneRank ? 'one rank' : 'other', text }));
}
