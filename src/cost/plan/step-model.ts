/** A micro-step and the step that it is part of. Seconds for one GPU. */
export interface StepFacts {
  /** GPU time of a micro-step in kernels that can use Tensor Cores, that memory bounds, and in others. */
  readonly tensorS: number;
  readonly memoryS: number;
  readonly otherS: number;
  /** Time in which the loader prepares one micro-batch by itself. */
  readonly loaderS: number;
  /** Share of the loader's time that runs during the work of the GPU: 1 with workers ahead of it, 0 in the training process. */
  readonly loaderOverlap: number;
  /** Time of a micro-step in which the GPU waits for the host, without waits for the loader and those of the next four. */
  readonly gapsS: number;
  /** Waits of a micro-step that a diagnosis found: for read-backs, exposed copies, a checkpoint that is written, a late rank. */
  readonly syncS: number;
  readonly copyS: number;
  readonly saveS: number;
  readonly lateS: number;
  /** Gradient all-reduce of a step, if nothing hid it. */
  readonly allReduceS: number;
  /** Share of the backward pass that can hide the all-reduce. */
  readonly overlap: number;
  /** Share of GPU time that is backward. */
  readonly backwardShare: number;
  readonly optimizerS: number;
  /** Micro-steps to a step. */
  readonly accumulation: number;
  readonly microBatch: number;
  readonly gpus: number;
}

/** A step as the model evaluates it. Seconds. */
export interface StepTimes {
  readonly stepS: number;
  readonly exposedS: number;
  readonly stallS: number;
  readonly bound: 'gpu' | 'loader';
  /** Time for one sample over all GPUs. */
  readonly sampleS: number;
  /** GPU-seconds for one sample: what is paid. */
  readonly gpuSampleS: number;
}

/**
 * The time of a step: busy = k·(G + gaps + waits) + U + X with the exposed all-reduce X = max(0, A − overlap·backward·G), and
 * T = max(k·L, busy), plus the part of the loader that does not run at the same time. A change of a job is evaluated by this model on
 * the changed facts; gains are never multiplied.
 */
export function stepTimes(facts: StepFacts): StepTimes {
  const { accumulation: k, gapsS, loaderS, gpus } = facts;
  const kernelsS = facts.tensorS + facts.memoryS + facts.otherS;
  const exposedS = Math.max(0, facts.allReduceS - facts.overlap * facts.backwardShare * kernelsS);
  const waitsS = facts.syncS + facts.copyS + facts.saveS + facts.lateS;
  const busyS = k * (kernelsS + gapsS + waitsS) + facts.optimizerS + exposedS;
  const loadingS = k * loaderS;
  const stepS = Math.max(loadingS, busyS) + (1 - facts.loaderOverlap) * Math.min(loadingS, busyS);
  const samples = k * facts.microBatch;
  return {
    stepS,
    exposedS,
    stallS: stepS - busyS,
    bound: loadingS > busyS ? 'loader' : 'gpu',
    sampleS: stepS / (samples * gpus),
    gpuSampleS: stepS / samples,
  };
}

/** The overlap of the loader that explains a measured step; 1 where the step is as short as the longer of both. */
export function loaderOverlapOf(loadingS: number, busyS: number, stepS: number): number {
  const serialS = stepS - Math.max(loadingS, busyS);
  const most = Math.min(loadingS, busyS);
  return most <= 0 ? 1 : 1 - Math.min(1, Math.max(0, serialS / most));
}

/** A step without waits, for profiles that do not divide them. */
export const noWaits = { syncS: 0, copyS: 0, saveS: 0, lateS: 0 } as const;
