import { Worker } from 'node:worker_threads';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import { turnOffTelemetry } from '../../process/telemetry.ts';
import { onnxRuntime } from './onnx-runtime.ts';
import { type OpenHolder, RemoteModel } from './remote-model.ts';

/**
 * Runs ONNX files with ONNX Runtime, each on its own thread: a run blocks that thread alone. Its memory goes back when
 * the model is closed.
 */
export const onnxThreads: ModelRuntime = {
  platform: onnxRuntime.platform,
  ready: () => onnxRuntime.ready(),
  load: async (file) => {
    const model = new RemoteModel(file, openThread);
    await model.start();
    return model;
  },
};

const openThread: OpenHolder = (file, { message, ended }) => {
  // A thread has a copy of the variables, and the library reads those of the process.
  turnOffTelemetry();
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const worker = new Worker(new URL(`./onnx-worker${ending}`, import.meta.url), { workerData: file });
  worker.unref();
  worker.on('message', message);
  worker.once('error', (error) => ended(error.message));
  worker.once('exit', () => ended('its thread ended'));
  return { send: (run) => worker.postMessage(run), end: () => worker.terminate() };
};
