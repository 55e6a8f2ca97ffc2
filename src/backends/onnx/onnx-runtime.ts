import { InferenceSession, Tensor } from 'onnxruntime-node';
import { fail } from '../../base/errors/fail.ts';
import type { ModelSignature } from '../../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';

/** Runs ONNX files with ONNX Runtime on the CPU, one thread a call: requests are the parallelism. */
export const onnxRuntime: ModelRuntime = {
  async load(file: Uint8Array, signature: ModelSignature): Promise<LoadedModel> {
    const session = await openSession(file);
    const { input, output, features } = signature;
    if (!session.inputNames.includes(input) || !session.outputNames.includes(output)) {
      throw fail('MODEL_FILE', {
        reason: `it has inputs ${session.inputNames.join(', ')} and outputs ${session.outputNames.join(', ')}`,
      });
    }
    return {
      async run(rows: Float32Array, count: number): Promise<Float32Array> {
        const results = await session.run({ [input]: new Tensor('float32', rows, [count, features.length]) }, [output]);
        const { data } = results[output];
        if (!(data instanceof Float32Array) || data.length !== count) {
          throw fail('MODEL_FILE', { reason: `its output has ${data.length} values for ${count} rows` });
        }
        return data;
      },
      close: () => session.release(),
    };
  },
};

async function openSession(file: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(file, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
    });
  } catch (error) {
    throw fail('MODEL_FILE', { reason: error instanceof Error ? error.message : String(error) }, error);
  }
}
