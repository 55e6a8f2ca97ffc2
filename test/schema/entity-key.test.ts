import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Columns, Value } from '../../src/schema/column.ts';
import { entityKeyCodec, entityKeyEncoder } from '../../src/schema/entity-key.ts';

const text = { type: 'text', nullable: false } as const;
const pair: Columns = { tenant: text, user: text };

test('keys whose parts differ differ, whatever the parts hold', () => {
  const { encode } = entityKeyCodec(pair);
  expect(encode(['t1|u', '1'])).not.toBe(encode(['t1', 'u|1']));
  expect(encode(['1:a', 'b'])).not.toBe(encode(['1', 'a:b']));
  const part = fc.string({ unit: fc.constantFrom('0', '1', '2', ':', 'a', '🙂') });
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      expect(encode([a, b]) === encode([c, d])).toBe(a === c && b === d);
    }),
  );
});

test('a key is written length:text for every part but the last', () => {
  expect(entityKeyEncoder(pair)(['ATL', 'SFO'])).toBe('3:ATLSFO');
  expect(entityKeyEncoder({ airport: text })(['ATL'])).toBe('ATL');
  expect(entityKeyEncoder(pair)(['', ''])).toBe('0:');
});

test('a row with a null part has no key', () => {
  expect(entityKeyEncoder(pair)([null, 'x'])).toBeNull();
  expect(entityKeyEncoder({ airport: text })([null])).toBeNull();
});

test('parts are taken from a source row by position', () => {
  expect(entityKeyEncoder(pair, [3, 1])(['id', 'u', 7, 't'])).toBe('1:tu');
  expect(entityKeyEncoder({ airport: text }, [2])(['id', 'u', 'ATL'])).toBe('ATL');
});

test('keys of every type are decoded to their parts', () => {
  const columns: Columns = {
    a: text,
    b: { type: 'int', nullable: false },
    c: { type: 'int64', nullable: false },
    d: { type: 'bool', nullable: false },
    e: { type: 'decimal', scale: 2, nullable: false },
    f: { type: 'time', nullable: false },
  };
  const { encode, decode } = entityKeyCodec(columns);
  const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  const parts = fc.tuple(fc.string(), fc.maxSafeInteger(), int64, fc.boolean(), int64, fc.maxSafeInteger());
  fc.assert(
    fc.property(parts, (values) => {
      expect(decode(encode(values) ?? '')).toEqual(values);
    }),
  );
});

test.each(['', 'x', '5:ab', '01:ab', '-1:a', '1:', '99999999999999999999:a'])(
  '%j is not a key of two columns with an int',
  (key) => {
    const { decode } = entityKeyCodec({ a: text, b: { type: 'int', nullable: false } });
    expect(() => decode(key)).toThrow(expect.objectContaining({ code: 'ENTITY_KEY' }));
  },
);

test('a float cannot be a key', () => {
  expect(() => entityKeyEncoder({ a: { type: 'float', nullable: false } })).toThrow(
    expect.objectContaining({ code: 'ENTITY_KEY_TYPE' }),
  );
});

test('"7" and "07" are two keys, 7 of an int column is one', () => {
  const asText = entityKeyEncoder({ a: text });
  expect(asText(['7'])).not.toBe(asText(['07']));
  const values: Value[] = [7];
  expect(entityKeyEncoder({ a: { type: 'int', nullable: false } })(values)).toBe('7');
});
