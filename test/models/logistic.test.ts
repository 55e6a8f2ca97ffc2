import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { buildDesign, type Design } from '../../src/training/logistic/design.ts';
import { solvePositive } from '../../src/training/logistic/fit.ts';
import { addWeightedGram } from '../../src/training/logistic/gram.ts';
import { parseLogisticOptions } from '../../src/training/logistic/logistic-options.ts';
import type { TrainingFrame } from '../../src/training/training-frame.ts';
import { fedRows } from './fed-rows.ts';
import { smallFrame } from './small-frame.ts';
import { fitLogistic, trainLogistic } from './train-whole.ts';

const refuse = (reason: string): never => {
  throw new Error(reason);
};

const options = { categorical: ['category'], c: 0.7, maxIterations: 50 };

/** Half the squared weights plus C times the summed loss, written plainly. */
function objective(design: Design, labels: Float64Array, weights: Float64Array, c: number): number {
  let loss = 0;
  const dense = new Float64Array(design.rows * design.width);
  design.layOut(0, design.rows, dense);
  for (let row = 0; row < design.rows; row += 1) {
    let z = 0;
    for (let j = 0; j < design.width; j += 1) z += dense[row * design.width + j] * weights[j];
    for (const category of design.categories) if (category[row] >= 0) z += weights[category[row]];
    loss += Math.log1p(Math.exp(labels[row] === 1 ? -z : z));
  }
  const squares = weights.reduce((sum, weight, j) => (j === design.width - 1 ? sum : sum + weight ** 2), 0);
  return squares / 2 + c * loss;
}

describe('the fit', () => {
  test("has the weights of scikit-learn 1.9.1's LogisticRegression(C=0.7, solver='newton-cholesky', tol=1e-12)", () => {
    const frame = smallFrame();
    const design = buildDesign(frame, ['category'], refuse);
    const { weights, converged, loss } = fitLogistic(design, frame.labels, {
      c: 0.7,
      maxIterations: 50,
      tolerance: 1e-12,
    });
    const expected = [
      1.0042282715645037, -0.47826749798299767, -2.162599788143007, -0.26101455099192206, -0.5204541388673136,
      0.3722591959172036, 0.39241591624616246, -0.3626396615377495, 0.2515754295583496, -0.1331567413166527,
    ];
    expect(converged).toBe(true);
    expect(weights).toHaveLength(expected.length);
    weights.forEach((weight, i) => {
      expect(weight).toBeCloseTo(expected[i], 8);
    });
    expect(loss).toBeCloseTo(0.49782549347447586, 10);
    expect(trainLogistic(frame, options, 'small').metrics['auc']).toBeCloseTo(0.8277604166666668, 12);
  });

  test('is the least of its objective: no step from it, in any direction, is better', () => {
    const frame = smallFrame();
    const design = buildDesign(frame, ['category'], refuse);
    const fits = [0.01, 1, 100].map((c) => ({
      c,
      weights: fitLogistic(design, frame.labels, { c, maxIterations: 50, tolerance: 1e-10 }).weights,
    }));
    const direction = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(fc.constantFrom(...fits), direction, fc.constantFrom(1e-3, 0.1, 3), ({ c, weights }, by, size) => {
        const moved = weights.map((weight, i) => weight + size * by[i]);
        const least = objective(design, frame.labels, weights, c);
        expect(objective(design, frame.labels, moved, c)).toBeGreaterThanOrEqual(least - 1e-9 * Math.abs(least));
      }),
    );
  });

  test('of a set so large that it is begun from a part has no slope left, also where the part lacks a category', () => {
    const rows = 70_000;
    const random = seededRandom(7);
    const x = Float32Array.from({ length: rows }, () => (random() < 0.1 ? Number.NaN : random() * 4 - 2));
    // Ten rows alone are of category 3, in a block that the part leaves out.
    const category = Float32Array.from({ length: rows }, (_, row) => (row >= 300 && row < 310 ? 3 : row % 3));
    const labels = Float64Array.from(x, (value, row) =>
      random() < 1 / (1 + Math.exp(1 - (Number.isNaN(value) ? 0.5 : value) - category[row] / 3)) ? 1 : 0,
    );
    const design = buildDesign({ names: ['x', 'category'], columns: [x, category], labels }, ['category'], refuse);
    const { weights, converged, loss } = fitLogistic(design, labels, { c: 0.7, maxIterations: 50, tolerance: 1e-11 });
    expect(converged).toBe(true);
    const dense = new Float64Array(rows * design.width);
    design.layOut(0, rows, dense);
    const gradient = weights.map((weight, j) => (j === design.width - 1 ? 0 : weight));
    let plainLoss = 0;
    for (let row = 0; row < rows; row += 1) {
      const index = design.categories[0][row];
      const own = dense.subarray(row * design.width, (row + 1) * design.width);
      const z = own.reduce((sum, value, j) => sum + value * weights[j], weights[index]);
      plainLoss += Math.log1p(Math.exp(labels[row] === 1 ? -z : z));
      const residual = 0.7 * (1 / (1 + Math.exp(-z)) - labels[row]);
      own.forEach((value, j) => {
        gradient[j] += residual * value;
      });
      gradient[index] += residual;
    }
    for (const component of gradient) expect(Math.abs(component) / rows).toBeLessThan(1e-10);
    expect(loss).toBeCloseTo(plainLoss / rows, 12);
  });

  test('stays finite where a feature tells the labels apart', () => {
    const names = ['x'];
    const columns = [Float32Array.from({ length: 100 }, (_, i) => i)];
    const labels = Float64Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : 1));
    const { metrics } = trainLogistic({ names, columns, labels }, { categorical: [], c: 1e6, maxIterations: 100 }, 'x');
    expect(metrics).toMatchObject({ auc: 1, converged: 1 });
    expect(metrics['loss']).toBeGreaterThan(0);
  });

  test('takes features that are constant, wholly missing, or copies of another', () => {
    const { names, columns, labels } = smallFrame();
    const frame = {
      names: [...names, 'constant', 'absent', 'copy'],
      columns: [...columns, new Float32Array(400).fill(7), new Float32Array(400).fill(Number.NaN), columns[0]],
      labels,
    };
    const { metrics } = trainLogistic(frame, options, 'x');
    expect(metrics['converged']).toBe(1);
    expect(metrics['auc']).toBeCloseTo(trainLogistic(smallFrame(), options, 'x').metrics['auc'], 2);
  });

  test('of the same frame is the same file, byte by byte', () => {
    expect(trainLogistic(smallFrame(), options, 'x').onnx).toEqual(trainLogistic(smallFrame(), options, 'x').onnx);
  });
});

