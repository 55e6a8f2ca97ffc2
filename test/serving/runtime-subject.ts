import type { ModelRuntime } from '../../src/ports/model-runtime.ts';
import type { ModelRuntimeSubject } from '../../src/testing/contracts/model-runtime.ts';
import { addSubFile, identityFile, rowSumFile } from './onnx-files.ts';

/** A runtime of ONNX files as the contracts ask for it, with a few of its types. */
export function runtimeSubject(runtime: ModelRuntime): ModelRuntimeSubject {
  return {
    types: ['FP32', 'INT64', 'BOOL', 'BYTES'],
    anyBytes: false,
    addSub: () => runtime.load(addSubFile()),
    identity: (type) => runtime.load(identityFile(type)),
    rowSum: () => runtime.load(rowSumFile()),
  };
}
