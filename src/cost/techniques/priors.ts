import type { Prior } from './technique.ts';

const dle = 'NVIDIA/DeepLearningExamples at 729963dd, throughput tables of README files';

/**
 * TF32 to mixed precision on A100: 134 rows of 25 models, of which at least 32 also raise the batch. The next job is another model: each
 * model has the same weight, and the ends are the quantiles of 8 and 92 %, which hold 80 % of the rows of a model that is left out.
 */
export const a100MixedPrecision: Prior = {
  name: 'speed-up of kernels',
  p10: 1.019,
  p50: 1.645,
  p90: 2.829,
  source: `${dle}: 134 rows of 25 models, A100, TF32 to mixed`,
  kind: 'measured',
  heldOut: 0.8,
};

/** FP32 to mixed precision on V100: 167 rows of 25 models, by the same rule. */
export const v100MixedPrecision: Prior = {
  name: 'speed-up of kernels',
  p10: 1.287,
  p50: 2.217,
  p90: 3.645,
  source: `${dle}: 167 rows of 25 models, V100, FP32 to mixed`,
  kind: 'measured',
  heldOut: 0.79,
};

/** A card without rows: those of the nearest card, with half as much again to both sides, and no coverage. */
export function borrowed(prior: Prior, chip: string, from: string): Prior {
  const widened = (value: number) => prior.p50 * (value / prior.p50) ** 1.5;
  const { heldOut: _, ...rest } = prior;
  return {
    ...rest,
    p10: Math.max(1, Number(widened(prior.p10).toFixed(3))),
    p90: Number(widened(prior.p90).toFixed(3)),
    source: `no rows of ${chip}: those of ${from}, widened by half`,
    kind: 'assumption',
  };
}

export const tf32Speedup: Prior = {
  name: 'speed-up of FP32 products',
  p10: 1.5,
  p50: 2.2,
  p90: 3,
  source:
    'no measured rows; the diagnosis counts 1.5 to 3 on the same kernels, and peaks of A100 are 8 apart (156 and 19.5 TFLOP/s)',
  kind: 'assumption',
};

/** From 16 bits to FP8 on Hopper, whole steps. */
export const fp8Speedup: Prior = {
  name: 'speed-up of kernels',
  p10: 1.02,
  p50: 1.25,
  p90: 1.5,
  source:
    'torchao documentation, quantized training: 1.25 with 8 GPUs and 8 B parameters, 1.5 with 512 GPUs and 405 B, both with torch.compile; 1.02 for 1.5 B (pytorch/ao#1297)',
  kind: 'published',
};

/** torch.compile on A100, by suite: least, all 163 models, most. */
export const compileSpeedup: Prior = {
  name: 'speed-up of memory-bound kernels',
  p10: 1.21,
  p50: 1.43,
  p90: 1.76,
  source: 'PyTorch 2.0 announcement, A100, 163 models: FP32 1.21, all 1.43, TorchBench 1.76 (read in a report)',
  kind: 'published',
};

export const compileGaps: Prior = {
  name: 'share of gaps that stays',
  p10: 0.3,
  p50: 0.6,
  p90: 1,
  source: 'no measured rows: fewer launches, as far as the graph is whole',
  kind: 'assumption',
};

/** Of the wait for a loader in the training process, by four workers; the step of w0 and w4 on V100, as recorded by PyTorch's profiler. */
export const workersHide: Prior = {
  name: 'share of the loader that workers hide',
  p10: 0.62,
  p50: 0.86,
  p90: 1,
  source:
    'ResNet-50 on a V100, num_workers 0 to 4, a wait of 33 % of the step: 1.26 times on mean steps, 1.40 on median steps (traces of PyTorch Profiler); the upper end is the ceiling of the diagnosis',
  kind: 'measured',
};

/** Batches that workers prepare at once. */
export const workersSpeedup: Prior = {
  name: 'speed-up of the loader by its workers',
  p10: 1,
  p50: 2,
  p90: 4,
  source: 'one to four workers that do not wait for each other or for the disk',
  kind: 'assumption',
};

export const loaderSpeedup: Prior = {
  name: 'speed-up of the loader',
  p10: 1.1,
  p50: 1.5,
  p90: 2,
  source: 'CoorDL, VLDB 2021 (arXiv 2007.06775): up to 2 times on one server; the rest of the range is an assumption',
  kind: 'upper bound',
};

export const attentionSpeedup: Prior = {
  name: 'speed-up of memory-bound kernels',
  p10: 1.1,
  p50: 1.6,
  p90: 3.5,
  source:
    'Dao-AILab/flash-attention training README at 0b037c2d: 3 to 5 times against one plain code base, an upper bound',
  kind: 'upper bound',
};

export const batchEfficiency: Prior = {
  name: 'efficiency of a larger micro-batch',
  p10: 1,
  p50: 1.1,
  p90: 1.3,
  source: 'no measured rows: kernels fill the GPU better',
  kind: 'assumption',
};
