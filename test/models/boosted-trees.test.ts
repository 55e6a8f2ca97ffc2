import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { parseBoostedOptions } from '../../src/training/boosted-trees/boosted-options.ts';
import type { Tree } from '../../src/training/boosted-trees/tree.ts';
import type { TrainedModel } from '../../src/training/trained-model.ts';
import type { TrainingFrame } from '../../src/training/training-frame.ts';
import { fedRows } from './fed-rows.ts';
import { smallFrame } from './small-frame.ts';
import { trainBoosted } from './train-whole.ts';

type Given = Readonly<Record<string, unknown>>;

function train(
  frame: TrainingFrame,
  given: Given,
  task: 'binary' | 'regression' = 'binary',
  more: object = {},
): TrainedModel {
  const options = parseBoostedOptions({ kind: 'boostedTrees', ...given });
  return trainBoosted(frame, { options, path: 'frame', task, ...more });
}

/** A frame of any shape: numbers with ties, gaps and large values, and a category. */
function randomFrame(seed: number, rows: number, task: 'binary' | 'regression'): TrainingFrame {
  const random = seededRandom(seed);
  const column = (draw: () => number) => Float32Array.from({ length: rows }, draw);
  const columns = [
    column(() => (random() < 0.2 ? Number.NaN : random() * 10 - 5)),
    column(() => Math.floor(random() * 4)),
    column(() => (random() < 0.5 ? Number.NaN : Math.exp(random() * 40 - 20))),
    column(() => [7, -3, 0.5, Number.NaN, 1e9][Math.floor(random() * 5)] ?? 0),
  ];
  const score = (row: number) =>
    (Number.isNaN(columns[0][row]) ? 1 : Math.sin(columns[0][row])) +
    (columns[3][row] === 7 ? 1.5 : 0) -
    columns[1][row] / 3;
  const labels = Float64Array.from({ length: rows }, (_, row) =>
    task === 'regression' ? score(row) * 100 + random() : Number(random() < 1 / (1 + Math.exp(-score(row)))),
  );
  if (task === 'binary') labels.set([0, 1]);
  return { names: ['a', 'b', 'c', 'd'], columns, labels };
}

describe.each(['binary', 'regression'] as const)('%s', (task) => {
  test('the ONNX file gives the scores of the trainer, for missing values, categories and values not seen', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 50, max: 600 }), async (seed, rows) => {
        const frame = randomFrame(seed, rows, task);
        const trained = train(frame, { trees: 12, leafRows: 5, categorical: ['d'], leaves: 8 }, task);
        const signature = { features: frame.names, input: trained.input, output: trained.output };
        const scorer = await loadScorer(onnxRuntime, trained.onnx, { ...signature, encoding: 1 });
        const rowsOf = trained.parity.rows.map((row) => row.map((value) => value ?? Number.NaN));
        const scores = await scorer.run(fedRows(scorer, rowsOf.flat()));
        await scorer.close();
        // A runtime adds up float32 values as large as the labels.
        const largest = frame.labels.reduce((most, label) => Math.max(most, Math.abs(label)), 1);
        trained.parity.scores.forEach((score, row) => {
          expect(Math.abs(scores[row] - score)).toBeLessThanOrEqual(1e-6 * largest);
        });
      }),
      { numRuns: 12 },
    );
  });

  test('one set and seed give one file, and a run that resumes from any tree gives the same', () => {
    const frame = randomFrame(3, 400, task);
    const options = { trees: 10, rowShare: 0.7, featureShare: 0.5, seed: 9 };
    const whole = train(frame, options, task);
    expect(train(frame, options, task).onnx).toEqual(whole.onnx);
    expect(train(frame, { ...options, seed: 10 }, task).onnx).not.toEqual(whole.onnx);
    for (const at of [1, 4, 9]) {
      let kept: readonly Tree[] = [];
      train(frame, options, task, {
        onTree: (trees: readonly Tree[]) => {
          kept = JSON.parse(JSON.stringify(trees));
          return trees.length === at;
        },
      });
      expect(kept).toHaveLength(at);
      expect(train(frame, options, task, { resume: kept }).onnx).toEqual(whole.onnx);
    }
  });
});

test('each tree lowers the loss of its rows, and the trees find what a line cannot', () => {
  const losses: number[] = [];
  const frame = randomFrame(5, 3_000, 'binary');
  const { metrics } = train(frame, { trees: 40 }, 'binary', {
    onTree: (_: readonly Tree[], loss: number) => {
      losses.push(loss);
      return false;
    },
  });
  losses.forEach((loss, tree) => {
    if (tree > 0) expect(loss).toBeLessThan(losses[tree - 1]);
  });
  expect(metrics['auc']).toBeGreaterThan(0.8);
});

