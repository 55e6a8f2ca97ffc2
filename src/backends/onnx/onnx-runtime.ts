import type { InferenceSession } from 'onnxruntime-node';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelSignature } from '../../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';

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
};

/** Runs ONNX files with ONNX Runtime on the CPU. A run blocks the thread for as long as it computes. */
export const onnxRuntime: ModelRuntime = {
  async ready(): Promise<void> {
    await loadPackage();
  },

  async load(file: Uint8Array, signature: ModelSignature): Promise<LoadedModel> {
    const { InferenceSession, Tensor } = await loadPackage();
    const session = await named(() => InferenceSession.create(file, SESSION_OPTIONS));
    const { input, output, features } = signature;
    if (!session.inputNames.includes(input) || !session.outputNames.includes(output)) {
      const reason = `it has inputs ${session.inputNames.join(', ')} and outputs ${session.outputNames.join(', ')}`;
      await session.release();
      throw fail('MODEL_FILE', { reason });
    }
    return {
      run: (rows, count) =>
        named(async () => {
          const results = await session.run(
            { [input]: new Tensor('float32', rows, [count, features.length]) },
            // Only this output: others may be of a kind that cannot be read (the ZipMap of scikit-learn's exporter).
            [output],
          );
          const { data } = results[output];
          if (data instanceof Float32Array && data.length === count) return data;
          throw fail('MODEL_FILE', { reason: `its output has ${data.length} values for ${count} rows` });
        }),
      close: () => session.release(),
    };
  },
};

/** A package of its own: whoever serves features without a model does not install its hundreds of megabytes. */
async function loadPackage() {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw fail('MODEL_RUNTIME', { reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

/** What ONNX Runtime throws, as a catalogued error. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('MODEL_FILE', { reason: error instanceof Error ? error.message : String(error) }, error);
  }
}
