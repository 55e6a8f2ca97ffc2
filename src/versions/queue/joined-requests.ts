import { joinRows, type Tensor } from '../../schema/tensor.ts';
import type { Asked } from './queue-options.ts';

/** A request of a run that several share. */
interface Joined {
  readonly asked: Pick<Asked, 'inputs' | 'outputs' | 'parameters' | 'rows'>;
}

/** Whether two requests can run together. */
export function joins({ asked: a }: Joined, { asked: b }: Joined): boolean {
  if (a.rows === null || b.rows === null || a.parameters.key !== b.parameters.key) return false;
  if (a.outputs.length !== b.outputs.length || a.inputs.length !== b.inputs.length) return false;
  if (!a.outputs.every((name, i) => name === b.outputs[i])) return false;
  return a.inputs.every((tensor, i) => {
    const other = b.inputs[i];
    if (tensor.name !== other.name || tensor.shape.length !== other.shape.length) return false;
    return tensor.shape.every((size, d) => d === 0 || size === other.shape[d]);
  });
}

/** The inputs of requests that run together. */
export function joined(batch: readonly Joined[]): readonly Tensor[] {
  return batch[0].asked.inputs.map(({ name }, i) => {
    const [first, ...rest] = batch.map(({ asked }) => asked.inputs[i]);
    return { ...joinRows([first, ...rest]), name };
  });
}
