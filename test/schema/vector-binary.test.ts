import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { vectorBinary, type WireVector } from '../../src/schema/vector-binary.ts';

const columns: Columns = {
  user: { type: 'text', nullable: true },
  visits: { type: 'int', nullable: true },
  total: { type: 'decimal', scale: 2, nullable: true },
  big: { type: 'int64', nullable: true },
  mean: { type: 'float', nullable: true },
  isNew: { type: 'bool', nullable: true },
  recent: { type: 'list', element: 'text', nullable: true },
  taste: { type: 'embedding', length: 4, nullable: true },
};

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const values: readonly fc.Arbitrary<Value>[] = [
  fc.string(),
  fc.maxSafeInteger(),
  int64,
  int64,
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 4, maxLength: 4 }),
];
const age = fc.option(fc.nat({ max: 1e9 }));
const anyVector: fc.Arbitrary<WireVector> = fc.record({
  at: fc.integer({ min: -1e14, max: 9e14 }),
  values: fc.tuple(...values.map((value) => fc.option(value, { freq: 3 }))),
  missing: fc.array(fc.record({ feature: fc.nat({ max: 6 }), reason: fc.constantFrom('past', 'overflow') }), {
    maxLength: 2,
  }),
  stale: fc.array(fc.string({ maxLength: 5 }), { maxLength: 2 }),
  ages: fc.record({ streaming: age, batch: age }),
});
const { encode, decode } = vectorBinary(columns);

test('decoding what was encoded gives the same vectors', () => {
  fc.assert(
    fc.property(fc.array(anyVector, { maxLength: 20 }), (vectors) => {
      expect(decode(encode(vectors))).toEqual(vectors);
    }),
    { numRuns: 300 },
  );
});

test('bytes that are cut, changed or random give a coded error or vectors, never anything else', () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.array(anyVector, { maxLength: 4 }), fc.nat(), fc.nat({ max: 255 }), fc.boolean())
      .map(([vectors, at, byte, isCut]) => {
        const bytes = encode(vectors);
        if (isCut) return bytes.subarray(0, at % bytes.length);
        bytes[at % bytes.length] = byte;
        return bytes;
      }),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        expect(isHeadraceError(error)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test('bytes of other features, or of another format, are refused', () => {
  const bytes = encode([]);
  const other = vectorBinary({ ...columns, mean: { type: 'int', nullable: true } });
  expect(() => other.decode(bytes)).toThrow(expect.objectContaining({ code: 'BYTES_DAMAGED' }));
  bytes[3] = 2;
  expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'BYTES_VERSION' }));
});
