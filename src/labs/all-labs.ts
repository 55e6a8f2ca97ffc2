import { gpuCluster } from './gpu-cluster/gpu-cluster.ts';
import { inferenceModes } from './inference-modes/inference-modes.ts';
import type { Lab } from './lab.ts';
import { modelDrift } from './model-drift/model-drift.ts';
import { onlineFeatures } from './online-features/online-features.ts';
import { trainingBill } from './training-bill/training-bill.ts';

/** Every lab, in the order of the page. To add one: a folder with its declaration, and a row here. */
export const allLabs: readonly Lab[] = [onlineFeatures, gpuCluster, inferenceModes, modelDrift, trainingBill];
