import type { TensorSpec } from '../../schema/tensor.ts';

/** Which versions of a model are served. */
export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly number[] };

/** How long requests of a priority may wait, and how many. */
export interface QueuePolicy {
  /** Without a timeout of the request, ms; 0: none. */
  readonly timeoutMs: number;
  /** The answer to an expired request. */
  readonly action: 'reject' | 'delay';
  readonly allowsOverride: boolean;
  /** 0: the bound of the server. */
  readonly mostRequests: number;
}

/** How requests share runs. */
export interface Batching {
  readonly preferredRows: readonly number[];
  readonly delayMs: number;
  /** 0: no priorities. */
  readonly priorities: number;
  readonly defaultPriority: number;
  readonly policy: QueuePolicy;
  readonly byPriority: Readonly<Record<number, QueuePolicy>>;
}

export const controlKinds = ['START', 'READY', 'END', 'CORRID'] as const;

/** An input that the server fills in for each request of a sequence. */
export interface SequenceControl {
  readonly name: string;
  readonly kind: (typeof controlKinds)[number];
  /** Values for false and true; null for CORRID. */
  readonly falseTrue: readonly [number, number] | null;
  /** Type of the tensor; null: that of the values. */
  readonly type: TensorSpec['type'];
}

/** How the requests of a sequence are kept together. */
export interface Sequencing {
  readonly idleMs: number;
  readonly controls: readonly SequenceControl[];
  /** Sequences that may be open. */
  readonly mostSequences: number;
}

/** One model of an ensemble: names of its tensors to names of the ensemble's. */
export interface EnsembleStep {
  readonly model: string;
  /** Empty: the newest. */
  readonly version: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Requests that a model is warmed with. */
export interface WarmUp {
  readonly name: string;
  readonly rows: number;
  readonly count: number;
  readonly inputs: readonly (TensorSpec & { readonly fill: 'zero' | 'random' | { readonly file: string } })[];
}

/** How a model is served. Shapes of inputs and outputs are without the dimension of the batch. */
export interface ModelConfig {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly versionPolicy: VersionPolicy;
  /** Rows of one request or run; 0: the model has no dimension for a batch. */
  readonly maxBatchSize: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Names of classes of an output, by output. */
  readonly instances: number;
  readonly file: string;
  readonly batching: Batching | null;
  readonly sequencing: Sequencing | null;
  readonly ensemble: readonly EnsembleStep[] | null;
  readonly warmUps: readonly WarmUp[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly caches: boolean;
  /** Whether it answers in pieces. */
  readonly decoupled: boolean;
}

export const NO_POLICY: QueuePolicy = { timeoutMs: 0, action: 'reject', allowsOverride: false, mostRequests: 0 };

/** A configuration in which everything but the tensors is the default. */
export function plainConfig(
  name: string,
  platform: string,
  tensors: Pick<ModelConfig, 'inputs' | 'outputs'>,
): ModelConfig {
  return {
    name,
    platform,
    backend: platform === 'onnxruntime_onnx' ? 'onnxruntime' : platform,
    versionPolicy: { kind: 'latest', count: 1 },
    maxBatchSize: 0,
    ...tensors,
    instances: 1,
    file: 'model.onnx',
    batching: null,
    sequencing: null,
    ensemble: null,
    warmUps: [],
    parameters: {},
    caches: false,
    decoupled: false,
  };
}
