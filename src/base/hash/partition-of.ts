import { fnv1a32 } from './fnv.ts';

/**
 * The log partition of an event id: FNV-1a of its UTF-8 bytes, mixed by MurmurHash3's 32-bit finaliser (FNV alone
 * leaves near ids near), modulo the number of partitions. Stable for ever: a stored log depends on it.
 */
export function partitionOf(id: string, partitions: number): number {
  return mix(fnv1a32(id)) % partitions;
}

/** MurmurHash3 fmix32 (Appleby, public domain). */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
