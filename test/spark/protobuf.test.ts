import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decode,
  encode,
  type Field,
  type Fields,
  messagesIn,
  numberIn,
  textIn,
} from '../../src/backends/spark/connect/protobuf.ts';
import { WireFault } from '../../src/base/protobuf.ts';

const { fields } = fc.letrec<{ fields: Fields; field: Field }>((tie) => ({
  fields: fc.array(tie('field'), { maxLength: 6 }),
  field: fc.tuple(
    fc.integer({ min: 1, max: 1_000 }),
    fc.oneof({ depthSize: 'small' }, fc.maxSafeNat(), fc.string({ unit: 'binary' }), tie('fields')),
  ),
}));

/** What stands in a message, read by what was written. */
function readBack(bytes: Buffer, written: Fields): unknown {
  const message = decode(bytes);
  return written.map(([number, value]) => {
    const last = written.findLast(([other]) => other === number)?.[1];
    if (last !== value) return null;
    if (typeof value === 'number') return numberIn(message, number);
    if (typeof value === 'string') return textIn(message, number);
    const all = written.filter(([other, one]) => other === number && typeof one !== 'number');
    if (all.length > 1) return null;
    return messagesIn(message, number).map((inner) => [...inner.keys()]);
  });
}

test('what is written reads back, messages in messages too', () => {
  fc.assert(
    fc.property(fields, (written) => {
      const expected = written.map(([number, value]) => {
        if (written.findLast(([other]) => other === number)?.[1] !== value) return null;
        if (typeof value !== 'object' || Buffer.isBuffer(value)) return value;
        if (written.filter(([other, one]) => other === number && typeof one !== 'number').length > 1) return null;
        return [[...new Set(value.map(([inner]) => inner))]];
      });
      expect(readBack(encode(written), written)).toEqual(expected);
    }),
  );
});

test('bytes are those of the specification', () => {
  // Of the page on the encoding: a = 150, b = "testing", c = { a: 150 }.
  expect(encode([[1, 150]]).toString('hex')).toBe('089601');
  expect(encode([[2, 'testing']]).toString('hex')).toBe('120774657374696e67');
  expect(encode([[3, [[1, 150]]]]).toString('hex')).toBe('1a03089601');
  // A message that is encoded already is the same.
  expect(encode([[3, Buffer.from('089601', 'hex')]]).toString('hex')).toBe('1a03089601');
});

test('bytes that are no message are an error, never a hang', () => {
  for (const hex of ['08', '0896', '1207746573', '0b', '12ffffffffffffffff7f', '09000000'])
    expect(() => decode(Buffer.from(hex, 'hex')), hex).toThrow(WireFault);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        return decode(Buffer.from(bytes)).size >= 0;
      } catch (error) {
        return error instanceof WireFault;
      }
    }),
  );
});