test.each([1, -1])('a score never moves against a monotone constraint of %d', async (direction) => {
  const frame = randomFrame(11, 2_000, 'regression');
  const trained = train(frame, { trees: 30, monotone: { a: direction } }, 'regression');
  const signature = { features: frame.names, input: trained.input, output: trained.output, encoding: 1 };
  const scorer = await loadScorer(onnxRuntime, trained.onnx, signature);
  const random = seededRandom(1);
  for (let trial = 0; trial < 20; trial++) {
    const others = [Math.floor(random() * 4), random() < 0.3 ? Number.NaN : random() * 1e6, 7];
    const rows = Array.from({ length: 60 }, (_, i) => [-6 + i * 0.2, ...others]);
    const scores = [...(await scorer.run(fedRows(scorer, rows.flat())))];
    scores.forEach((score, i) => {
      if (i > 0) expect(direction * (score - scores[i - 1])).toBeGreaterThanOrEqual(-1e-4);
    });
  }
  await scorer.close();
});

test('early stopping judges the last rows alone, and keeps the trees of the best loss', () => {
  const frame = randomFrame(2, 1_500, 'binary');
  const stopped = train(frame, { trees: 500, learningRate: 0.3, earlyStopping: { rounds: 10, share: 0.3 } });
  const { trees = 0, loss = 0 } = stopped.metrics;
  expect(trees).toBeLessThan(200);
  const losses: number[] = [];
  train(frame, { trees: 500, learningRate: 0.3, earlyStopping: { rounds: 10, share: 0.3 } }, 'binary', {
    onTree: (_: readonly Tree[], one: number) => {
      losses.push(one);
      return false;
    },
  });
  expect(losses).toHaveLength(trees + 10);
  expect(Math.min(...losses)).toBe(loss);
  // The last rows are not learnt from: other labels there give other numbers of trees at most.
  const labels = frame.labels.map((label, row) => (row < 1_050 ? label : 1 - label));
  const first = (of: TrainingFrame) => {
    let tree: Tree | undefined;
    train(of, { trees: 1, earlyStopping: { rounds: 10, share: 0.3 } }, 'binary', {
      onTree: (grown: readonly Tree[]) => {
        tree = grown[0];
        return true;
      },
    });
    return tree;
  };
  expect(first({ ...frame, labels })).toEqual(first(frame));
});

test.each<readonly [string, TrainingFrame, Given, string]>([
  ['labels of one kind', { ...smallFrame(), labels: new Float64Array(400) }, {}, 'TRAINING_DATA'],
  [
    'labels that are no numbers',
    { ...smallFrame(), labels: new Float64Array(400).fill(Number.NaN) },
    {},
    'TRAINING_DATA',
  ],
  ['no feature', { ...smallFrame(), names: [], columns: [] }, {}, 'TRAINING_DATA'],
  ['an unknown category', smallFrame(), { categorical: ['luck'] }, 'TRAINING_DATA'],
  ['an unknown constraint', smallFrame(), { monotone: { luck: 1 } }, 'TRAINING_DATA'],
  ['too few rows', smallFrame(), { leafRows: 300 }, 'TRAINING_DATA'],
  ['an unknown option', smallFrame(), { depth: 4 }, 'TRAINING_OPTION'],
  ['a learning rate of 0', smallFrame(), { learningRate: 0 }, 'TRAINING_OPTION'],
  [
    'a number beyond float32',
    {
      ...smallFrame(),
      columns: smallFrame().columns.map((column, i) => (i === 0 ? column.map(() => Number.POSITIVE_INFINITY) : column)),
    },
    {},
    'TRAINING_DATA',
  ],
])('%s is refused', (_, frame, given, code) => {
  expect(() => train(frame, given)).toThrow(expect.objectContaining({ code }));
});

test.each([
  ['constant', () => 4],
  ['all missing', () => Number.NaN],
  ['of one value and gaps', (row: number) => (row % 3 === 0 ? Number.NaN : 1)],
])('a feature that is %s is no fault', (_, value) => {
  const frame = smallFrame();
  const column = Float32Array.from({ length: 400 }, (_, row) => value(row));
  const { metrics } = train(
    { ...frame, names: [...frame.names, 'odd'], columns: [...frame.columns, column] },
    { trees: 5 },
  );
  expect(metrics['auc']).toBeGreaterThan(0.7);
});
