import { onnxFiles } from '../backends/onnx/back-end.ts';

/** Where model files are run: on the calling thread, on threads of their own, and first where a crash harms nobody. */
export const runtimes = onnxFiles.open(null, null);
