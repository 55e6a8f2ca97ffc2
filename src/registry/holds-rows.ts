import type { ModelRuntime } from '../ports/model-runtime.ts';
import type { Tensor, TensorSignature } from '../schema/tensor.ts';

/** A number of one runtime may differ from that of another by this much, as a share of those above 1. */
const TOLERANCE = 1e-6;

/** A file, and what it must be: the tensors of a model, and the model's answers for rows. */
export interface HeldFile {
  readonly file: Uint8Array;
  readonly signature: TensorSignature;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Whether a file has exactly these tensors and gives these answers: whole numbers and texts equal, others within 1e-6. */
export async function holdsRows(
  runtime: ModelRuntime,
  { file, signature, inputs, outputs }: HeldFile,
): Promise<boolean> {
  try {
    const loaded = await runtime.load(file);
    try {
      if (shown(loaded.signature) !== shown(signature)) return false;
      const found = await loaded.run(
        inputs,
        outputs.map(({ name }) => name),
      );
      return outputs.every((expected, i) => isSame(found[i], expected));
    } finally {
      await loaded.close();
    }
  } catch {
    // A file that cannot be run answers nothing as the model does.
    return false;
  }
}

function shown({ inputs, outputs }: TensorSignature): string {
  return JSON.stringify([inputs, outputs].map((specs) => specs.map(({ name, type, shape }) => [name, type, shape])));
}

function isSame(found: Tensor, expected: Tensor): boolean {
  if (found.type !== expected.type || found.shape.join() !== expected.shape.join()) return false;
  if (found.type === 'BYTES')
    return found.data.every((bytes, i) => Buffer.compare(bytes, expected.data[i] as Uint8Array) === 0);
  const isClose = found.type === 'FP32' || found.type === 'FP64';
  for (let i = 0; i < found.data.length; i += 1) {
    const [a, b] = [found.data[i], expected.data[i]];
    if (Object.is(a, b)) continue;
    // NaN differs from everything but NaN.
    if (!isClose || !(Math.abs(Number(a) - Number(b)) <= TOLERANCE * Math.max(1, Math.abs(Number(b))))) return false;
  }
  return true;
}
