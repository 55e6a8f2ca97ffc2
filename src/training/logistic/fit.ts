import { type Design, eachBlock, everyBlock } from './design.ts';
import { addWeightedGram } from './gram.ts';

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

/** A fit between two iterations: with the same set and options it gives the rest of the fit, bit by bit. */
export interface FitState {
  /** Whether it fits the part that a large set begins from. */
  readonly inPart: boolean;
  readonly weights: Float64Array;
  /** Weights that the kept Hessian comes from; null: none is kept. */
  readonly hessianAt: Float64Array | null;
  /** Iterations of this part or whole. */
  readonly iterations: number;
  /** Mean loss over its rows, nats, without the penalty. */
  readonly loss: number;
}

/**
 * Fits a logistic regression by Newton's method with step halving: deterministic, no learning rate. A large set is begun from
 * the fit of a part of it, and its Hessian, nearly all of the work, is kept as long as it serves. Gives its state after each iteration.
 */
export function* fitSteps(
  design: Design,
  labels: Float64Array,
  options: FitOptions,
  resume: FitState | null = null,
): Generator<FitState, Fit, unknown> {
  let start: NewtonStart = resume ?? newStart(new Float64Array(design.weights));
  const part = resume === null || resume.inPart ? partOf(design, labels) : null;
  if (part !== null) {
    const c = (options.c * design.rows) / part.design.rows;
    const fit = yield* newton({ ...part, start, inPart: true, options: { ...options, c } });
    start = newStart(fit.weights);
  }
  return yield* newton({ design, labels, start, inPart: false, options });
}

type NewtonStart = Pick<FitState, 'weights' | 'hessianAt' | 'iterations'>;

function newStart(weights: Float64Array): NewtonStart {
  return { weights, hessianAt: null, iterations: 0 };
}

/** A set of fewer rows is fitted at once. */
const ROWS_TO_BEGIN_FROM = 1 << 15;

/** Every n-th block of a large design, and their labels; null if the design is not large. */
function partOf(
  design: Design,
  labels: Float64Array,
): { readonly design: Design; readonly labels: Float64Array } | null {
  const every = Math.floor(design.rows / ROWS_TO_BEGIN_FROM);
  if (every < 2) return null;
  const part = everyBlock(design, every);
  return { design: part.design, labels: part.of(labels) };
}

/** How much smaller a step has to make the gradient for the Hessian it came from to serve once more. */
const SERVES = 0.25;

interface NewtonInput {
  readonly design: Design;
  readonly labels: Float64Array;
  readonly start: NewtonStart;
  readonly inPart: boolean;
  readonly options: FitOptions;
}

function* newton({ design, labels, start, inPart, options }: NewtonInput): Generator<FitState, Fit, unknown> {
  const { c, maxIterations, tolerance } = options;
  let { weights, hessianAt, iterations } = start;
  let at = slope(design, labels, weights, c);
  let hessian = hessianAt === null ? null : curvature(design, hessianAt, c);
  while (at.steepest > tolerance) {
    if (iterations === maxIterations) return { weights, iterations, converged: false, loss: at.loss };
    const fresh = hessian === null;
    if (hessian === null) hessianAt = weights;
    hessian ??= curvature(design, weights, c);
    const step = solvePositive(hessian, at.gradient);
    const next = halveUntilBetter(design, labels, weights, at, step, c);
    // Nothing in the direction of a Hessian of here is better by what numbers can tell.
    if (next === null && fresh) break;
    if (next === null || next.at.steepest > SERVES * at.steepest) hessian = null;
    if (next !== null) ({ weights, at } = next);
    iterations += 1;
    yield { inPart, weights, hessianAt: hessian === null ? null : hessianAt, iterations, loss: at.loss };
  }
  return { weights, iterations, converged: true, loss: at.loss };
}

/** A smaller relative change of the loss is rounding: the gradient decides. */
const ROUNDING = 1e-12;

function halveUntilBetter(
  design: Design,
  labels: Float64Array,
  from: Float64Array,
  { value, steepest }: Slope,
  step: Float64Array,
  c: number,
) {
  for (let size = 1; size > 1e-6; size /= 2) {
    const weights = from.map((weight, i) => weight - size * step[i]);
    const at = slope(design, labels, weights, c);
    const same = Math.abs(at.value - value) <= ROUNDING * value;
    if (same ? at.steepest < steepest : at.value < value) return { weights, at };
    if (same) return null;
  }
  return null;
}

/** The objective at some weights and how it falls from there. */
interface Slope {
  readonly value: number;
  readonly gradient: Float64Array;
  /** The greatest component of the mean gradient. */
  readonly steepest: number;
  readonly loss: number;
}

/** Hot: one pass over the rows. */
function slope(design: Design, labels: Float64Array, weights: Float64Array, c: number): Slope {
  const { width, categories, rows } = design;
  const gradient = new Float64Array(weights.length);
  let sum = 0;
  eachBlock(design, (dense, from, count) => {
    for (let r = 0; r < count; r += 1) {
      const row = from + r;
      const at = r * width;
      const z = linear(design, dense, weights, r, row);
      // ln(1 + e^z) − y·z without overflow.
      const e = Math.exp(-Math.abs(z));
      sum += Math.max(z, 0) + Math.log1p(e) - labels[row] * z;
      const residual = c * ((z >= 0 ? 1 : e) / (1 + e) - labels[row]);
      for (let j = 0; j < width; j += 1) gradient[j] += residual * dense[at + j];
      for (const category of categories) if (category[row] >= 0) gradient[category[row]] += residual;
    }
  });
  let squares = 0;
  weights.forEach((weight, j) => {
    if (j === width - 1) return;
    gradient[j] += weight;
    squares += weight * weight;
  });
  const steepest = gradient.reduce((most, component) => Math.max(most, Math.abs(component)), 0) / rows;
  return { value: squares / 2 + c * sum, gradient, steepest, loss: sum / rows };
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

/** The Hessian of the objective. Hot: two passes over each block of rows. */
function curvature(design: Design, weights: Float64Array, c: number): Float64Array {
  const { width, categories, weights: count } = design;
  const hessian = new Float64Array(count * count);
  const gram = new Float64Array(width * width);
  let curvatures = new Float64Array(0);
  eachBlock(design, (dense, from, rows) => {
    if (curvatures.length !== rows) curvatures = new Float64Array(rows);
    for (let r = 0; r < rows; r += 1) {
      const row = from + r;
      const at = r * width;
      const p = 1 / (1 + Math.exp(-linear(design, dense, weights, r, row)));
      const own = c * p * (1 - p);
      curvatures[r] = own;
      for (let a = 0; a < categories.length; a += 1) {
        const index = categories[a][row];
        if (index < 0) continue;
        for (let j = 0; j < width; j += 1) hessian[j * count + index] += own * dense[at + j];
        for (let b = a; b < categories.length; b += 1) {
          const other = categories[b][row];
          if (other >= 0) hessian[index * count + other] += own;
        }
      }
    }
    addWeightedGram(gram, dense, width, curvatures);
  });
  for (let j = 0; j < width; j += 1) hessian.set(gram.subarray(j * width, (j + 1) * width), j * count);
  for (let j = 0; j < count; j += 1) {
    if (j !== width - 1) hessian[j * count + j] += 1;
    for (let k = 0; k < j; k += 1) hessian[j * count + k] = hessian[k * count + j];
  }
  return hessian;
}
