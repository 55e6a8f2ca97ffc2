import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ColumnSpec, Value } from '../../src/schema/column.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { rowJson } from '../../src/schema/row-json.ts';

const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const values = {
  text: fc.string({ unit: 'grapheme' }),
  int: fc.maxSafeInteger(),
  int64,
  decimal: int64,
  float: fc.double({ noNaN: true, noDefaultInfinity: true }),
  bool: fc.boolean(),
  time: fc.integer({ min: -8.64e15, max: 8.64e15 }),
} as const;

const column = fc.oneof(
  ...(Object.keys(values) as (keyof typeof values)[]).map((type) =>
    fc.tuple(fc.constant<ColumnSpec>({ type, nullable: true }), fc.option(values[type] as fc.Arbitrary<Value>)),
  ),
  ...(Object.keys(values) as (keyof typeof values)[]).map((element) =>
    fc.tuple(
      fc.constant<ColumnSpec>({ type: 'list', element, nullable: true }),
      fc.option(fc.array(values[element] as fc.Arbitrary<string>) as fc.Arbitrary<Value>),
    ),
  ),
  fc
    .integer({ min: 1, max: 5 })
    .chain((length) =>
      fc.tuple(
        fc.constant<ColumnSpec>({ type: 'embedding', length, nullable: true }),
        fc.option(fc.array(values.float, { minLength: length, maxLength: length })),
      ),
    ),
);

const table = fc.array(column, { minLength: 0, maxLength: 20 }).map((pairs) => ({
  columns: Object.fromEntries(pairs.map(([spec], index) => [`c${index}`, spec])),
  row: pairs.map(([, value]) => value),
}));

test('decode of encode is identity for every type and null', () => {
  fc.assert(
    fc.property(table, ({ columns, row }) => {
      const { encode, decode } = rowCodec(columns);
      expect(decode(encode(row))).toStrictEqual(row);
    }),
  );
});

test('JSON of a row reads back as the row, whatever stands behind its columns', () => {
  fc.assert(
    fc.property(table, fc.maxSafeInteger(), ({ columns, row }, at) => {
      const { encode, decode } = rowJson(columns);
      const bytes = encode(row, { _ingest_ts: at });
      expect(decode(bytes)).toStrictEqual(row);
      expect(JSON.parse(new TextDecoder().decode(bytes))._ingest_ts).toBe(at);
    }),
  );
});

test('the JSON of a row never changes, and an absent column is null', () => {
  const columns = {
    flight: { type: 'text', nullable: false },
    fare: { type: 'decimal', scale: 2, nullable: true },
    seen: { type: 'int64', nullable: true },
    share: { type: 'float', nullable: true },
  } as const;
  const { encode, decode } = rowJson(columns);
  const bytes = encode(['UA"1', 258n, 2n ** 62n, -0], { _ingest_ts: 7 });
  expect(new TextDecoder().decode(bytes)).toBe(
    '{"flight":"UA\\"1","fare":258,"seen":4611686018427387904,"share":-0.0,"_ingest_ts":7}',
  );
  expect(decode(new TextEncoder().encode('{"flight":"x"}'))).toEqual(['x', null, null, null]);
});

test.each([
  '',
  '[]',
  '{"flight":1}',
  '{"flight":null}',
  '{"flight":"x","seen":1.5}',
  '{"flight":"x","seen":9223372036854775808}',
  '{"flight":"x"',
])('JSON that is no row is refused: %s', (text) => {
  const { decode } = rowJson({ flight: { type: 'text', nullable: false }, seen: { type: 'int64', nullable: true } });
  expect(() => decode(new TextEncoder().encode(text))).toThrow(expect.objectContaining({ code: 'BYTES_DAMAGED' }));
});

test('the bytes of a row never change', () => {
  const codec = rowCodec({
    flight: { type: 'text', nullable: false },
    departed: { type: 'time', nullable: false },
    delay: { type: 'int', nullable: true },
    fare: { type: 'decimal', scale: 2, nullable: true },
    late: { type: 'bool', nullable: false },
  });
  const bytes = codec.encode(['UA1', 1_000_000, null, 258n, true]);
  expect([...bytes]).toEqual([1, 5, 0b100, 3, 0x55, 0x41, 0x31, 0x80, 0x89, 0x7a, 2, 1, 0, 0, 0, 0, 0, 0, 1]);
});

test('an unknown version, another number of columns and left-over bytes are refused', () => {
  const one = rowCodec({ a: { type: 'int', nullable: false } }, 'topic x');
  const two = rowCodec({ a: { type: 'int', nullable: false }, b: { type: 'int', nullable: false } });
  const bytes = one.encode([5]);
  const newer = bytes.slice();
  newer[0] = 2;
  expect(() => one.decode(newer)).toThrow('the bytes of "topic x" have format version 2; this release reads 1');
  expect(() => two.decode(bytes)).toThrow(expect.objectContaining({ code: 'BYTES_DAMAGED' }));
  expect(() => one.decode(Uint8Array.from([...bytes, 0]))).toThrow(expect.objectContaining({ code: 'BYTES_DAMAGED' }));
});

test('cut bytes are refused at every length', () => {
  fc.assert(
    fc.property(table, ({ columns, row }) => {
      const { encode, decode } = rowCodec(columns);
      const bytes = encode(row);
      for (let end = 0; end < bytes.length; end++) {
        expect(() => decode(bytes.subarray(0, end))).toThrow(expect.objectContaining({ code: 'BYTES_DAMAGED' }));
      }
    }),
    { numRuns: 30 },
  );
});

test('hostile bytes give a row or a coded error', () => {
  const { decode } = rowCodec({
    a: { type: 'text', nullable: true },
    b: { type: 'list', element: 'float', nullable: true },
    c: { type: 'time', nullable: true },
    d: { type: 'bool', nullable: true },
    e: { type: 'embedding', length: 2, nullable: true },
  });
  fc.assert(
    fc.property(fc.uint8Array(), (noise) => {
      try {
        decode(Uint8Array.from([1, 5, ...noise]));
      } catch (error) {
        expect(error).toMatchObject({ code: 'BYTES_DAMAGED' });
      }
    }),
    { numRuns: 500 },
  );
});
