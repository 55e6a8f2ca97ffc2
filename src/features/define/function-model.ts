import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { DataOf, TensorSpec } from '../../schema/tensor.ts';

/** The tensors of a list of specs by their names; the type of each says which array holds it. */
export type TensorsOf<Specs extends readonly TensorSpec[]> = {
  readonly [Spec in Specs[number] as Spec['name']]: {
    readonly name: Spec['name'];
    readonly type: Spec['type'];
    readonly shape: readonly number[];
    readonly data: DataOf<Spec['type']>;
  };
};

/** A result of a function: the type and the name are those of the declared output. */
export type Results<Specs extends readonly TensorSpec[]> = {
  readonly [Spec in Specs[number] as Spec['name']]: {
    readonly shape: readonly number[];
    readonly data: DataOf<Spec['type']>;
  };
};

/** A model that is a function of TypeScript. */
export interface FunctionModel<
  Inputs extends readonly TensorSpec[] = readonly TensorSpec[],
  Outputs extends readonly TensorSpec[] = readonly TensorSpec[],
> {
  readonly name: string;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  /** Runs at once (1): more for a function that waits for others. */
  readonly concurrency?: number;
  /** Computes every output from all inputs. It must not keep or change the inputs. */
  readonly run: (inputs: TensorsOf<Inputs>) => MaybePromise<Results<Outputs>>;
}

/** The second argument of a streaming function. */
export interface StreamContext {
  /** Aborted when nobody waits for the next piece: the caller has gone, or its time is over. */
  readonly signal: AbortSignal;
}

/** A model that is a function of TypeScript and answers in pieces. */
export interface StreamingModel<
  Inputs extends readonly TensorSpec[] = readonly TensorSpec[],
  Outputs extends readonly TensorSpec[] = readonly TensorSpec[],
> {
  readonly name: string;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  /** Yields the pieces of an answer, each with every output. It must not keep or change the inputs. */
  readonly stream: (inputs: TensorsOf<Inputs>, context: StreamContext) => AsyncIterable<Results<Outputs>>;
}

/** Types a model that is a function and answers in pieces: over ModelStreamInfer, `generate` and `generate_stream`. */
export function streamingModel<const Inputs extends readonly TensorSpec[], const Outputs extends readonly TensorSpec[]>(
  model: StreamingModel<Inputs, Outputs>,
): StreamingModel<Inputs, Outputs> {
  return Object.freeze(model);
}

/**
 * Types a model that is a function.
 *
 * ```ts
 * const doubled = functionModel({
 *   name: 'doubled',
 *   inputs: [{ name: 'x', type: 'FP32', shape: [-1, 1] }],
 *   outputs: [{ name: 'y', type: 'FP32', shape: [-1, 1] }],
 *   run: ({ x }) => ({ y: { shape: x.shape, data: Float32Array.from(x.data, (value) => 2 * value) } }),
 * });
 * ```
 */
export function functionModel<const Inputs extends readonly TensorSpec[], const Outputs extends readonly TensorSpec[]>(
  model: FunctionModel<Inputs, Outputs>,
): FunctionModel<Inputs, Outputs> {
  return Object.freeze(model);
}
