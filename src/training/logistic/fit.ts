import { type Design, eachBlock } from './design.ts';
import { addWeightedGram } from './gram.ts';
import { solvePositive } from './solve.ts';

export interface FitOptions {
  /** Inverse strength of the L2 penalty, as in scikit-learn: minimises ½·|w|² + C · Σ loss; the intercept is free. */
  readonly c: number;
  readonly maxIterations: number;
  /** Stops when no component of the mean gradient exceeds it. */
  readonly tolerance: number;
}

export interface Fit {
  readonly weights: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
  /** Mean loss over the rows, nats, without the penalty. */
  readonly loss: number;
}

/** Fits a logistic regression by Newton's method with step halving: deterministic, no learning rate. */
export function fitLogistic(design: Design, labels: Float64Array, options: FitOptions): Fit {
  let weights: Float64Array = new Float64Array(design.weights);
  let value = objective(design, labels, weights, options.c);
  for (let iteration = 1; iteration <= options.maxIterations; iteration += 1) {
    const { gradient, hessian } = derivatives(design, labels, weights, options.c);
    const largest = gradient.reduce((most, component) => Math.max(most, Math.abs(component)), 0) / design.rows;
    if (largest <= options.tolerance)
      return { weights, iterations: iteration - 1, converged: true, loss: meanLoss(design, labels, weights) };
    const step = solvePositive(hessian, gradient);
    const next = halveUntilBetter(design, labels, weights, step, value, options.c);
    if (next === null)
      return { weights, iterations: iteration, converged: true, loss: meanLoss(design, labels, weights) };
    ({ weights, value } = next);
  }
  return { weights, iterations: options.maxIterations, converged: false, loss: meanLoss(design, labels, weights) };
}

function halveUntilBetter(
  design: Design,
  labels: Float64Array,
  from: Float64Array,
  step: Float64Array,
  value: number,
  c: number,
) {
  for (let size = 1; size > 1e-6; size /= 2) {
    const weights = from.map((weight, i) => weight - size * step[i]);
    const better = objective(design, labels, weights, c);
    if (better < value) return { weights, value: better };
  }
  return null;
}

function objective(design: Design, labels: Float64Array, weights: Float64Array, c: number): number {
  const intercept = design.width - 1;
  const penalty = weights.reduce((sum, weight, i) => (i === intercept ? sum : sum + weight * weight), 0) / 2;
  return penalty + c * design.rows * meanLoss(design, labels, weights);
}

function meanLoss(design: Design, labels: Float64Array, weights: Float64Array): number {
  let sum = 0;
  eachLinear(design, weights, (z, row) => {
    // ln(1 + e^z) − y·z without overflow.
    sum += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - labels[row] * z;
  });
  return sum / design.rows;
}

/** Sees the linear predictor of every row, in order. */
export function eachLinear(design: Design, weights: Float64Array, see: (z: number, row: number) => void): void {
  eachBlock(design, (dense, from, count) => {
    for (let r = 0; r < count; r += 1) see(linear(design, dense, weights, r, from + r), from + r);
  });
}

/** The linear predictor of a row, which is the r-th of its block. */
function linear(
  { width, categories }: Design,
  dense: Float64Array,
  weights: Float64Array,
  r: number,
  row: number,
): number {
  let z = 0;
  const at = r * width;
  for (let j = 0; j < width; j += 1) z += dense[at + j] * weights[j];
  for (const category of categories) if (category[row] >= 0) z += weights[category[row]];
  return z;
}

/** Gradient and Hessian of the objective. Hot: two passes over each block of rows. */
function derivatives(design: Design, labels: Float64Array, weights: Float64Array, c: number) {
  const { width, categories, weights: count } = design;
  const gradient = new Float64Array(count);
  const hessian = new Float64Array(count * count);
  const gram = new Float64Array(width * width);
  let curvatures = new Float64Array(0);
  eachBlock(design, (dense, from, rows) => {
    if (curvatures.length !== rows) curvatures = new Float64Array(rows);
    for (let r = 0; r < rows; r += 1) {
      const row = from + r;
      const at = r * width;
      const p = 1 / (1 + Math.exp(-linear(design, dense, weights, r, row)));
      const residual = c * (p - labels[row]);
      const curvature = c * p * (1 - p);
      curvatures[r] = curvature;
      for (let j = 0; j < width; j += 1) gradient[j] += residual * dense[at + j];
      for (let a = 0; a < categories.length; a += 1) {
        const index = categories[a][row];
        if (index < 0) continue;
        gradient[index] += residual;
        for (let j = 0; j < width; j += 1) hessian[j * count + index] += curvature * dense[at + j];
        for (let b = a; b < categories.length; b += 1) {
          const other = categories[b][row];
          if (other >= 0) hessian[index * count + other] += curvature;
        }
      }
    }
    addWeightedGram(gram, dense, width, curvatures);
  });
  for (let j = 0; j < width; j += 1) hessian.set(gram.subarray(j * width, (j + 1) * width), j * count);
  addPenalty(gradient, hessian, weights, width - 1);
  return { gradient, hessian };
}

function addPenalty(gradient: Float64Array, hessian: Float64Array, weights: Float64Array, intercept: number): void {
  const count = weights.length;
  for (let j = 0; j < count; j += 1) {
    if (j !== intercept) {
      gradient[j] += weights[j];
      hessian[j * count + j] += 1;
    }
    for (let k = 0; k < j; k += 1) hessian[j * count + k] = hessian[k * count + j];
  }
}
