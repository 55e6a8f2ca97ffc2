import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { Tensor, TensorSignature } from '../../schema/tensor.ts';
import type { ModelConfig } from '../config/model-config.ts';

/** A version of a model, ready to be loaded: an ONNX file, what loads itself, or a separate process. */
export type OpenedVersion =
  | {
      readonly kind: 'process';
      readonly platform: string;
      readonly loaded: LoadedModel;
      readonly memoryBytes: () => number;
      /** Each row is a call to another server, which may cost: it is run for callers alone. Left out: it is warmed. */
      readonly isMetered?: boolean;
    }
  | { readonly kind: 'onnx'; readonly file: Uint8Array }
  | {
      readonly kind: 'own';
      readonly platform: string;
      /** It needs no warm-up, and a run that nobody asked for would count as one. */
      readonly isWarm?: boolean;
      readonly load: (config: ModelConfig) => MaybePromise<LoadedModel>;
    };

/** A model as its source has it at the time of a load. */
export interface SourceModel {
  /** null: the source says nothing, and the tensors are those of the file. */
  readonly config: ModelConfig | null;
  /** Versions that can be loaded, in ascending order. */
  readonly versions: readonly string[];
  /** The version that answers where a caller names none; null: the policy of the configuration chooses. */
  readonly preferred: string | null;
  /** Whether its aliases are those of a registry, which moves them by itself; left out: they are not. */
  readonly isRegistered?: boolean;
  /** The version that an alias names; null: none. */
  alias(alias: string): MaybePromise<string | null>;
  /** Makes ready for a load what takes minutes, once. Errors: those of the source. */
  prepare?(version: string): Promise<void>;
  /** Begins to make that ready, and fails as long as it is not. Errors: PYTHON_PREPARING, those of the source. */
  mustBePrepared?(version: string): Promise<void>;
  /** Errors: those of the source. */
  open(version: string, file: string): MaybePromise<OpenedVersion>;
  /** The name of a version in this process: who asks for the same name shares one loaded version. Left out: each load is its own. */
  sharedAs?(version: string): MaybePromise<string>;
  /**
   * Compares a loaded version with the facts of its source; gives whether it has answered its warm-up requests by that. Errors:
   * MODEL_PARITY, MODEL_FILE, those of the source.
   */
  verify?(version: string, loaded: LoadedModel): Promise<boolean>;
  /** Requests that the version is warmed with before it serves; real rows, where the source has some. */
  warmUps(
    version: string,
    config: ModelConfig,
    signature: TensorSignature,
  ): MaybePromise<readonly (readonly Tensor[])[]>;
}

/** The part of a model that loads a version. */
export type LoadableModel = Pick<SourceModel, 'config' | 'open' | 'sharedAs' | 'verify' | 'warmUps'>;

/** Where models come from. */
export interface ModelSource {
  names(): MaybePromise<readonly string[]>;
  /** null: it does not have the model. Errors: OIP_CONFIG, those of the source. */
  find(name: string): MaybePromise<SourceModel | null>;
}
