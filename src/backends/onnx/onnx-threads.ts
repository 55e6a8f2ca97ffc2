import { Worker } from 'node:worker_threads';
import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import { packTensor, unpackTensor } from '../../schema/pack-tensor.ts';
import type { Tensor, TensorSignature } from '../../schema/tensor.ts';
import type { Failure, FromModelThread, RunMessage } from './onnx-messages.ts';
import { onnxRuntime } from './onnx-runtime.ts';

/**
 * Runs ONNX files with ONNX Runtime, each on its own thread: a run blocks that thread alone. Closing the model releases
 * its memory. A thread that dies fails its current runs and is started again.
 */
export const onnxThreads: ModelRuntime = {
  platform: onnxRuntime.platform,
  ready: () => onnxRuntime.ready(),
  load: async (file) => {
    const model = new ThreadModel(file);
    await model.start();
    return model;
  },
};

interface Run {
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

class ThreadModel implements LoadedModel {
  readonly #file: Uint8Array;
  readonly #runs = new Map<number, Run>();
  #signature: TensorSignature = { inputs: [], outputs: [] };
  #worker: Worker | null = null;
  /** The start that runs wait for after a death. */
  #starting: Promise<Worker> | null = null;
  #next = 0;
  #closed = false;

  constructor(file: Uint8Array) {
    this.#file = file;
  }

  get signature(): TensorSignature {
    return this.#signature;
  }

  /** Errors: MODEL_RUNTIME, MODEL_FILE. */
  start(): Promise<Worker> {
    this.#starting ??= this.#open().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async run(inputs: readonly Tensor[], outputs?: readonly string[]): Promise<readonly Tensor[]> {
    if (this.#closed) throw fail('MODEL_FILE', { reason: 'it is closed' });
    const worker = this.#worker ?? (await this.start());
    return new Promise((resolve, reject) => {
      this.#next += 1;
      this.#runs.set(this.#next, { resolve, reject });
      const message: RunMessage = { id: this.#next, inputs: inputs.map(packTensor), outputs: outputs ?? null };
      worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker ?? (await this.#starting?.catch(() => null)) ?? null;
    this.#worker = null;
    await worker?.terminate();
  }

  async #open(): Promise<Worker> {
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./onnx-worker${ending}`, import.meta.url), { workerData: this.#file });
    worker.unref();
    const died = Promise.withResolvers<never>();
    died.promise.catch(() => undefined);
    worker.once('error', (error) => died.reject(fail('MODEL_FILE', { reason: error.message }, error)));
    worker.once('exit', () => {
      died.reject(fail('MODEL_FILE', { reason: 'its thread ended' }));
      this.#died(worker);
    });
    const first = new Promise<FromModelThread>((resolve) => worker.once('message', resolve));
    const message = await Promise.race([first, died.promise]);
    if (message.kind === 'refused') {
      await worker.terminate();
      throw errorOf(message.failure);
    }
    if (message.kind === 'loaded') this.#signature = message.signature;
    worker.on('message', (answer: FromModelThread) => this.#answered(answer));
    this.#worker = worker;
    return worker;
  }

  #answered(answer: FromModelThread): void {
    if (answer.kind !== 'ran' && answer.kind !== 'failed') return;
    const run = this.#runs.get(answer.id);
    this.#runs.delete(answer.id);
    if (answer.kind === 'ran') run?.resolve(answer.outputs.map(unpackTensor));
    else run?.reject(errorOf(answer.failure));
  }

  /** The runs of a thread that ended are lost; the next run starts another. */
  #died(worker: Worker): void {
    if (this.#worker === worker) this.#worker = null;
    const lost = [...this.#runs.values()];
    this.#runs.clear();
    for (const { reject } of lost) reject(fail('MODEL_FILE', { reason: 'its thread ended during the run' }));
  }
}

function errorOf({ code, reason }: Failure): HeadraceError {
  if (code === 'MODEL_TENSOR' || code === 'MODEL_RUNTIME') return fail(code, { reason });
  return fail('MODEL_FILE', { reason });
}
