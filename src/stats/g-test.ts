import { type ContingencyTest, expectedCounts } from './chi-square-test.ts';
import { chiSquareSf } from './distributions/chi-square.ts';

/** The likelihood-ratio test of a 2 × K table: 2·Σ O·ln(O/E). Null where a row has no count. */
export function gTest(a: ArrayLike<number>, b: ArrayLike<number>): ContingencyTest | null {
  const table = expectedCounts(a, b);
  if (table === null) return null;
  let sum = 0;
  for (const [seen, expected] of table.pairs) if (seen > 0) sum += seen * Math.log(seen / expected);
  const statistic = Math.max(0, 2 * sum);
  return { statistic, df: table.df, p: chiSquareSf(statistic, table.df) };
}
