import { activationCheckpointing } from './activation-checkpointing.ts';
import { biggerMicroBatch } from './bigger-micro-batch.ts';
import { compile } from './compile.ts';
import { dataPipeline } from './data-pipeline.ts';
import { fp8 } from './fp8.ts';
import { fusedAttention } from './fused-attention.ts';
import { gradientAccumulation } from './gradient-accumulation.ts';
import { gradientOverlap } from './gradient-overlap.ts';
import { gradients16Bit } from './gradients-16-bit.ts';
import { mixedPrecision } from './mixed-precision.ts';
import { parallelEfficiency } from './parallel-efficiency.ts';
import { shardedStates } from './sharded-states.ts';
import type { Technique } from './technique.ts';
import { tf32 } from './tf32.ts';
import { waits } from './waits.ts';

/**
 * Techniques that change a step, in the order of a plan. The profile comes before all of them, spot and short sweeps after. To add
 * one: a file, and its line here.
 */
export const techniques: readonly Technique[] = [
  tf32,
  mixedPrecision,
  fp8,
  compile,
  fusedAttention,
  activationCheckpointing,
  ...shardedStates,
  biggerMicroBatch,
  gradientOverlap,
  gradients16Bit,
  ...waits,
  gradientAccumulation,
  dataPipeline,
  parallelEfficiency,
];
