import { fnv1a32 } from './fnv.ts';
import { fmix32 } from './murmur3.ts';

/**
 * The log partition of an event id: FNV-1a of its UTF-8 bytes, mixed by MurmurHash3's 32-bit finaliser (FNV alone
 * leaves near ids near), modulo the number of partitions. Stable for ever: a stored log depends on it.
 */
export function partitionOf(id: string, partitions: number): number {
  return (fmix32(fnv1a32(id)) >>> 0) % partitions;
}
