import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireFault, WireMessage, wireFields } from '../../src/base/protobuf.ts';

const anyFields = fc.array(
  fc.tuple(
    fc.integer({ min: 1, max: 2 ** 20 }),
    fc.oneof(fc.maxSafeNat(), fc.uint8Array({ maxLength: 200 }), fc.string({ maxLength: 20 })),
  ),
  { maxLength: 10 },
);

function encoded(fields: readonly (readonly [number, number | string | Uint8Array])[]): Uint8Array {
  const message = new WireMessage();
  for (const [number, value] of fields)
    if (typeof value === 'number') message.integer(number, value);
    else if (typeof value === 'string') message.text(number, value);
    else message.bytes(number, value);
  return message.finish();
}

test('fields that are written are read', () => {
  fc.assert(
    fc.property(anyFields, (fields) => {
      const bytes = encoded(fields);
      const read = [...wireFields(bytes)].map(({ number, wire, value, at, to }) => [
        number,
        wire === 0 ? value : bytes.subarray(at, to),
      ]);
      const plain = (value: unknown) => (typeof value === 'string' ? new TextEncoder().encode(value) : value);
      expect(read.map(([number, value]) => [number, value])).toEqual(
        fields.map(([number, value]) => [number, plain(value)]),
      );
    }),
  );
});

test('any bytes are fields or a WireFault, and a message that is cut is never read whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const fields = [...wireFields(bytes)];
        expect(fields.at(-1)?.to ?? 0).toBe(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(WireFault);
      }
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (value, at) => {
      const bytes = encoded([[3, value]]);
      expect(() => [...wireFields(bytes.subarray(0, 1 + (at % (bytes.length - 1))))]).toThrow(WireFault);
    }),
  );
});
