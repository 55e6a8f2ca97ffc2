import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrowingColumn } from '../../src/featurestore/materialise/growing-column.ts';

test('a column has the values that it was given, whatever kind comes when', () => {
  const value = fc.oneof(fc.double(), fc.bigInt(), fc.string(), fc.constant(null), fc.boolean());
  fc.assert(
    fc.property(fc.array(fc.double(), { maxLength: 200 }), fc.array(value, { maxLength: 40 }), (numbers, rest) => {
      const column = new GrowingColumn();
      const all = [...numbers, ...rest];
      for (const one of all) column.push(one);
      expect([...column.values(all.length)]).toEqual(all);
    }),
  );
});
