import { fail } from '../../base/errors/fail.ts';

/**
 * A value as serializers of a schema registry write it:
 *
 * ```
 * value   = 0x00 id payload
 * id      = 4 bytes, big-endian: the schema's id
 * payload = Avro: the binary encoding | JSON Schema: JSON text | Protobuf: indexes message
 * indexes = 0x00 | count index*          zigzag varints; 0x00 stands for the one index 0
 * ```
 */
export interface Frame {
  readonly id: number;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 5;

/** Messages are nested no deeper than this. */
const MOST_INDEXES = 32;

/** Takes the header off a value. Error: SCHEMA_FRAME. */
export function parseFrame(value: Uint8Array): Frame {
  if (value.byteLength < HEADER_BYTES)
    throw fail('SCHEMA_FRAME', { reason: `it has ${value.byteLength} bytes, and the header alone has 5` });
  if (value[0] !== 0) throw fail('SCHEMA_FRAME', { reason: `its first byte is ${value[0]}, not 0` });
  const id = new DataView(value.buffer, value.byteOffset, HEADER_BYTES).getInt32(1);
  if (id < 0) throw fail('SCHEMA_FRAME', { reason: `the schema id is ${id}` });
  return { id, payload: value.subarray(HEADER_BYTES) };
}

/** Takes the indexes off the payload of a Protobuf record: the path to its message in the schema. Error: SCHEMA_BYTES. */
export function parseIndexes(
  payload: Uint8Array,
  id: number,
): { readonly path: readonly number[]; readonly at: number } {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = payload[at];
      if (byte === undefined || factor > 2 ** 28)
        throw fail('SCHEMA_BYTES', { id, reason: 'the message indexes are cut' });
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  };
  const count = next();
  if (count === 0) return { path: [0], at };
  if (count < 0 || count > MOST_INDEXES)
    throw fail('SCHEMA_BYTES', { id, reason: `the record names ${count} message indexes` });
  return { path: Array.from({ length: count }, next), at };
}
