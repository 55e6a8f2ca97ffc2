import { numberText } from '../../base/number-text.ts';
import type { ShadowSummary } from './shadow-job.ts';

/** A comparison as one line. */
export function shadowText({
  version,
  path,
  rows,
  dropped,
  meanDifference,
  trouble,
  ...faults
}: ShadowSummary): string {
  const { errors, timeouts, nonFinite, outOfRange } = faults;
  const difference = meanDifference === null ? '' : `, mean difference ${numberText(meanDifference)}`;
  const early = trouble === null ? '' : `; it ended early: ${trouble}`;
  return `shadow version ${version}: ${rows - dropped} of ${rows} rows compared${difference}, ${errors} errors, ${timeouts} timeouts, ${nonFinite} not finite, ${outOfRange} out of range; scores in ${path}${early}`;
}
