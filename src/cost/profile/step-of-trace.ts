import type { TraceReport } from '../../gpu/diagnosis.ts';
import type { Finding } from '../../gpu/finding.ts';
import { loaderOverlapOf, type StepFacts } from '../plan/step-model.ts';
import { type Lever, leverFindings, loaderForm, loaderTimeS } from './finding-levers.ts';

/** A step as a trace shows it. The loader is not in a trace: its time is a guess from the stall. */
export interface TraceStep {
  readonly step: Omit<StepFacts, 'gpus'>;
  readonly kernelsKnown: boolean;
  /** The step that was recorded, seconds. */
  readonly stepS: number;
  /** Time of a step that a finding about the data pipeline could recover, seconds. */
  readonly loaderStallS: number;
  /** The step with the other form of its loader, where the trace does not say which; null where it does. */
  readonly otherLoader: Omit<StepFacts, 'gpus'> | null;
  readonly notes: readonly string[];
}

/** Where a trace does not say it: the share of GPU time that is backward, and the share of it that hides communication. */
const USUAL_BACKWARD = 2 / 3;
const USUAL_OVERLAP = 0.7;

/** The facts of a step from the profile of one GPU in a diagnosis. */
export function stepOfTrace(report: TraceReport, findings: readonly Finding[]): TraceStep {
  const { profile, stepUs, decomposition } = report;
  const stepS = stepUs / 1e6;
  const notes: string[] = [];
  const accumulation = Math.max(1, Math.round(profile.accumulation ?? 1));
  if (profile.accumulation === null)
    notes.push('a marked step counts as one micro-step: the trace shows no accumulation');
  const microStepS = stepS / accumulation;
  // A traced step may cover part of a step of the optimiser: all is counted per micro-step.
  const share = (us: number) => (us / decomposition.totalUs) * microStepS;
  const kernelsS = share(decomposition.computationUs);
  const optimizerS = profile.optimizerS ?? 0;
  if (profile.optimizerS === null) notes.push('the optimiser is not marked: its time is in the kernels');
  const classes = kernelClasses(profile, kernelsS, optimizerS);
  const backwardShare = profile.backwardShare ?? USUAL_BACKWARD;
  const loader = loaderOf(report, findings, accumulation);
  const { stallS: loaderStallS, isOpen, ...form } = loader;
  const idleS = Math.max(0, share(decomposition.idleUs + decomposition.exposedCopyUs) - loaderStallS / accumulation);
  const { gapsS, ...waits } = waitsOf(report, findings, microStepS, idleS);
  // Waiting for a late rank is recorded as communication.
  const lateS = Math.min(waits.lateS, profile.exposedCommunicationS);
  const allReduceS = Math.max(0, profile.communicationS - lateS) * accumulation;
  const exposedS = (profile.exposedCommunicationS - lateS) * accumulation;
  const step = {
    ...classes,
    ...form,
    ...waits,
    lateS,
    gapsS,
    allReduceS,
    overlap: overlapOf(allReduceS, exposedS, backwardShare * kernelsS),
    backwardShare,
    optimizerS: optimizerS * accumulation,
    accumulation,
    microBatch: profile.microBatch ?? 1,
  };
  return {
    stepS,
    kernelsKnown: profile.tensorEligibleS !== null,
    loaderStallS,
    step,
    otherLoader: isOpen ? { ...step, loaderS: loaderStallS / accumulation, loaderOverlap: 0 } : null,
    notes,
  };
}

/** Kernels without those of the optimiser, which are another member. */
function kernelClasses(
  { tensorEligibleS, memoryBoundS }: TraceReport['profile'],
  kernelsS: number,
  optimizerS: number,
) {
  const usableS = Math.max(0, kernelsS - optimizerS);
  if (tensorEligibleS === null) return { tensorS: usableS, memoryS: 0, otherS: 0 };
  const tensorS = Math.min(tensorEligibleS, usableS);
  const restS = usableS - tensorS;
  const memoryS = Math.min(memoryBoundS ?? 0, restS);
  return { tensorS, memoryS, otherS: restS - memoryS };
}

/** The overlap that explains the exposed part; where all is hidden it is at least the usual one. */
function overlapOf(allReduceS: number, exposedS: number, backwardS: number): number {
  if (allReduceS === 0 || backwardS === 0) return USUAL_OVERLAP;
  const explained = Math.min(1, Math.max(0, (allReduceS - exposedS) / backwardS));
  return exposedS < 0.01 * allReduceS ? Math.max(explained, USUAL_OVERLAP) : explained;
}

/** Findings about the step of a GPU, and those of any rank that make it wait. */
export function ownFindings({ file, device }: TraceReport, findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ step }) => step?.file === file && step.device === device);
}

/**
 * The loader by the finding about it. In turn with the GPU it takes the time that the GPU waits; with workers, which run at the same
 * time, it takes the whole step.
 */
function loaderOf(report: TraceReport, findings: readonly Finding[], accumulation: number) {
  const own = ownFindings(report, findings)
    .filter(({ cause }) => cause === 'data-pipeline')
    .toSorted((a, b) => (b.recoverableUs ?? 0) - (a.recoverableUs ?? 0))[0];
  const stallS = (own?.recoverableUs ?? 0) / 1e6;
  const stepS = report.stepUs / 1e6;
  if (own === undefined || stallS === 0) return { stallS: 0, loaderS: 0, loaderOverlap: 1, isOpen: false };
  const isOpen = loaderForm(own) === 'open';
  if (loaderForm(own) !== 'in turn') return { stallS, loaderS: stepS / accumulation, loaderOverlap: 1, isOpen };
  const loadingS = Math.max(stallS, Math.min(loaderTimeS(own) ?? stallS, stepS));
  const loaderOverlap = loaderOverlapOf(loadingS, stepS - stallS, stepS);
  return { stallS, loaderS: loadingS / accumulation, loaderOverlap, isOpen };
}

const waitOf: Readonly<Partial<Record<NonNullable<Lever>, 'syncS' | 'copyS' | 'saveS' | 'lateS'>>> = {
  'hidden-sync': 'syncS',
  copies: 'copyS',
  'async-save': 'saveS',
  'late-rank': 'lateS',
};

/** Idle time and exposed copies of a micro-step, divided by the findings about them; the rest is gaps. Late ranks wait elsewhere. */
function waitsOf(report: TraceReport, findings: readonly Finding[], microStepS: number, idleS: number) {
  const waits = { syncS: 0, copyS: 0, saveS: 0, lateS: 0 };
  let gapsS = idleS;
  for (const { lever, share } of leverFindings(ownFindings(report, findings))) {
    const wait = lever === null ? undefined : waitOf[lever];
    if (wait === undefined) continue;
    const foundS = wait === 'lateS' ? share * microStepS : Math.min(gapsS, share * microStepS);
    waits[wait] += foundS;
    if (wait !== 'lateS') gapsS -= foundS;
  }
  return { ...waits, gapsS };
}
