import { md5Hex } from '../../base/hash/md5.ts';

/**
 * HyperLogLog by its SQL definition, on hexadecimal text: bucket `SUBSTRING(m, 1, 3)`, rank from
 * `z = TRIM(LEADING '0' FROM SUBSTRING(m, 4, 13))`, the greatest by bucket; the classic estimate over 4,096 buckets.
 */
export function naiveEstimate(texts: readonly string[]): number {
  const registers = new Map<string, number>();
  for (const text of texts) {
    const hash = md5Hex(text);
    const bucket = hash.slice(0, 3);
    registers.set(bucket, Math.max(registers.get(bucket) ?? 0, rankOf(hash.slice(3, 16).replace(/^0+/, ''))));
  }
  const empty = 4096 - registers.size;
  const byRank = [...registers.values()].sort((a, b) => a - b);
  const harmonic = byRank.reduce((sum, rank) => sum + 2 ** -rank, empty);
  const raw = ((0.7213 / (1 + 1.079 / 4096)) * 4096 * 4096) / harmonic;
  return raw <= 2.5 * 4096 && empty > 0 ? 4096 * Math.log(4096 / empty) : raw;
}

function rankOf(z: string): number {
  const [digit = ''] = z;
  const within = z === '' || digit >= '8' ? 1 : digit >= '4' ? 2 : digit >= '2' ? 3 : 4;
  return 4 * (13 - z.length) + within;
}
