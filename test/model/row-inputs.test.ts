import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tensorsOfRows } from '../../src/model/model-rows.ts';
import { rowInputs } from '../../src/model/row-inputs.ts';
import type { TensorSpec } from '../../src/schema/tensor.ts';
import { fedRows } from '../models/fed-rows.ts';

const types = ['FP32', 'FP64', 'INT64', 'UINT64', 'INT32', 'UINT8'] as const;
const spec = fc
  .record({ type: fc.constantFrom(...types), sizes: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }) })
  .map(({ type, sizes }) => ({ type, shape: [-1, ...sizes] }));
const specs = fc
  .array(spec, { minLength: 1, maxLength: 4 })
  .map((all) => all.map((one, i): TensorSpec => ({ name: `in${i}`, ...one })));

test('whatever the inputs of a model: each number of a row is fed once, in its place', () => {
  fc.assert(
    fc.property(specs, fc.integer({ min: 1, max: 5 }), fc.boolean(), (all, rows, isNamed) => {
      const own = rowInputs(all, null);
      if (typeof own === 'string') throw new Error(own);
      // Columns of a data frame may be in another order than the inputs; other names are taken in order.
      const names = isNamed ? [...own.features].reverse() : own.features.map((_, i) => `c${i}`);
      const fed = rowInputs(all, names);
      if (typeof fed === 'string') throw new Error(fed);
      expect(fed.features).toEqual(names);
      const width = names.length;
      // Each number says its row and its column by the order of the inputs.
      const numberOf = (row: number, column: number) => row * width + column;
      const columnOf = (place: number) => (isNamed ? width - 1 - place : place);
      const features = Array.from({ length: rows * width }, (_, i) =>
        numberOf(Math.floor(i / width), columnOf(i % width)),
      );
      const tensors = tensorsOfRows(fed, fedRows({ inputs: fed }, features));
      for (let row = 0; row < rows; row += 1) {
        const found = tensors.flatMap(({ data }) => {
          const size = data.length / rows;
          return Array.from({ length: size }, (_, i) => Number(data[row * size + i]));
        });
        expect(found).toEqual(Array.from({ length: width }, (_, column) => numberOf(row, column)));
      }
      expect(tensors.map(({ shape }) => shape)).toEqual(all.map(({ shape }) => [rows, ...shape.slice(1)]));
    }),
  );
});

test.each([
  ['text', [{ name: 'a', type: 'BYTES', shape: [-1, 1] }], null, /BYTES/],
  ['half floats', [{ name: 'a', type: 'FP16', shape: [-1, 1] }], null, /FP16/],
  ['batches of eight', [{ name: 'a', type: 'FP32', shape: [8, 4] }], null, /no place for rows/],
  ['any size without names', [{ name: 'a', type: 'FP32', shape: [-1, -1] }], null, /nothing names/],
  ['images of any size', [{ name: 'a', type: 'FP32', shape: [-1, 3, -1, -1] }], ['x'], /of any size/],
  ['too few names', [{ name: 'a', type: 'FP32', shape: [-1, 4] }], ['x'], /4 numbers a row, and 1/],
  ['no input', [], null, /no input/],
] as const)('inputs of %s say why rows do not fit', (_, all, names, reason) => {
  expect(rowInputs(all as readonly TensorSpec[], names)).toMatch(reason);
});
