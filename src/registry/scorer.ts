import { fail } from '../base/errors/fail.ts';
import { type ModelRows, tensorsOfRows } from '../model/model-rows.ts';
import { type RowInputs, trainedInputs } from '../model/row-inputs.ts';
import { scoresOfTensor } from '../model/scores.ts';
import type { ModelSignature } from '../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../ports/model-runtime.ts';
import { shapeFits, type TensorSpec } from '../schema/tensor.ts';

/** A loaded model as a project scores with it: rows of features in, in the types of its inputs, one number a row out. */
export interface Scorer {
  /** How rows fill the inputs of the model. */
  readonly inputs: RowInputs;
  /** Scores rows; returns one score a row, the double that the model's number is. */
  run(rows: ModelRows): Promise<Float64Array>;
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
export function scorerOf(loaded: LoadedModel, signature: ModelSignature): Scorer {
  const { input, output, features } = signature;
  const { inputs, outputs } = loaded.signature;
  const given = inputs.find(({ name }) => name === input);
  const result = outputs.find(({ name }) => name === output);
  if (given === undefined || result === undefined || inputs.length !== 1)
    throw fail('MODEL_FILE', { reason: `it has inputs ${namesOf(inputs)} and outputs ${namesOf(outputs)}` });
  const width = features.length;
  if (given.type !== 'FP32' || !shapeFits([-1, width], [-1, given.shape[1]]) || given.shape.length !== 2)
    throw fail('MODEL_FILE', { reason: `its input is ${shown(given)}, not FP32 with ${width} columns` });
  const fed = trainedInputs(signature);
  return {
    inputs: fed,
    run: async (rows) => {
      const [{ type, data }] = await loaded.run(tensorsOfRows(fed, rows), [output]);
      if (type === 'FP32' && data.length === rows.rows) return scoresOfTensor(data, rows.rows);
      throw fail('MODEL_FILE', { reason: `its output has ${data.length} values of ${type} for ${rows.rows} rows` });
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
