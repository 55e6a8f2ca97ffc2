/** The assumptions of an estimate without labels; it is never shown without them. */
export interface EstimateAssumptions {
  /** Labelled rows that it was fitted on. */
  readonly calibrationRows: number;
  /** Share of the window's rows whose score or a feature lies outside the reference. */
  readonly outsideShare: number;
  /** How well a classifier tells the window from the reference; null: not computed. */
  readonly domainAuc: number | null;
  /** Since the newest prediction whose label is known, ms; null: never. */
  readonly lastLabelAgeMs: number | null;
  /** How long labels are waited for at most, ms. */
  readonly lookBackMs: number;
}

export interface EstimateTrust {
  readonly state: 'estimate' | 'cannotTell';
  readonly reasons: readonly string[];
}

const MOST_OUTSIDE = 0.1;
const MOST_DOMAIN_AUC = 0.95;
const LEAST_ROWS = 1000;

/**
 * Whether an estimate is one. Measured: where windows moved to regions that the reference does not have, estimated accuracy
 * was wrong by 20 points and more, in either direction. Then, and after a long time without labels, there is no number.
 */
export function trustInEstimate(facts: EstimateAssumptions): EstimateTrust {
  const reasons: string[] = [];
  const { calibrationRows, outsideShare, domainAuc, lastLabelAgeMs, lookBackMs } = facts;
  if (calibrationRows < LEAST_ROWS)
    reasons.push(`${calibrationRows} labelled rows to calibrate on, ${LEAST_ROWS} are needed`);
  if (outsideShare > MOST_OUTSIDE)
    reasons.push(`${Math.round(outsideShare * 100)} % of rows lie outside the reference`);
  if (domainAuc !== null && domainAuc > MOST_DOMAIN_AUC)
    reasons.push(`the window is another population: domain AUC ${domainAuc.toFixed(2)}`);
  const shifted = domainAuc !== null && domainAuc > 0.8;
  if (shifted && (lastLabelAgeMs === null || lastLabelAgeMs > 2 * lookBackMs))
    reasons.push('the inputs moved long ago, and no label has come since');
  return { state: reasons.length === 0 ? 'estimate' : 'cannotTell', reasons };
}
