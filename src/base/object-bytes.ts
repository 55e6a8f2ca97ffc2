// Bytes of memory by kind of value, in V8 without compressed pointers.
const OBJECT = 64;
const SLOT = 8;
const ENTRY = 48;
const TEXT = 24;
const VIEW = 340;
const BIG_INT = 32;

/** An object at a greater depth counts as one, without its members. */
const DEEPEST = 6;

/** About how many bytes of memory plain data take: numbers, texts, lists, maps, typed arrays and records of them. */
export function objectBytes(value: unknown, depth = DEEPEST): number {
  if (typeof value === 'string') return TEXT + 2 * value.length;
  if (typeof value === 'bigint') return BIG_INT;
  if (typeof value !== 'object' || value === null) return SLOT;
  if (ArrayBuffer.isView(value)) return VIEW + value.byteLength;
  if (depth === 0) return OBJECT;
  let bytes = OBJECT;
  if (value instanceof Map) for (const [key, of] of value) bytes += ENTRY + below(key, depth) + below(of, depth);
  else if (value instanceof Set) for (const of of value) bytes += ENTRY + below(of, depth);
  else if (Array.isArray(value)) for (const of of value) bytes += SLOT + below(of, depth);
  else for (const of of Object.values(value)) bytes += SLOT + below(of, depth);
  return bytes;
}

/** Numbers are in the slot. */
function below(value: unknown, depth: number): number {
  return typeof value === 'number' || value === null || value === undefined ? 0 : objectBytes(value, depth - 1);
}
