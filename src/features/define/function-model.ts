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
  /** Computes every output from all inputs. It must not keep or change the inputs. */
  readonly run: (inputs: TensorsOf<Inputs>) => MaybePromise<Results<Outputs>>;
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