test('a positive definite system is solved: the matrix times the solution is the right side', () => {
  const size = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(size, fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })), (n, numbers) => {
      const next = () => numbers.next().value ?? 0;
      const root = Array.from({ length: n * n }, next);
      const right = Float64Array.from({ length: n }, next);
      const matrix = new Float64Array(n * n);
      for (let i = 0; i < n; i += 1) {
        for (let j = 0; j < n; j += 1) {
          for (let k = 0; k < n; k += 1) matrix[i * n + j] += root[i * n + k] * root[j * n + k];
          if (i === j) matrix[i * n + j] += 0.5;
        }
      }
      const x = solvePositive(matrix, right);
      for (let i = 0; i < n; i += 1) {
        let found = 0;
        for (let j = 0; j < n; j += 1) found += matrix[i * n + j] * x[j];
        expect(found).toBeCloseTo(right[i], 9);
      }
    }),
  );
});

test('the weighted sum of squares is that of its definition, for any number of rows and columns', () => {
  const shape = fc.tuple(fc.integer({ min: 0, max: 13 }), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(shape, fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })), ([rows, width], numbers) => {
      const next = () => numbers.next().value ?? 0;
      const matrix = Float64Array.from({ length: rows * width }, next);
      const weights = Float64Array.from({ length: rows }, next);
      const gram = new Float64Array(width * width);
      addWeightedGram(gram, matrix, width, weights);
      for (let j = 0; j < width; j += 1) {
        for (let k = j; k < width; k += 1) {
          let expected = 0;
          for (let row = 0; row < rows; row += 1) {
            expected += weights[row] * matrix[row * width + j] * matrix[row * width + k];
          }
          expect(gram[j * width + k]).toBeCloseTo(expected, 10);
        }
      }
    }),
  );
});

