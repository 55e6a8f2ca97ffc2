/**
 * Solves `matrix · x = right` for a symmetric positive definite matrix (row by row, n × n) by Cholesky's factorisation
 * (Golub and Van Loan, Matrix Computations, algorithm 4.2.1). A pivot that rounding made no longer positive is raised.
 */
export function solvePositive(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  const lower = factor(matrix, n);
  const x = right.slice();
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) x[i] -= lower[i * n + k] * x[k];
    x[i] /= lower[i * n + i];
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < n; k += 1) x[i] -= lower[k * n + i] * x[k];
    x[i] /= lower[i * n + i];
  }
  return x;
}

const LEAST_PIVOT = 1e-12;

function factor(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let j = 0; j < n; j += 1) {
    let pivot = matrix[j * n + j];
    for (let k = 0; k < j; k += 1) pivot -= lower[j * n + k] ** 2;
    const root = Math.sqrt(Math.max(pivot, LEAST_PIVOT * Math.max(1, matrix[j * n + j])));
    lower[j * n + j] = root;
    for (let i = j + 1; i < n; i += 1) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k += 1) sum -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] = sum / root;
    }
  }
  return lower;
}
