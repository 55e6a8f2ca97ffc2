import type { BackEndRow } from '../../ports/back-end-row.ts';
import { onnxProcesses } from './onnx-processes.ts';
import { onnxRuntime } from './onnx-runtime.ts';
import { onnxThreads } from './onnx-threads.ts';
import { tryOutOnnx } from './try-out.ts';

/** Where model files are run: on the calling thread, on threads of their own, and first where a crash harms nobody. */
const runtimes = {
  here: onnxRuntime,
  thread: onnxThreads,
  process: onnxProcesses,
  tryOut: tryOutOnnx,
  memory: () => process.memoryUsage.rss(),
} as const;

/** Versions that are ONNX files. */
export const onnxFiles: BackEndRow<unknown, unknown, typeof runtimes, 'apart'> = {
  kind: 'onnx',
  folder: 'onnx',
  is: 'ONNX files, run by ONNX Runtime in the process, on its threads or in a child process',
  options: null,
  facts: ['apart'],
  open: () => runtimes,
};
