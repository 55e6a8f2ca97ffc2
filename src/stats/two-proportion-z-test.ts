import { normalSf } from './distributions/normal.ts';

/**
 * The z test of two proportions with the pooled standard error, two-sided. Null without rows, z 0 and p 1 where all or
 * none are hits. `hits` of `rows` in each.
 */
export function twoProportionZTest(
  first: { readonly hits: number; readonly rows: number },
  second: { readonly hits: number; readonly rows: number },
): { readonly z: number; readonly p: number } | null {
  if (!(first.rows > 0 && second.rows > 0)) return null;
  const pooled = (first.hits + second.hits) / (first.rows + second.rows);
  const variance = pooled * (1 - pooled) * (1 / first.rows + 1 / second.rows);
  if (variance <= 0) return { z: 0, p: 1 };
  const z = (first.hits / first.rows - second.hits / second.rows) / Math.sqrt(variance);
  return { z, p: Math.min(1, 2 * normalSf(Math.abs(z))) };
}