describe('the exported file', () => {
  test('gives the scores of the fit, in ONNX Runtime, on every row, missing values included', async () => {
    const frame = smallFrame();
    const { onnx, input, output, parity } = trainLogistic(frame, options, 'small');
    const model = await loadScorer(onnxRuntime, onnx, { features: frame.names, input, output });
    const rows = Float32Array.from(parity.rows.flat(), (value) => value ?? Number.NaN);
    const scores = await model.run(fedRows(model, rows));
    expect(parity.rows.length).toBeGreaterThanOrEqual(32);
    expect(parity.rows.some((row) => row.includes(null))).toBe(true);
    scores.forEach((score, i) => {
      expect(Math.abs(score - parity.scores[i])).toBeLessThan(1e-6);
    });
    await model.close();
  });

  test('gives them for features as large as epoch milliseconds too', async () => {
    const { columns, labels } = smallFrame();
    const frame: TrainingFrame = {
      names: ['time', 'gaps'],
      columns: [Float32Array.from(columns[0], (number) => 1_700_000_000_000 + number * 86_400_000), columns[1]],
      labels,
    };
    const { onnx, input, output, parity, metrics } = trainLogistic(frame, { ...options, categorical: [] }, 'x');
    expect(metrics['auc']).toBeGreaterThan(0.8);
    const model = await loadScorer(onnxRuntime, onnx, { features: frame.names, input, output });
    const rows = Float32Array.from(parity.rows.flat(), (value) => value ?? Number.NaN);
    (await model.run(fedRows(model, rows))).forEach((score, i) => {
      expect(Math.abs(score - parity.scores[i])).toBeLessThan(1e-5);
    });
    await model.close();
  });

  test('takes a number beyond what was trained on for the nearest that was', async () => {
    const frame = smallFrame();
    const { onnx, input, output } = trainLogistic(frame, options, 'small');
    const model = await loadScorer(onnxRuntime, onnx, { features: frame.names, input, output });
    const [least, greatest] = [Math.min(...frame.columns[0]), Math.max(...frame.columns[0])];
    const numbers = [
      least,
      least - 1,
      -1e30,
      Number.NEGATIVE_INFINITY,
      greatest,
      greatest + 1,
      Number.POSITIVE_INFINITY,
    ];
    const scores = await model.run(
      fedRows(
        model,
        numbers.flatMap((number) => [number, 0.5, 2]),
      ),
    );
    expect(new Set(scores.slice(0, 4)).size).toBe(1);
    expect(new Set(scores.slice(4)).size).toBe(1);
    expect(scores[0]).not.toBe(scores[4]);
    await model.close();
  });

  test('gives a category that was not trained on, and a missing one, no weight', async () => {
    const frame = smallFrame();
    const design = buildDesign(frame, ['category'], refuse);
    const { weights } = fitLogistic(design, frame.labels, { c: 0.7, maxIterations: 50, tolerance: 1e-8 });
    const { onnx, input, output } = trainLogistic(frame, options, 'small');
    const model = await loadScorer(onnxRuntime, onnx, { features: frame.names, input, output });
    const [number, gaps] = design.features;
    if (number.kind !== 'number' || gaps.kind !== 'number') throw new Error('two numbers lead');
    const bare = 1 / (1 + Math.exp(-weights[design.width - 1]));
    const rows = Float32Array.of(number.mean, gaps.mean, 99, number.mean, gaps.mean, Number.NaN);
    const [unknown, missing] = await model.run(fedRows(model, rows));
    expect(unknown).toBeCloseTo(bare, 6);
    expect(missing).toBeCloseTo(bare, 6);
    await model.close();
  });
});

describe('a frame is refused', () => {
  const { names, columns, labels } = smallFrame();
  const codeOf = (frame: Partial<TrainingFrame>, categorical: readonly string[] = []) => {
    try {
      trainLogistic({ names, columns, labels, ...frame }, { ...options, categorical }, 'set.parquet');
    } catch (error) {
      return String(error);
    }
    return 'trained';
  };

  test('without rows, or with labels of one kind', () => {
    const empty = { columns: columns.map(() => new Float32Array(0)), labels: new Float64Array(0) };
    expect(codeOf(empty)).toContain('0 of 0 labels are true');
    expect(codeOf({ labels: labels.map(() => 1) })).toContain('400 of 400 labels are true');
    expect(codeOf({ labels: labels.map(() => 0) })).toContain('0 of 400 labels are true');
  });

  test('with labels that are numbers, or none', () => {
    expect(codeOf({ labels: labels.map((label) => label * 2.5) })).toContain('labels other than true and false');
    expect(codeOf({ labels: labels.map((label, i) => (i === 3 ? Number.NaN : label)) })).toContain('labels other than');
  });

  test('without a feature, with an unknown categorical one, or one of too many values', () => {
    expect(codeOf({ names: [], columns: [] })).toContain('no feature that is a number');
    expect(codeOf({}, ['hour'])).toContain('no number feature \\"hour\\"');
    expect(codeOf({}, ['number'])).toContain('has 400 values, more than 64');
  });

  test('with a number beyond float32', () => {
    const beyond = columns[0].map((value, i) => (i === 5 ? 1e39 : value));
    expect(codeOf({ columns: [beyond, columns[1], columns[2]] })).toContain('a number beyond float32');
  });
});

test('options are filled in, and a wrong or misspelt one is TRAINING_OPTION', () => {
  const kind = 'logisticRegression';
  expect(parseLogisticOptions({ kind })).toEqual({ categorical: [], c: 1, maxIterations: 50 });
  for (const wrong of [
    { c: 0 },
    { c: '1' },
    { c: Number.NaN },
    { maxIterations: 1.5 },
    { categorial: ['hour'] },
    { categorical: 'hour' },
  ]) {
    expect(() => parseLogisticOptions({ kind, ...wrong })).toThrow(
      expect.objectContaining({ code: 'TRAINING_OPTION' }),
    );
  }
});
