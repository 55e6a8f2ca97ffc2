// The thread of one model: its messages are in onnx-messages.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { answerRuns } from './answer-runs.ts';

await answerRuns(
  workerData as Uint8Array,
  (message) => parentPort?.postMessage(message),
  (run) => parentPort?.on('message', run),
);
