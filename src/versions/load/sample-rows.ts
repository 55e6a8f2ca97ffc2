import { elementsOf, type Tensor, type TensorSpec, tensorArrays } from '../../schema/tensor.ts';

/** A tensor of a spec with these rows and the same small value everywhere: a shape to warm a model with. */
export function sampleTensor(spec: TensorSpec, rows: number, fill: 'zero' | 'random' = 'zero'): Tensor {
  const { name, type } = spec;
  const shape = spec.shape.map((size, i) => (size === -1 ? (i === 0 ? rows : 1) : size));
  const elements = elementsOf(shape);
  // A model that reads numbers from texts takes this one.
  if (type === 'BYTES') return { name, type, shape, data: Array.from({ length: elements }, () => Buffer.from('1')) };
  const data = new tensorArrays[type](elements);
  if (fill === 'random' && (data instanceof Float32Array || data instanceof Float64Array))
    data.forEach((_, i) => {
      data[i] = (((i + 1) * 0.618_033_988_75) % 1) * 2 - 1;
    });
  return { name, type, shape, data };
}
