import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { OnnxGraph } from '../../src/training/onnx-export/onnx-graph.ts';
import { childEnv } from '../child-env.ts';
import { fedRows } from './fed-rows.ts';
import { smallFrame } from './small-frame.ts';
import { trainLogistic } from './train-whole.ts';

const golden = readFileSync(fileURLToPath(new URL('./formats/logistic-1.onnx', import.meta.url)));
const signature = { features: ['number', 'gaps', 'category'], input: 'features', output: 'probability' };

const rows = Float32Array.of(
  14.721359252929688,
  0.7548776865005493,
  5,
  3.0495169162750244,
  Number.NaN,
  5,
  -8.622325897216797,
  0.813409686088562,
  5,
);
const scores = [0.39702011843868673, 0.04051023585884721, 0.0725863297692342];

/** A graph whose output is one constant a row. */
function constantModel(value: number): Uint8Array {
  const graph = new OnnxGraph();
  const first = graph.node('Gather', ['features', graph.integers([0])], { axis: 1 });
  const nothing = graph.node('Mul', [first, graph.floats([0], [1])]);
  graph.node(
    'Squeeze',
    [graph.node('Add', [nothing, graph.floats([value], [1])]), graph.integers([1])],
    {},
    { output: 'probability' },
  );
  return graph.finish('features', 3, 'probability');
}

describe('the golden file of the first export', () => {
  test('is written byte by byte again from the same rows', () => {
    const { onnx } = trainLogistic(smallFrame(), { categorical: ['category'], c: 0.7, maxIterations: 50 }, 'small');
    expect(Buffer.from(onnx).equals(golden)).toBe(true);
  });

  test('gives the scores that it gave then', async () => {
    const model = await loadScorer(onnxRuntime, golden, signature);
    const found = await model.run(fedRows(model, rows));
    found.forEach((score, i) => {
      expect(Math.abs(score - scores[i])).toBeLessThan(1e-6);
    });
    await model.close();
  });
});

describe('ONNX Runtime keeps the rules of its port', () => {
  test('rule 1: bytes that are no model are MODEL_FILE', async () => {
    for (const bytes of [new Uint8Array(0), golden.subarray(0, 300), new TextEncoder().encode('no model')]) {
      await expect(loadScorer(onnxRuntime, bytes, signature)).rejects.toMatchObject({ code: 'MODEL_FILE' });
    }
  });

  test('rule 1: a model of other names, or of another number of features, is MODEL_FILE', async () => {
    for (const wrong of [{ input: 'rows' }, { output: 'score' }]) {
      await expect(loadScorer(onnxRuntime, golden, { ...signature, ...wrong })).rejects.toMatchObject({
        code: 'MODEL_FILE',
      });
    }
    const narrow = { ...signature, features: ['number', 'gaps'] };
    await expect(loadScorer(onnxRuntime, golden, narrow)).rejects.toMatchObject({ code: 'MODEL_FILE' });
  });

  test('rule 2: a row has the same bits alone and in every batch', async () => {
    const frame = smallFrame();
    const model = await loadScorer(onnxRuntime, golden, signature);
    const all = Float32Array.from({ length: 400 * 3 }, (_, i) => frame.columns[i % 3][Math.floor(i / 3)]);
    const whole = await model.run(fedRows(model, all));
    for (const size of [1, 7, 64, 256]) {
      for (let from = 0; from < 400; from += size) {
        const to = Math.min(400, from + size);
        expect(await model.run(fedRows(model, all.slice(from * 3, to * 3)))).toEqual(whole.slice(from, to));
      }
    }
    await model.close();
  });

  test('rule 3: loaded models do not disturb each other', async () => {
    const models = await Promise.all(
      [0.25, 0.5, 0.75].map((value) => loadScorer(onnxRuntime, constantModel(value), signature)),
    );
    const found = await Promise.all(models.map((model) => model.run(fedRows(model, rows.slice(0, 3)))));
    expect(found.map(([score]) => score)).toEqual([0.25, 0.5, 0.75]);
    await models[0].close();
    expect([...(await models[2].run(fedRows(models[2], rows.slice(0, 3))))]).toEqual([0.75]);
    await Promise.all(models.slice(1).map((model) => model.close()));
  });

  test('rule 4: loading and closing 60 times leaves no memory behind', async () => {
    const round = async (times: number) => {
      for (let i = 0; i < times; i += 1) {
        const model = await loadScorer(onnxRuntime, golden, signature);
        await model.run(fedRows(model, rows));
        await model.close();
      }
      return process.memoryUsage().rss;
    };
    const warm = await round(20);
    expect((await round(60)) - warm).toBeLessThan(30e6);
  });
});

test('without the package, the runtime is imported all the same, and ready and load name what to install', () => {
  const absent = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => {
      if (name === 'onnxruntime-node') throw new Error('not installed');
      return next(name, context);
    } });`;
  const program = `import { onnxRuntime } from ${JSON.stringify(new URL('../../src/backends/onnx/onnx-runtime.ts', import.meta.url).href)};
    const told = (error) => console.log(error.code, error.hint);
    await onnxRuntime.ready().catch(told);
    await onnxRuntime.load(new Uint8Array()).catch(told);`;
  const hook = `data:text/javascript,${encodeURIComponent(absent)}`;
  const args = ['--import', hook, '--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: childEnv() });
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/^MODEL_RUNTIME .*npm install onnxruntime-node@/);
});
