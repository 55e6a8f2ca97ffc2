import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { packTensor, unpackTensor } from '../../schema/pack-tensor.ts';
import type { Failure, FromModelThread, RunMessage } from './onnx-messages.ts';
import { onnxRuntime } from './onnx-runtime.ts';

/** Loads a file, and answers runs on this thread from then on. A file that cannot be loaded is reported. */
export async function answerRuns(
  file: Uint8Array,
  say: (message: FromModelThread) => void,
  listen: (run: (message: RunMessage) => void) => void,
): Promise<void> {
  try {
    const model = await onnxRuntime.load(file);
    listen(({ id, inputs, outputs }) => {
      model.run(inputs.map(unpackTensor), outputs ?? undefined).then(
        (results) => say({ kind: 'ran', id, outputs: results.map(packTensor) }),
        (error) => say({ kind: 'failed', id, failure: failureOf(error) }),
      );
    });
    say({ kind: 'loaded', signature: model.signature });
  } catch (error) {
    say({ kind: 'refused', failure: failureOf(error) });
  }
}

function failureOf(error: unknown): Failure {
  const code = isHeadraceError(error) ? error.code : 'MODEL_FILE';
  const reason = isHeadraceError(error) ? error.facts['reason'] : undefined;
  return { code, reason: String(reason ?? reasonOf(error)) };
}
