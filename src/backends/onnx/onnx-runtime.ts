import type { InferenceSession } from 'onnxruntime-node';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import { turnOffTelemetry } from '../../process/telemetry.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import { externalTensors } from '../../schema/onnx-external-data.ts';
import { OnnxFileFault } from '../../schema/onnx-fields.ts';
import type { TensorSignature, TensorSpec } from '../../schema/tensor.ts';
import { fromOnnx, tensorTypeOf, toOnnx } from './onnx-tensor.ts';

/**
 * One thread a run: requests are the parallelism, and a score then has the same bits in every batch. Without arenas the
 * memory of a closed model comes back.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'all',
  // An error of a run is an answer to its caller, not a line of the server's.
  logSeverityLevel: 4,
};

/** Runs ONNX files with ONNX Runtime on the CPU. A run blocks the thread for as long as it computes. */
export const onnxRuntime: ModelRuntime = {
  platform: 'onnxruntime_onnx',

  async ready(): Promise<void> {
    await loadPackage();
  },

  async load(file: Uint8Array): Promise<LoadedModel> {
    const { InferenceSession, Tensor } = await loadPackage();
    await named('MODEL_FILE', async () => mustBeWhole(file));
    const session = await named('MODEL_FILE', () => InferenceSession.create(file, SESSION_OPTIONS));
    const signature = signatureOf(session);
    const all = signature.outputs.map(({ name }) => name);
    return {
      signature,
      run: (inputs, outputs = all) =>
        named('MODEL_TENSOR', async () => {
          const fault = inputFault(signature, inputs, outputs);
          if (fault !== null) throw fail('MODEL_TENSOR', { reason: fault });
          const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, toOnnx(tensor, Tensor)]));
          // Only these outputs: others may be of a kind that cannot be read (the ZipMap of scikit-learn's exporter).
          const results = await session.run(feeds, outputs);
          return outputs.map((name) => fromOnnx(name, results[name]));
        }),
      close: () => session.release(),
    };
  },
};

/** The library would read tensors that a file has elsewhere from the directory of this process. Error: OnnxFileFault. */
function mustBeWhole(file: Uint8Array): void {
  const [other] = externalTensors(file);
  if (other !== undefined)
    throw new OnnxFileFault(`tensor "${other.name}" is in another file, "${other.location}", which is not read`);
}

function signatureOf({ inputMetadata, outputMetadata }: InferenceSession): TensorSignature {
  return { inputs: specsOf(inputMetadata), outputs: specsOf(outputMetadata) };
}

function specsOf(metadata: readonly InferenceSession.ValueMetadata[]): readonly TensorSpec[] {
  return metadata.flatMap((value) => {
    const type = value.isTensor ? tensorTypeOf(value.type) : null;
    if (!value.isTensor || type === null) return [];
    return [{ name: value.name, type, shape: value.shape.map((size) => (typeof size === 'number' ? size : -1)) }];
  });
}

/** A separate package: users that serve features without a model do not install its hundreds of megabytes. */
async function loadPackage() {
  turnOffTelemetry();
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw fail('MODEL_RUNTIME', { reason: reasonOf(error) }, error);
  }
}

/** An error of ONNX Runtime, as a catalogued error. */
async function named<T>(code: 'MODEL_FILE' | 'MODEL_TENSOR', work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail(code, { reason: reasonOf(error) }, error);
  }
}
