import type { RunParameters } from '../../ports/model-runtime.ts';
import type { Tensor } from '../../schema/tensor.ts';
import type { InferCaller } from '../request/infer-request.ts';
import type { CheckedParameters } from '../request/model-parameters.ts';
import type { ModelStatistics } from './model-statistics.ts';

/** Bounds of a queue. */
export interface QueueLimits {
  /** Rows that may wait. */
  readonly mostRows: number;
  /** Rows of one tenant that may wait. */
  readonly mostRowsOfTenant: number;
  /** Shares of tenants; one that is not named has 1. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface InferQueueOptions {
  readonly model: string;
  readonly version: string;
  readonly limits: QueueLimits;
  /** Rows of one run, while several tenants ask or only one; 1: rows of different requests are never joined. */
  readonly rowsARun: (severalTenants: boolean) => number;
  /** How long the first request of a batch waits for more, ms. */
  readonly delayMs: number;
  /** Runs at once. */
  readonly instances: number;
  readonly run: (
    inputs: readonly Tensor[],
    outputs: readonly string[],
    parameters: RunParameters,
    /** Whether nobody waits for it any longer. */
    isOver: () => boolean,
  ) => Promise<readonly Tensor[]>;
  readonly statistics: ModelStatistics;
  /** Epoch ms. */
  readonly clock: () => number;
}

/** The run that a request asks for. */
export interface Asked extends InferCaller {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  readonly parameters: CheckedParameters;
  readonly priority: number;
  /** Rows, where the model can be run over several requests at once; null: it cannot, and the request runs alone. */
  readonly rows: number | null;
}

/** Outputs of a request, and the time that it waited and ran, ms. */
export interface Ran {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
  readonly computeMs: number;
}
