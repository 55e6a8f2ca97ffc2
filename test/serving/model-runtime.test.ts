import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { functionModel } from '../../src/features/define/function-model.ts';
import { rowsOfTensor, type Tensor, type TensorType, tensorArrays } from '../../src/schema/tensor.ts';
import { type ModelRuntimeSubject, modelRuntimeContracts } from '../../src/testing/contracts/model-runtime.ts';
import { loadFunction } from '../../src/versions/source/load-function.ts';
import { addSubFile, identityFile, rowSumFile } from './onnx-files.ts';
import { servingData, skipNote } from './serving-data.ts';

const everyType = [...(Object.keys(tensorArrays) as TensorType[]), 'BYTES'] as const;

const onnx: ModelRuntimeSubject = {
  // The Node binding of ONNX Runtime refuses BF16.
  types: everyType.filter((type) => type !== 'BF16'),
  anyBytes: false,
  addSub: () => onnxRuntime.load(addSubFile()),
  identity: (type) => onnxRuntime.load(identityFile(type)),
  rowSum: () => onnxRuntime.load(rowSumFile()),
};

const functions: ModelRuntimeSubject = {
  types: everyType,
  anyBytes: true,
  addSub: () =>
    loadFunction(
      functionModel({
        name: 'addSub',
        inputs: [
          { name: 'INPUT0', type: 'INT32', shape: [-1, 16] },
          { name: 'INPUT1', type: 'INT32', shape: [-1, 16] },
        ],
        outputs: [
          { name: 'OUTPUT0', type: 'INT32', shape: [-1, 16] },
          { name: 'OUTPUT1', type: 'INT32', shape: [-1, 16] },
        ],
        run: ({ INPUT0: { shape, data: a }, INPUT1: { data: b } }) => ({
          OUTPUT0: { shape, data: Int32Array.from(a as Int32Array, (value, i) => value + Number(b[i])) },
          OUTPUT1: { shape, data: Int32Array.from(a as Int32Array, (value, i) => value - Number(b[i])) },
        }),
      }),
    ),
  identity: (type) =>
    loadFunction({
      name: 'identity',
      inputs: [{ name: 'IN', type, shape: [-1, -1] }],
      outputs: [{ name: 'OUT', type, shape: [-1, -1] }],
      run: ({ IN }) => ({ OUT: IN }),
    }),
  rowSum: () =>
    loadFunction({
      name: 'rowSum',
      inputs: [{ name: 'X', type: 'FP32', shape: [-1, 10] }],
      outputs: [{ name: 'SUM', type: 'FP32', shape: [-1] }],
      run: ({ X }) => {
        const [rows] = X.shape;
        const sums = new Float32Array(rows);
        for (let i = 0; i < rows * 10; i += 1) sums[Math.floor(i / 10)] += Number(X.data[i]);
        return { SUM: { shape: [rows], data: sums } };
      },
    }),
};

for (const [name, subject] of Object.entries({ onnx, functions })) {
  describe(`${name} keeps the rules of the port`, () => {
    for (const contract of modelRuntimeContracts)
      test(`rule ${contract.rule}: ${contract.name}`, () => contract.run(subject));
  });
}

describe('a function whose result does not fit its declaration fails, and says which output', () => {
  const wrong: readonly (readonly [string, object, RegExp])[] = [
    ['an absent output', {}, /output 'y'.*absent/],
    ['another shape', { y: { shape: [1], data: new Float32Array(1) } }, /its shape is \[1\]/],
    ['too few elements', { y: { shape: [2, 1], data: new Float32Array(1) } }, /1 elements for shape \[2,1\]/],
    ['another array', { y: { shape: [1, 1], data: new Float64Array(1) } }, /no Float32Array/],
  ];
  test.each(wrong)('%s', async (_, result, message) => {
    const model = loadFunction({
      name: 'wrong',
      inputs: [{ name: 'x', type: 'FP32', shape: [-1, 1] }],
      outputs: [{ name: 'y', type: 'FP32', shape: [-1, 1] }],
      run: () => result as never,
    });
    const x: Tensor = { name: 'x', type: 'FP32', shape: [1, 1], data: new Float32Array(1) };
    await expect(model.run([x])).rejects.toMatchObject({ code: 'MODEL_FILE', message: expect.stringMatching(message) });
  });

  test('one that throws is MODEL_RUN', async () => {
    const model = loadFunction({
      name: 'throws',
      inputs: [],
      outputs: [],
      run: () => {
        throw new Error('no luck');
      },
    });
    await expect(model.run([])).rejects.toMatchObject({
      code: 'MODEL_RUN',
      message: expect.stringContaining('no luck'),
    });
  });
});

describe.skipIf(!existsSync(servingData))(`models of others (${skipNote})`, () => {
  interface Expected {
    readonly x: readonly (readonly number[])[];
    readonly proba?: readonly (readonly number[])[];
    readonly pred?: readonly number[];
    readonly tolerance: { readonly abs?: number; readonly rel?: number };
  }
  const read = (path: string) => readFileSync(new URL(path, servingData));
  const expected = () => JSON.parse(read('models/trained/expected.json').toString()) as Record<string, Expected>;

  test('classifiers of several classes and a regressor give the values of scikit-learn', async () => {
    let checked = 0;
    for (const [name, { x, proba, pred, tolerance }] of Object.entries(expected())) {
      if (x === undefined) continue;
      const model = await onnxRuntime.load(read(`models/trained/${name.replace(/\.onnx$/, '')}.onnx`));
      const input: Tensor = {
        name: 'input',
        type: 'FP32',
        shape: [x.length, x[0].length],
        data: Float32Array.from(x.flat()),
      };
      const [output] = await model.run([input], [proba === undefined ? 'prediction' : 'probabilities']);
      (proba?.flat() ?? pred ?? []).forEach((value, i) => {
        const allowed = (tolerance.abs ?? 0) + (tolerance.rel ?? 0) * Math.abs(value);
        expect(Math.abs(Number(output.data[i]) - value)).toBeLessThanOrEqual(allowed);
        checked += 1;
      });
      // The same bits, whatever the batch.
      const [alone] = await model.run([rowsOfTensor(input, 1, 2)], [output.name]);
      expect([...alone.data]).toEqual([...rowsOfTensor(output, 1, 2).data]);
      await model.close();
    }
    expect(checked).toBeGreaterThan(100);
  });

  test('a classifier whose probabilities are maps gives its labels', async () => {
    const model = await onnxRuntime.load(read('models/public/sklearn_randomforest.onnx'));
    expect(model.signature.outputs.map(({ name }) => name)).toEqual(['output_label']);
    const data = Float32Array.of(5.1, 3.5, 1.4, 0.2, 6.7, 3, 5.2, 2.3, 5.9, 3, 4.2, 1.5);
    const [labels] = await model.run([{ name: 'X', type: 'FP32', shape: [3, 4], data }]);
    expect([...labels.data]).toEqual([0n, 2n, 1n]);
    await model.close();
  });

  test('files with BF16 are MODEL_FILE, and say why', async () => {
    for (const file of ['example_float16', 'example_several_inputs_and_outputs'])
      await expect(onnxRuntime.load(read(`models/public/${file}.onnx`))).rejects.toMatchObject({
        code: 'MODEL_FILE',
        message: expect.stringContaining('Unsupported data type: 16'),
      });
  });
});
