import { type Finding, type FindingDraft, severityOf } from './finding.ts';

/**
 * Ranks drafts and numbers them: warnings first; of equal severity first what was measured as idle or exposed time, then what
 * depends on an assumed speed-up of kernels; then by recoverable time, then by GPU-hours. Gains are not added: each finding
 * says what would be left of the step after it and those before it.
 */
export function rankFindings(drafts: readonly FindingDraft[], step: StepFloor | undefined): readonly Finding[] {
  const ranked = drafts
    .map((draft) => ({ draft, severity: severityOfDraft(draft) }))
    .filter(({ severity }) => severity !== 'silent')
    .sort((a, b) => rankOf(a.severity) - rankOf(b.severity) || compare(a.draft, b.draft));
  const numbers = new Map<string, number>();
  let remaining = step?.stepUs ?? 0;
  let busy = step?.busyUs ?? 0;
  return ranked.map(({ draft, severity }) => {
    const number = (numbers.get(draft.cause) ?? 0) + 1;
    numbers.set(draft.cause, number);
    const recoverable = step === undefined ? null : draft.recoverableUs;
    if (step !== undefined && recoverable !== null) {
      // Copies and communication keep the GPU busy: without them it is busy for less long.
      if (busyCauses.has(draft.cause)) busy = Math.max(busy - recoverable, step.computationUs);
      if (draft.cause === 'kernel-efficiency') busy = Math.max(busy - recoverable, 0);
      remaining = Math.max(remaining - recoverable, Math.min(busy, remaining));
    }
    return {
      id: `${draft.cause}/${number}`,
      ...draft,
      severity: severity === 'warning' ? 'warning' : 'info',
      remainingStepUs: recoverable === null ? null : remaining,
      ceiling:
        step === undefined || recoverable === null || recoverable >= step.stepUs
          ? null
          : step.stepUs / (step.stepUs - recoverable),
    };
  });
}

/** A typical step and what it cannot fall below: busy time for what fills gaps, computation for what hides copies. */
export interface StepFloor {
  readonly stepUs: number;
  readonly busyUs: number;
  readonly computationUs: number;
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

function compare(a: FindingDraft, b: FindingDraft): number {
  return (
    Number(a.cause === 'kernel-efficiency') - Number(b.cause === 'kernel-efficiency') ||
    (b.recoverableUs ?? 0) - (a.recoverableUs ?? 0) ||
    (b.gpuHours ?? 0) - (a.gpuHours ?? 0)
  );
}
