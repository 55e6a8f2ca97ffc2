import type { Prior } from './technique.ts';

const dle = 'NVIDIA/DeepLearningExamples at 729963dd, throughput tables of README files';

/** TF32 to mixed precision on A100: 134 measured rows of 28 models. At least 32 of them also raise the batch. */
export const a100MixedPrecision: Prior = {
  name: 'speed-up of kernels',
  p10: 1.074,
  p50: 1.801,
  p90: 2.424,
  source: `${dle}: 134 rows, A100, TF32 to mixed`,
  kind: 'measured',
};

/** FP32 to mixed precision on V100: 166 measured rows. */
export const v100MixedPrecision: Prior = {
  name: 'speed-up of kernels',
  p10: 1.51,
  p50: 2.422,
  p90: 3.589,
  source: `${dle}: 166 rows, V100, FP32 to mixed`,
  kind: 'measured',
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
