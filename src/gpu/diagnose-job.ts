import { criticalPath } from './analysis/critical-path.ts';
import { decompose } from './analysis/decompose.ts';
import { topKernels } from './analysis/kernels.ts';
import { type OperatorFacts, operatorFacts } from './analysis/operators/operators.ts';
import { stepProfile } from './analysis/step-profile.ts';
import { leftOutTexts, windowNames } from './analysis/steps.ts';
import type { TraceFacts } from './analysis/trace-facts.ts';
import { diagnoseTrace, type Limitation } from './diagnose-trace.ts';
import type { TraceReport } from './diagnosis.ts';
import { type FindingDraft, severityOf } from './finding.ts';
import type { TracedJob } from './join/jobs.ts';
import { type LateRank, lateRanks, rankFindings, waitInTurn, waitInTurnFinding } from './join/late-ranks.ts';
import { joinedStepUs, type RankJoin } from './join/ranks.ts';
import type { FlooredDraft, StepFloor } from './rank-findings.ts';
import { timelineOf } from './report/timeline.ts';

/** The findings from the traces of one job. */
export interface DiagnosedJob {
  readonly facts: readonly TraceFacts[];
  /** Whether the traces of all of its ranks are there. */
  readonly whole: boolean;
  readonly drafts: readonly FlooredDraft[];
  readonly traces: readonly TraceReport[];
  readonly reasons: readonly string[];
  readonly doubts: readonly string[];
}

/** Diagnoses each GPU of a job, and its late ranks where the traces are of several. */
export function diagnoseJob({ files, join, doubt }: TracedJob, device: string | undefined): DiagnosedJob {
  const facts = files.flat();
  const mains = files.map(([main]) => main);
  const late = join === undefined ? [] : lateRanks(mains, join);
  const inTurn = join === undefined ? undefined : waitInTurn(mains, join, late);
  const waits = [...late, ...(inTurn === undefined ? [] : [inTurn])];
  const found = facts.map((one) => {
    const operators = operatorFacts(one, device);
    return { one, operators, said: diagnoseTrace(one, operators), floor: floorOf(one) };
  });
  const floors = new Map(found.map(({ one, floor }) => [one, floor]));
  const floorOfVictim = (victim: number, joined: RankJoin) => victimFloor(mains[victim], joined, floors);
  const lateDrafts: readonly FlooredDraft[] =
    join === undefined
      ? []
      : [
          ...rankFindings(mains, join, late).map((draft, index) => ({
            draft,
            floor: floorOfVictim(late[index].victim, join),
          })),
          ...(inTurn === undefined
            ? []
            : [{ draft: waitInTurnFinding(mains, join, inTurn), floor: floorOfVictim(inTurn.victim, join) }]),
        ];
  const own = found.flatMap(({ one, said, floor }) =>
    said.drafts
      .flatMap((draft) => withoutWaiting(draft, waits, one, mains.indexOf(one)))
      .map((draft) => ({ draft, floor })),
  );
  const told = (lines: (said: (typeof found)[number]['said']) => string | undefined) =>
    found.flatMap(({ one, said }) => {
      const line = lines(said);
      return line === undefined ? [] : [`${one.file}: ${line}`];
    });
  const whole = join !== undefined && mains.length >= (mains[0].trace.worldSize ?? 1);
  return {
    facts,
    whole,
    drafts: [
      ...(doubt === undefined ? lateDrafts : lateDrafts.map(doubtful)),
      ...(facts.length < 2 ? own : oncePerCause(own)),
    ],
    traces: found.map(({ one, operators, said }) => {
      const limitations = said.limitations.filter(({ kind }) => !whole || kind !== 'one rank');
      return traceReport(one, operators, limitations);
    }),
    reasons: told(({ inconclusive }) => inconclusive),
    doubts: told(({ doubt }) => doubt),
  };
}

/** A finding about ranks that may be of two jobs. */
function doubtful({ draft, floor }: FlooredDraft): FlooredDraft {
  return { draft: { ...draft, confidence: 'low' }, floor };
}

/** The typical step of a GPU, and what it cannot fall below. */
export function floorOf({ file, trace, device, stepUs, sum }: TraceFacts): StepFloor {
  const perStep = (us: number) => (us / sum.totalUs) * stepUs;
  const step = { file, rank: trace.rank ?? null, device, us: stepUs };
  return { step, busyUs: perStep(sum.busyUs), computationUs: perStep(sum.computationUs) };
}

/** The step of the rank that waits; the mean one where much longer steps count. */
function victimFloor(victim: TraceFacts, join: RankJoin, floors: ReadonlyMap<TraceFacts, StepFloor>): StepFloor {
  const floor = floors.get(victim) ?? floorOf(victim);
  const us = joinedStepUs(victim, join);
  return us === victim.stepUs ? floor : { ...floor, step: { ...floor.step, us } };
}

/** Findings about late ranks hold the waiting for them; the communication itself stays here. */
function withoutWaiting(
  draft: FindingDraft,
  waits: readonly Pick<LateRank, 'steadyWaitUs'>[],
  { sum, stepUs }: TraceFacts,
  rank: number,
): readonly FindingDraft[] {
  const waitUs = waits.reduce((us, one) => us + (one.steadyWaitUs[rank] ?? 0), 0);
  if (draft.cause !== 'multi-gpu' || waitUs === 0 || draft.shareOfStep === null) return [draft];
  const share = draft.shareOfStep - waitUs / sum.totalUs;
  return share < 0.1 ? [] : [{ ...draft, shareOfStep: share, recoverableUs: share * stepUs }];
}

/** Of several GPUs of a job with the same cause, the one that loses most. */
function oncePerCause(drafts: readonly FlooredDraft[]): readonly FlooredDraft[] {
  const best = new Map<string, FlooredDraft>();
  for (const one of drafts) {
    const key = `${one.draft.cause}/${one.draft.title.replaceAll(/[\d.,]+/g, '#')}`;
    const known = best.get(key);
    if (known === undefined || (one.draft.shareOfStep ?? 0) > (known.draft.shareOfStep ?? 0)) best.set(key, one);
  }
  return [...best.values()];
}

/** The part of the report about one device of one trace, besides the findings. */
function traceReport(
  facts: TraceFacts,
  operators: OperatorFacts | undefined,
  limitations: readonly Limitation[],
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
    window: windowNames[windows[0].kind],
    steps: windows.map(({ name, start, end, leftOut }) => ({
      name,
      us: end - start,
      leftOut: leftOut === undefined ? null : leftOutTexts[leftOut],
    })),
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
    profile: stepProfile(facts, operators),
    timeline: timelineOf(facts),
    limitations: limitations.map(({ text }) => text),
  };
}
