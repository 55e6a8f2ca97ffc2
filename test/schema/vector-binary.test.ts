import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ReadVector, readVectors } from '../../src/client/read-vectors.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { parseJsonExact } from '../../src/schema/json-exact.ts';
import { valueToJson } from '../../src/schema/value-json.ts';
import { vectorWriter, type WireVector } from '../../src/schema/vector-binary.ts';

const columns: Columns = {
  user: { type: 'text', nullable: true },
  visits: { type: 'int', nullable: true },
  total: { type: 'decimal', scale: 2, nullable: true },
  big: { type: 'int64', nullable: true },
  mean: { type: 'float', nullable: true },
  isNew: { type: 'bool', nullable: true },
  recent: { type: 'list', element: 'text', nullable: true },
  prices: { type: 'list', element: 'decimal', scale: 3, nullable: true },
  taste: { type: 'embedding', length: 4, nullable: true },
};
const names = Object.keys(columns);

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const real = fc.double({ noNaN: true, noDefaultInfinity: true });
const values: readonly fc.Arbitrary<Value>[] = [
  fc.string({ unit: 'grapheme' }),
  fc.maxSafeInteger(),
  int64,
  fc.oneof(int64, fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n })),
  real,
  fc.boolean(),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.array(int64, { maxLength: 3 }),
  fc.array(real, { minLength: 4, maxLength: 4 }),
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
  degraded: fc.boolean(),
});
const write = vectorWriter(columns);

/** What the JSON answer of a vector says to who knows its types: without them a whole float looks like an int64. */
function throughJson({ at, values, missing, stale, ages, degraded }: WireVector): unknown {
  const features = Object.values(columns).map((spec, i) => {
    const parse = spec.type === 'float' || spec.type === 'embedding' ? JSON.parse : parseJsonExact;
    return [names[i], parse(JSON.stringify(valueToJson(spec)(values[i])))];
  });
  return {
    at,
    complete: missing.length === 0,
    features: Object.fromEntries(features),
    missing: Object.fromEntries(missing.map(({ feature, reason }) => [names[feature], reason])),
    stale,
    ages,
    degraded,
  };
}

test('the binary answer of any vectors says what their JSON answer does', () => {
  fc.assert(
    fc.property(fc.array(anyVector, { maxLength: 20, size: 'max' }), (vectors) => {
      expect(readVectors(write(vectors))).toEqual(vectors.map(throughJson));
    }),
    { numRuns: 300 },
  );
});

test('bytes that are cut, changed or random give vectors or nothing, never anything else', () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.array(anyVector, { maxLength: 4 }), fc.nat(), fc.nat({ max: 255 }), fc.boolean())
      .map(([vectors, at, byte, isCut]) => {
        const bytes = write(vectors);
        if (isCut) return bytes.subarray(0, at % bytes.length);
        bytes[at % bytes.length] = byte;
        return bytes;
      }),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const read: readonly ReadVector[] | null = readVectors(bytes);
      expect(read === null || Array.isArray(read)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('bytes cut anywhere, with more after them, or of another format are no answer', () => {
  const bytes = write(fc.sample(anyVector, { numRuns: 5, seed: 1 }));
  for (let length = 0; length < bytes.length; length += 1) expect(readVectors(bytes.subarray(0, length))).toBe(null);
  expect(readVectors(Uint8Array.of(...bytes, 0))).toBe(null);
  for (let i = 0; i < 4; i += 1) {
    const other = bytes.slice();
    other[i] += 1;
    expect(readVectors(other)).toBe(null);
  }
});
