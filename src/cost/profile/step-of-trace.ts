import type { TraceReport } from '../../gpu/diagnosis.ts';
import type { Finding } from '../../gpu/finding.ts';
import type { StepFacts } from '../plan/step-model.ts';

/** A step as a trace shows it. The loader is not in a trace: its time is a guess from the stall. */
export interface TraceStep {
  readonly step: Omit<StepFacts, 'gpus'>;
  readonly kernelsKnown: boolean;
  /** The step that was recorded, seconds. */
  readonly stepS: number;
  /** Time of a step that a finding about the data pipeline could recover, seconds. */
  readonly loaderStallS: number;
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
  const allReduceS = profile.communicationS * accumulation;
  const exposedS = profile.exposedCommunicationS * accumulation;
  const loaderStallS = stallOf(report, findings);
  return {
    stepS,
    kernelsKnown: profile.tensorEligibleS !== null,
    loaderStallS,
    step: {
      ...classes,
      loaderS: loaderStallS > 0 ? microStepS : 0,
      loaderOverlap: 1,
      gapsS: Math.max(0, share(decomposition.idleUs + decomposition.exposedCopyUs) - loaderStallS / accumulation),
      allReduceS,
      overlap: overlapOf(allReduceS, exposedS, backwardShare * kernelsS),
      backwardShare,
      optimizerS: optimizerS * accumulation,
      accumulation,
      microBatch: profile.microBatch ?? 1,
    },
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

function stallOf(report: TraceReport, findings: readonly Finding[]): number {
  const own = findings.filter(
    ({ cause, step }) => cause === 'data-pipeline' && step?.file === report.file && step.device === report.device,
  );
  return own.reduce((most, { recoverableUs }) => Math.max(most, (recoverableUs ?? 0) / 1e6), 0);
}
