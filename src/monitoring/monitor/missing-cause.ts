import type { QualityFault } from '../detect/quality-fault.ts';
import type { ArrivalCounts } from './arrival-counts.ts';

/** Windows before this one that know the usual number of requests. */
const WINDOWS = 12;
/** Requests of this share of the usual number are fewer. */
const FEWER = 2 / 3;
/** Missing rows may be this many times the expected ones, and this many standard deviations of a count above. */
const MOST_TIMES = 1.5;
const DEVIATIONS = 3;

/** A window whose requests are counted. */
interface CountedWindow {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
}

/**
 * Why missing values are a consequence and no cause; null: they are a cause. Their share rises without any fault where sound rows stay away:
 * then there are no more missing rows than usual. And a source whose own rows did not come is the cause for its features.
 */
export function causeOfMissing(
  { kind, columns, rows, was }: QualityFault,
  { from, to, rows: judged }: CountedWindow,
  requests: Pick<ArrivalCounts, 'countOf' | 'since'> | null,
  stopped: readonly QualityFault[],
): string | null {
  if (kind !== 'missing') return null;
  const source = stopped.find((one) => columns.every((name) => one.columns.includes(name)));
  if (source !== undefined) return `the rows of ${source.source} did not come`;
  if (requests === null || rows === null || was === undefined || judged === 0) return null;
  const now = requests.countOf(from);
  const before = Array.from({ length: WINDOWS }, (_, i) => from - (i + 1) * (to - from)).filter(
    (begin) => begin >= requests.since,
  );
  const usual = Math.max(0, ...before.map((begin) => requests.countOf(begin)));
  if (now >= FEWER * usual) return null;
  const expected = was * usual;
  const missing = (rows / judged) * now;
  if (missing > MOST_TIMES * expected + DEVIATIONS * Math.sqrt(expected)) return null;
  return `${now} requests came where ${usual} did: no more of them lack it than before`;
}
