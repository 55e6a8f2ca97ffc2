import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newRows } from '../../src/model/model-rows.ts';

const rowsOf = fc.record({
  type: fc.constantFrom('FP32', 'FP64', 'INT8', 'INT32'),
  width: fc.integer({ min: 0, max: 40 }),
  rows: fc.integer({ min: 0, max: 9 }),
});

test('new rows are zeros of their type, and writing some changes no others', () => {
  fc.assert(
    fc.property(fc.array(rowsOf, { minLength: 2, maxLength: 60 }), (wanted) => {
      const all = wanted.map(({ type, width, rows }, i) => {
        const places = Array.from({ length: width }, (_, place) => place);
        const input = { name: 'input', type, places, shape: [width] } as const;
        const [data] = newRows({ features: places.map(String), inputs: [input], isSingle: false }, rows).data;
        expect([...data]).toEqual(new Array(rows * width).fill(0));
        data.fill((i + 1) as never);
        return data;
      });
      for (const [i, data] of all.entries()) expect([...data].every((value) => value === i + 1)).toBe(true);
    }),
    { numRuns: 50 },
  );
});
