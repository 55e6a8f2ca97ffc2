import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { FunctionModel, Results, StreamingModel } from '../../features/define/function-model.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import { elementsOf, shapeFits, type Tensor, type TensorSpec, tensorArrays } from '../../schema/tensor.ts';
import { DECOUPLED } from '../request/refuse.ts';

/** A function as a loaded model. Outputs that do not fit its declaration are MODEL_FILE. */
export function loadFunction(model: FunctionModel): LoadedModel {
  const { inputs, outputs } = model;
  const signature = { inputs, outputs };
  return {
    signature,
    run: async (tensors, asked = outputs.map(({ name }) => name)) => {
      const fault = inputFault(signature, tensors, asked) ?? rowFault(tensors, inputs);
      if (fault !== null) throw fail('MODEL_TENSOR', { reason: fault });
      return resultTensors(model, await called(model, tensors), asked);
    },
    close: async () => undefined,
  };
}

/** A function that answers in pieces as a loaded model. A piece that does not fit its declaration is MODEL_FILE. */
export function loadStreaming(model: StreamingModel): LoadedModel {
  const { name, inputs, outputs } = model;
  const signature = { inputs, outputs };
  const all = outputs.map((output) => output.name);
  return {
    signature,
    run: async () => {
      throw fail('OIP_UNSUPPORTED', { reason: DECOUPLED });
    },
    stream: async function* (tensors, asked = all, signal) {
      const fault = inputFault(signature, tensors, asked) ?? rowFault(tensors, inputs);
      if (fault !== null) throw fail('MODEL_TENSOR', { reason: fault });
      try {
        for await (const results of model.stream(byName(tensors), { signal }))
          yield resultTensors(model, results, asked);
      } catch (error) {
        if (isHeadraceError(error)) throw error;
        throw fail('MODEL_RUN', { model: name, reason: reasonOf(error) }, error);
      }
    },
    close: async () => undefined,
  };
}

async function called(model: FunctionModel, tensors: readonly Tensor[]): Promise<Results<readonly TensorSpec[]>> {
  try {
    return await model.run(byName(tensors));
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('MODEL_RUN', { model: model.name, reason: reasonOf(error) }, error);
  }
}

function byName(tensors: readonly Tensor[]): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor]));
}

/** Inputs whose first dimension is variable have one number of rows. */
function rowFault(tensors: readonly Tensor[], specs: readonly TensorSpec[]): string | null {
  const batched = new Set(specs.filter(({ shape }) => shape[0] === -1).map(({ name }) => name));
  const rows = new Set(tensors.filter(({ name }) => batched.has(name)).map(({ shape }) => shape[0]));
  return rows.size > 1 ? `inputs have ${[...rows].join(' and ')} rows; give all the same` : null;
}

function resultTensors(
  { name: model, outputs }: Pick<FunctionModel, 'name' | 'outputs'>,
  results: Results<readonly TensorSpec[]>,
  asked: readonly string[],
): readonly Tensor[] {
  return asked.map((name) => {
    const spec = outputs.find((output) => output.name === name);
    const result: Pick<Tensor, 'shape' | 'data'> | undefined = results[name];
    const fault = spec === undefined || result === undefined ? 'it is absent' : resultFault(spec, result);
    if (fault !== null || spec === undefined || result === undefined)
      throw fail('MODEL_FILE', { reason: `output '${name}' of model '${model}' is refused: ${fault ?? ''}` });
    return { name, type: spec.type, shape: result.shape, data: result.data } as Tensor;
  });
}

function resultFault(
  { type, shape: declared }: TensorSpec,
  { shape, data }: Pick<Tensor, 'shape' | 'data'>,
): string | null {
  if (!shapeFits(shape, declared)) return `its shape is [${shape.join(',')}], not [${declared.join(',')}]`;
  if (data.length !== elementsOf(shape)) return `it has ${data.length} elements for shape [${shape.join(',')}]`;
  const fits = type === 'BYTES' ? Array.isArray(data) : data instanceof tensorArrays[type];
  return fits ? null : `its data is no ${type === 'BYTES' ? 'array of bytes' : tensorArrays[type].name}`;
}
