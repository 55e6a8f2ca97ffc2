import { fail } from '../base/errors/fail.ts';
import type { ModelSignature } from '../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../ports/model-runtime.ts';
import { shapeFits, type TensorSpec } from '../schema/tensor.ts';

/** A loaded model as a project scores with it: one float32 row of features in, one number out. */
export interface Scorer {
  /** Scores `rows` rows of the signature's features, row by row, NaN where one is missing; returns one score a row. */
  run(features: Float32Array<ArrayBuffer>, rows: number): Promise<Float32Array>;
  /** Frees the model. No run may be under way, and none follows. */
  close(): Promise<void>;
}

/** Loads a file as the scorer of a signature. Errors: MODEL_RUNTIME; MODEL_FILE, also where the file does not fit. */
export async function loadScorer(runtime: ModelRuntime, file: Uint8Array, signature: ModelSignature): Promise<Scorer> {
  const loaded = await runtime.load(file);
  try {
    return scorerOf(loaded, signature);
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

/** The scorer of a loaded model. Error: MODEL_FILE, where its tensors are not those of the signature. */
function scorerOf(loaded: LoadedModel, { input, output, features }: ModelSignature): Scorer {
  const { inputs, outputs } = loaded.signature;
  const given = inputs.find(({ name }) => name === input);
  const result = outputs.find(({ name }) => name === output);
  if (given === undefined || result === undefined || inputs.length !== 1)
    throw fail('MODEL_FILE', { reason: `it has inputs ${namesOf(inputs)} and outputs ${namesOf(outputs)}` });
  const width = features.length;
  if (given.type !== 'FP32' || !shapeFits([-1, width], [-1, given.shape[1]]) || given.shape.length !== 2)
    throw fail('MODEL_FILE', { reason: `its input is ${shown(given)}, not FP32 with ${width} columns` });
  return {
    run: async (rows, count) => {
      const [{ type, data }] = await loaded.run(
        [{ name: input, type: 'FP32', shape: [count, width], data: rows }],
        [output],
      );
      if (type === 'FP32' && data instanceof Float32Array && data.length === count) return data;
      throw fail('MODEL_FILE', { reason: `its output has ${data.length} values of ${type} for ${count} rows` });
    },
    close: () => loaded.close(),
  };
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map(({ name }) => name).join(', ');
}

function shown({ type, shape }: TensorSpec): string {
  return `${type} [${shape.join(', ')}]`;
}
