import { varintAt as looseVarint, WireFault, wireFields } from '../../base/protobuf.ts';

/** A field of a message. */
export interface Field {
  readonly number: number;
  /** Of a varint; NaN where it is negative or beyond 2^53, and for the other types. */
  readonly whole: number;
  /** Of the other types. */
  readonly bytes: Uint8Array;
}

/** Reads one message whole. Error: WireFault. */
export function fieldsOf(bytes: Uint8Array): readonly Field[] {
  return [...wireFields(bytes)].map(({ number, wire, value, at, to }) => ({
    number,
    whole: wire === 0 && Number.isSafeInteger(value) ? value : Number.NaN,
    bytes: wire === 0 ? NOTHING : bytes.subarray(at, to),
  }));
}

const NOTHING = new Uint8Array(0);

/** A whole number of at most 2^53 and the place after it; negative ones are refused. Error: WireFault. */
export function varintAt(bytes: Uint8Array, at: number): ReturnType<typeof looseVarint> {
  const read = looseVarint(bytes, at);
  if (!Number.isSafeInteger(read.value)) throw new WireFault('a number is negative or beyond 2^53');
  return read;
}

/** The text of a field. Error: WireFault. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new WireFault('a text is no UTF-8');
  }
}

/** Keys and values of a map: repeated messages with the key in field 1 and the value in field 2. */
export function entriesOf(
  fields: readonly Field[],
  number: number,
): readonly (readonly [Field | null, Field | null])[] {
  return fields
    .filter((field) => field.number === number)
    .map(({ bytes }) => {
      const entry = fieldsOf(bytes);
      const of = (wanted: number) => entry.findLast((field) => field.number === wanted) ?? null;
      return [of(1), of(2)] as const;
    });
}
