import type { JobProfile } from '../profile/read-profile.ts';
import type { Job } from './job.ts';
import { activationBytes, type MemoryFacts, type MemoryJob, stateBytes } from './memory-model.ts';

/** Activations that full recomputation keeps where the shape is not known: the inputs of blocks, of about 20 tensors each. */
const USUAL_KEPT = 0.1;

/** The memory of a job, where it names its parameters and the profile has a peak; the activations are what the states leave of it. */
export function memoryFactsOf(
  job: Job,
  { peakMemoryBytes, gpuMemoryBytes, precision, step }: JobProfile,
): MemoryFacts | null {
  const parameters = job.parameters ?? job.transformer?.parameters;
  if (parameters === undefined || peakMemoryBytes === null || gpuMemoryBytes === null) return null;
  const isWide = precision === 'fp32' || precision === 'tf32' || precision === null;
  const model: MemoryJob = {
    parameters,
    optimizer: job.optimizer,
    precision: isWide ? 'fp32' : job.masterWeights ? 'mixed' : 'autocast',
    shards: job.gpus,
    stage: job.zeroStage,
  };
  const states = stateBytes(model);
  const activations = peakMemoryBytes - states.parameters - states.gradients - states.states;
  // States alone are above the measured peak: the job is not as it is described.
  if (activations <= 0) return null;
  return {
    isTransformer: job.transformer !== undefined,
    now: { ...states, activations },
    peakBytes: peakMemoryBytes,
    gpuBytes: gpuMemoryBytes,
    model,
    recomputedShare: keptShare(job, step.microBatch),
  };
}

function keptShare({ transformer, fusedAttention }: Job, microBatch: number): number {
  if (transformer === undefined) return USUAL_KEPT;
  const { layers, heads, headSize, sequence } = transformer;
  const shape = { layers, heads, hidden: heads * headSize, sequence };
  const now = activationBytes(shape, microBatch, fusedAttention === true ? 'fused' : 'all');
  return activationBytes(shape, microBatch, 'none') / now;
}
