import { type Finding, type FindingDraft, type FindingStep, severityOf } from './finding.ts';

/** A typical step and the times that it cannot fall below: busy time for what fills gaps, computation for what hides copies. */
export interface StepFloor {
  readonly step: FindingStep;
  readonly busyUs: number;
  readonly computationUs: number;
}

/** A draft and the step that its time is of; undefined where there is no step. Drafts about one step share the object. */
export interface FlooredDraft {
  readonly draft: FindingDraft;
  readonly floor: StepFloor | undefined;
}

/**
 * Ranks drafts and numbers them: warnings first; of equal severity first measured idle or exposed time, then what depends on
 * an assumed speed-up of kernels; then by the share of the step that it takes, then by GPU-hours. Gains are not added: each
 * finding says what would be left of its own step after it and those before it.
 */
export function rankFindings(drafts: readonly FlooredDraft[]): readonly Finding[] {
  const ranked = drafts
    .map((one) => ({ ...one, severity: severityOfDraft(one.draft) }))
    .filter(({ severity }) => severity !== 'silent')
    .sort((a, b) => rankOf(a.severity) - rankOf(b.severity) || compare(a, b));
  const numbers = new Map<string, number>();
  const remainders = new Map<StepFloor, Remainder>();
  return ranked.map(({ draft: { ofGpuHours = Number.NaN, waitingShare: _, ...draft }, floor, severity }) => {
    const number = (numbers.get(draft.cause) ?? 0) + 1;
    numbers.set(draft.cause, number);
    const us = floor === undefined ? null : draft.recoverableUs;
    const timeShare = timeShareOf(draft, floor, ofGpuHours);
    return {
      id: `${draft.cause}/${number}`,
      ...draft,
      mechanism: draft.mechanism ?? null,
      // A number that is not known is no evidence.
      evidence: draft.evidence.filter(({ value }) => !Number.isNaN(value)),
      severity: severity === 'warning' ? 'warning' : 'info',
      step: floor?.step ?? null,
      remainingStepUs: floor === undefined || us === null ? null : remainingAfter(draft, us, floor, remainders),
      timeShare,
      ceiling: timeShare === null || timeShare >= 1 || draft.gpuHours !== null ? null : 1 / (1 - timeShare),
    };
  });
}

/** The share of the time of its scope that a finding can save. */
function timeShareOf(
  { recoverableUs, shareOfStep, gpuHours }: FindingDraft,
  floor: StepFloor | undefined,
  ofGpuHours: number,
): number | null {
  if (floor !== undefined) return recoverableUs === null ? null : Math.min(recoverableUs / floor.step.us, 1);
  if (shareOfStep !== null) return Math.min(shareOfStep, 1);
  return gpuHours !== null && ofGpuHours > 0 ? Math.min(gpuHours / ofGpuHours, 1) : null;
}

interface Remainder {
  readonly us: number;
  readonly busyUs: number;
}

function remainingAfter(
  { cause }: FindingDraft,
  us: number,
  floor: StepFloor,
  remainders: Map<StepFloor, Remainder>,
): number {
  const before = remainders.get(floor) ?? { us: floor.step.us, busyUs: floor.busyUs };
  // Copies and communication keep the GPU busy: without them it is busy for less long.
  const busyUs = busyCauses.has(cause)
    ? Math.max(before.busyUs - us, floor.computationUs)
    : cause === 'kernel-efficiency'
      ? Math.max(before.busyUs - us, 0)
      : before.busyUs;
  const after = { us: Math.max(before.us - us, Math.min(busyUs, before.us)), busyUs };
  remainders.set(floor, after);
  return after.us;
}

const busyCauses: ReadonlySet<string> = new Set(['multi-gpu', 'hidden-sync']);

/** A finding without a share is a warning if it is about GPU-hours, else only information. */
function severityOfDraft({ shareOfStep, gpuHours, cause }: FindingDraft) {
  return shareOfStep !== null
    ? severityOf(shareOfStep)
    : gpuHours !== null || cause === 'scheduling'
      ? 'warning'
      : 'info';
}

function rankOf(severity: string): number {
  return severity === 'warning' ? 0 : 1;
}

function compare(a: FlooredDraft, b: FlooredDraft): number {
  return (
    Number(a.draft.cause === 'kernel-efficiency') - Number(b.draft.cause === 'kernel-efficiency') ||
    lostShare(b) - lostShare(a) ||
    (b.draft.gpuHours ?? 0) - (a.draft.gpuHours ?? 0)
  );
}

/** The share of its own step that a finding can save, or the waiting that it is a part of: steps of several jobs differ in length. */
function lostShare({ draft, floor }: FlooredDraft): number {
  if (draft.recoverableUs === null || floor === undefined) return 0;
  return Math.max(draft.recoverableUs / floor.step.us, draft.waitingShare ?? 0);
}
