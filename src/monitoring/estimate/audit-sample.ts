import { sha256Hex } from '../../base/hash/sha256.ts';

/** The same ids for the same seed, whatever their order: those with the smallest hashes. */
export function drawAudit(ids: readonly string[], size: number, seed: number): readonly string[] {
  return [...new Set(ids)]
    .map((id) => ({ id, hash: sha256Hex(`${seed}/${id}`) }))
    .sort((a, b) => (a.hash === b.hash ? (a.id < b.id ? -1 : 1) : a.hash < b.hash ? -1 : 1))
    .slice(0, size)
    .map(({ id }) => id);
}
