/** A model and how it trains, for the memory of one GPU. */
export interface MemoryJob {
  readonly parameters: number;
  readonly optimizer: 'adam' | 'momentum' | 'sgd';
  /** Mixed: 16-bit copies of parameters and gradients next to FP32 states (apex, DeepSpeed, Megatron). `autocast`: all is FP32. */
  readonly precision: 'fp32' | 'autocast' | 'mixed';
  /** GPUs that the states are divided over. */
  readonly shards: number;
  /** ZeRO: 1 divides states, 2 also gradients, 3 also parameters (FSDP FULL_SHARD). */
  readonly stage: 0 | 1 | 2 | 3;
}

/** Bytes of one GPU without activations. */
export interface StateBytes {
  readonly parameters: number;
  readonly gradients: number;
  readonly states: number;
}

/** Bytes of FP32 states for a parameter: two moments, one, or none. */
const moments = { adam: 8, momentum: 4, sgd: 0 } as const;

/**
 * Parameters, gradients and states (Rajbhandari et al., ZeRO, SC 2020): mixed precision with Adam has 2 + 2 + 12 bytes for a parameter, of
 * which 4 are the FP32 copy. Each GPU has one part of all that its stage divides.
 */
export function stateBytes({ parameters, optimizer, precision, shards, stage }: MemoryJob): StateBytes {
  const wide = precision === 'mixed' ? 2 : 4;
  const copy = precision === 'mixed' ? 4 : 0;
  const over = (from: number) => (stage >= from ? shards : 1);
  return {
    parameters: (parameters * wide) / over(3),
    gradients: (parameters * wide) / over(2),
    states: (parameters * (moments[optimizer] + copy)) / over(1),
  };
}

/** A transformer's layer, for its activations. */
export interface LayerShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly sequence: number;
}

/** Which activations stay until the backward pass. `fused`: attention that keeps no scores (FlashAttention), as selective recomputation. */
export type KeptActivations = 'all' | 'fused' | 'none';

/**
 * Bytes of activations in 16 bits of one micro-batch (Korthikanti et al., arXiv 2205.05198, equations 1, 4 and 6, without
 * parallel tensors): s·b·h·L·(34 + 5·a·s/h); 34 alone without scores; 2 with full recomputation.
 */
export function activationBytes(shape: LayerShape, microBatch: number, kept: KeptActivations): number {
  const { layers, hidden, heads, sequence } = shape;
  const scores = kept === 'all' ? (5 * heads * sequence) / hidden : 0;
  return sequence * microBatch * hidden * layers * (kept === 'none' ? 2 : 34 + scores);
}

/** Memory that the allocator holds by memory in use: it keeps freed blocks of other sizes. No measured rows. */
const fragmentation = { p10: 1.02, p50: 1.08, p90: 1.25 } as const;

/** Memory of a job on one GPU, and what a change leaves of it. */
export interface MemoryFacts {
  readonly isTransformer: boolean;
  /** Bytes now by the model; of activations the rest of the measured peak. */
  readonly now: StateBytes & { readonly activations: number };
  readonly peakBytes: number;
  readonly gpuBytes: number;
  readonly model: MemoryJob;
  /** Share of activations that full recomputation keeps. */
  readonly recomputedShare: number;
}

/** The share of a GPU's memory after a change, with usual fragmentation: above 1 it does not fit. */
export function memoryShare(
  { now, gpuBytes, model }: MemoryFacts,
  change: { readonly stage?: MemoryJob['stage']; readonly shards?: number; readonly activations?: number },
): number {
  const { stage = model.stage, shards = model.shards, activations = 1 } = change;
  const after = stateBytes({ ...model, stage, shards });
  const bytes = after.parameters + after.gradients + after.states + now.activations * activations;
  return (bytes * (fragmentation.p90 / fragmentation.p50)) / gpuBytes;
}
