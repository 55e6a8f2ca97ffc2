import { gpuCluster } from './gpu-cluster/gpu-cluster.ts';
import type { Lab } from './lab.ts';
import { trainingBill } from './training-bill/training-bill.ts';

/** Every lab, in the order of the page. To add one: a folder with its declaration, and a row here. */
export const allLabs: readonly Lab[] = [gpuCluster, trainingBill];
