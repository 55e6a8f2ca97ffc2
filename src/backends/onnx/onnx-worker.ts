// The thread of one model: its messages are in onnx-messages.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { packTensor, unpackTensor } from '../../schema/pack-tensor.ts';
import type { Failure, FromModelThread, RunMessage } from './onnx-messages.ts';
import { onnxRuntime } from './onnx-runtime.ts';

function say(message: FromModelThread): void {
  parentPort?.postMessage(message);
}

function failureOf(error: unknown): Failure {
  const code = isHeadraceError(error) ? error.code : 'MODEL_FILE';
  const reason = isHeadraceError(error) ? error.facts['reason'] : undefined;
  return { code, reason: String(reason ?? reasonOf(error)) };
}

try {
  const model = await onnxRuntime.load(workerData as Uint8Array);
  parentPort?.on('message', ({ id, inputs, outputs }: RunMessage) => {
    model.run(inputs.map(unpackTensor), outputs ?? undefined).then(
      (results) => say({ kind: 'ran', id, outputs: results.map(packTensor) }),
      (error) => say({ kind: 'failed', id, failure: failureOf(error) }),
    );
  });
  say({ kind: 'loaded', signature: model.signature });
} catch (error) {
  say({ kind: 'refused', failure: failureOf(error) });
}
