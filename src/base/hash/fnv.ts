/**
 * 32-bit FNV-1a of a text's UTF-8 bytes, as an unsigned number.
 * Source: Fowler, Noll, Vo; draft-eastlake-fnv (offset basis 0x811c9dc5, prime 0x01000193).
 */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return fnv1a32Bytes(encoder.encode(text));
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return hash >>> 0;
}

/** 32-bit FNV-1a of bytes, as an unsigned number. */
export function fnv1a32Bytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

const encoder = new TextEncoder();
