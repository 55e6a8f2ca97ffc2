import type { Tensor } from '../../schema/tensor.ts';
import { refuse } from '../../versions/request/refuse.ts';

/**
 * The greatest `classes` values of each row as texts `value:index`, greatest first, equal ones by index; 0 leaves the
 * tensor as it is. Error: OIP_REQUEST.
 */
export function classified(tensor: Tensor, classes: number): Tensor {
  if (classes === 0) return tensor;
  const { name, type, shape, data } = tensor;
  if (type === 'BYTES' || type === 'FP16' || type === 'BF16' || type === 'BOOL')
    throw refuse(`class result not available for output '${name}' due to unsupported type '${type}'`);
  const rows = shape.length > 1 ? shape[0] : 1;
  const width = rows === 0 ? 0 : data.length / rows;
  const count = Math.min(classes, width);
  const texts: Uint8Array[] = [];
  for (let row = 0; row < rows; row += 1) {
    const values = Array.from({ length: width }, (_, i) => [Number(data[row * width + i]), i] as const);
    values.sort(([a, i], [b, j]) => b - a || i - j);
    for (const [value, i] of values.slice(0, count)) texts.push(Buffer.from(`${value.toFixed(6)}:${i}`));
  }
  return { name, type: 'BYTES', shape: shape.length > 1 ? [rows, count] : [count], data: texts };
}
