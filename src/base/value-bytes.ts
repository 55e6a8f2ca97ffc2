/** Bytes of an object, with its reference. */
const OBJECT_BYTES = 40;

/** About the bytes that a value takes in a column of values in memory. Hot path. */
export function valueBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return OBJECT_BYTES + value.length;
    case 'bigint':
      return OBJECT_BYTES;
    case 'object':
      return value === null ? 12 : objectBytes(value);
    default:
      return 12;
  }
}

function objectBytes(value: object): number {
  if (ArrayBuffer.isView(value)) return 2 * OBJECT_BYTES + value.byteLength;
  let bytes = OBJECT_BYTES;
  if (Array.isArray(value)) for (const one of value) bytes += valueBytes(one);
  else bytes += OBJECT_BYTES;
  return bytes;
}
