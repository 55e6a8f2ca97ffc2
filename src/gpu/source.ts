import type { ClusterSummary, WorkerSeries } from './readers/cluster.ts';
import type { DcgmDevice } from './readers/dcgm.ts';
import type { KernelSumRow, StatsTable } from './readers/kernel-sums.ts';
import type { LoggedIteration } from './readers/megatron-log.ts';
import type { FabricLog } from './readers/nccl-tests.ts';
import type { NcuKernel } from './readers/ncu.ts';
import type { ProcessRound } from './readers/pmon.ts';
import type { NodeRecord, PodRecord } from './readers/pods.ts';
import type { JobRecord } from './readers/sacct.ts';
import type { SampleSeries } from './readers/samples.ts';
import type { Trace } from './trace/trace.ts';

/** A file that was read: what it is and what it holds. */
export type Source =
  | { readonly kind: 'trace'; readonly path: string; readonly trace: Trace }
  | { readonly kind: 'samples'; readonly path: string; readonly series: readonly SampleSeries[] }
  | { readonly kind: 'processes'; readonly path: string; readonly rounds: readonly ProcessRound[] }
  | { readonly kind: 'dcgm'; readonly path: string; readonly devices: readonly DcgmDevice[] }
  | { readonly kind: 'ncu'; readonly path: string; readonly kernels: readonly NcuKernel[] }
  | {
      readonly kind: 'kernel-sums';
      readonly path: string;
      readonly kernels: readonly KernelSumRow[];
      readonly tables: readonly StatsTable[];
    }
  | { readonly kind: 'jobs'; readonly path: string; readonly jobs: readonly JobRecord[] }
  | { readonly kind: 'pods'; readonly path: string; readonly pods: readonly PodRecord[] }
  | { readonly kind: 'nodes'; readonly path: string; readonly nodes: readonly NodeRecord[] }
  | { readonly kind: 'iterations'; readonly path: string; readonly workers: readonly WorkerSeries[] }
  | { readonly kind: 'variation'; readonly path: string; readonly jobs: readonly VariationRow[] }
  | { readonly kind: 'clusters'; readonly path: string; readonly clusters: readonly ClusterSummary[] }
  | { readonly kind: 'distribution'; readonly path: string; readonly metrics: readonly DistributionRow[] }
  | { readonly kind: 'fabric'; readonly path: string; readonly log: FabricLog }
  | { readonly kind: 'log'; readonly path: string; readonly iterations: readonly LoggedIteration[] };

/** Coefficients of variation of the iterations of one job over its workers. */
export interface VariationRow {
  readonly job: string;
  readonly values: readonly number[];
}

/** A metric as equally likely values: percentiles of a distribution. */
export interface DistributionRow {
  readonly source: string;
  readonly metric: string;
  readonly values: readonly number[];
}
