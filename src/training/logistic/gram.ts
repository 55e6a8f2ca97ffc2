/**
 * Adds Σ wᵣ · xᵣ · xᵣᵀ over the first rows of a matrix, as many as there are weights, to the upper triangle of `gram`
 * (`width` × `width`). Hot path: four rows and two columns at a time, so that an entry is loaded and stored once for eight
 * products.
 */
export function addWeightedGram(gram: Float64Array, matrix: Float64Array, width: number, weights: Float64Array): void {
  const rows = weights.length;
  const even = width - (width % 2);
  const whole = rows - (rows % 4);
  for (let row = 0; row < whole; row += 4) {
    const a = row * width;
    const b = a + width;
    const c = b + width;
    const d = c + width;
    const wa = weights[row];
    const wb = weights[row + 1];
    const wc = weights[row + 2];
    const wd = weights[row + 3];
    for (let j = 0; j < even; j += 2) {
      const a0 = wa * matrix[a + j];
      const b0 = wb * matrix[b + j];
      const c0 = wc * matrix[c + j];
      const d0 = wd * matrix[d + j];
      const a1 = wa * matrix[a + j + 1];
      const b1 = wb * matrix[b + j + 1];
      const c1 = wc * matrix[c + j + 1];
      const d1 = wd * matrix[d + j + 1];
      const line0 = j * width;
      const line1 = line0 + width;
      for (let k = j; k < width; k += 1) {
        const xa = matrix[a + k];
        const xb = matrix[b + k];
        const xc = matrix[c + k];
        const xd = matrix[d + k];
        gram[line0 + k] += a0 * xa + b0 * xb + c0 * xc + d0 * xd;
        gram[line1 + k] += a1 * xa + b1 * xb + c1 * xc + d1 * xd;
      }
    }
    if (even < width) {
      const last = width - 1;
      const squares = wa * matrix[a + last] ** 2 + wb * matrix[b + last] ** 2;
      gram[width * width - 1] += squares + wc * matrix[c + last] ** 2 + wd * matrix[d + last] ** 2;
    }
  }
  for (let row = whole; row < rows; row += 1) {
    const at = row * width;
    for (let j = 0; j < width; j += 1) {
      const scaled = weights[row] * matrix[at + j];
      for (let k = j; k < width; k += 1) gram[j * width + k] += scaled * matrix[at + k];
    }
  }
}
