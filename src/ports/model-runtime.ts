import type { Tensor, TensorSignature } from '../schema/tensor.ts';

/** Types of parameters, as MLflow names them; `json`: an object, or a list of any. */
export type ParameterType = 'boolean' | 'integer' | 'long' | 'float' | 'double' | 'string' | 'datetime' | 'json';

/** A parameter that a request may set for one run. */
export interface ModelParameter {
  readonly name: string;
  readonly type: ParameterType;
  /** Whether it is a list of values of the type. */
  readonly isList: boolean;
  /** JSON; null: the model chooses. */
  readonly default: unknown;
}

/** Values of parameters by their names, as JSON; one of type `long` is the text of its digits. */
export type RunParameters = Readonly<Record<string, unknown>>;

/** A model in memory. */
export interface LoadedModel {
  /** Inputs and outputs as the model declares them, in its order. Outputs that are no tensor are left out. */
  readonly signature: TensorSignature;
  /**
   * Runs the model once. Returns the tensors of the named outputs in that order; without names those of all outputs of the
   * signature. A model without `parameters` gets none. Error: MODEL_TENSOR, for tensors that do not fit the model.
   */
  run(inputs: readonly Tensor[], outputs?: readonly string[], parameters?: RunParameters): Promise<readonly Tensor[]>;
  /** Parameters that it declares; left out: none. */
  readonly parameters?: readonly ModelParameter[];
  /**
   * Of a model that answers in pieces, in place of `run`: yields the tensors of each. It ends soon after `signal` is
   * aborted. Error: MODEL_TENSOR.
   */
  readonly stream?: (
    inputs: readonly Tensor[],
    outputs: readonly string[] | undefined,
    signal: AbortSignal,
  ) => AsyncIterable<readonly Tensor[]>;
  /** Inputs that it was registered with: real rows to warm it with. */
  readonly examples?: readonly (readonly Tensor[])[];
  /** Frees it. No run may be under way, and none follows. */
  close(): Promise<void>;
}

/**
 * Loads model files and runs them.
 *
 * Rules:
 *  1. bytes that are no model of this runtime are MODEL_FILE on loading;
 *  2. a row's outputs do not depend on other rows: batched, alone and replayed they have the same bits;
 *  3. loaded models are independent of each other, and loading one does not disturb the runs of others;
 *  4. loading and closing again and again does not use ever more memory;
 *  5. without the library that runs models, `ready` and `load` fail with MODEL_RUNTIME, which names the package;
 *  6. `run` returns exactly the named outputs, in their order, each with its type and shape;
 *  7. an input that is missing, unknown, or of another type or shape, and an unknown output, are MODEL_TENSOR; the model
 *     runs on afterwards;
 *  8. values pass unchanged: each type keeps every value, and a tensor may have no rows.
 */
export interface ModelRuntime {
  /** The name that clients of the Open Inference Protocol see as platform. */
  readonly platform: string;
  /** Resolves where models can be loaded. Error: MODEL_RUNTIME. */
  ready(): Promise<void>;
  /** Errors: MODEL_RUNTIME, MODEL_FILE. */
  load(file: Uint8Array): Promise<LoadedModel>;
}
