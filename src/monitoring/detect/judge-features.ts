import { numberText } from '../../base/number-text.ts';
import { adjustedP } from '../../stats/multiple-testing.ts';
import type { ComparedColumn } from './compare-column.ts';
import type { DriftRule } from './drift-rule.ts';
import type { DriftState, VectorDistance } from './feature-comparison.ts';
import { whyExcluded } from './feature-kind.ts';

export interface JudgedColumn extends ComparedColumn {
  readonly state: DriftState;
  readonly reason: string;
}

/** An effect that matters: a shift of about a quarter of a standard deviation. */
export const LEAST_EFFECT = 0.05;
/** A shift of half a standard deviation: no verdict says that it is nothing. */
const LARGE_EFFECT = 0.25;
/** Chance of the two samples, rows taken as independent, below which they differ for certain. */
const CERTAIN = 0.001;
/** Share of false findings among the features of a window. */
const LEVEL = 0.05;
const LEAST_ROWS = 300;

/** Judges the features of one window together: evidence is adjusted for looking at all of them. */
export function judgeFeatures(columns: readonly ComparedColumn[], rule: DriftRule): readonly JudgedColumn[] {
  const tested = columns.filter((column) => column.evidence !== null && whyInsufficient(column, rule) === null);
  const adjusted = adjustedP(
    tested.map(({ evidence }) => evidence?.dependentP ?? 1),
    'benjamini-hochberg',
  );
  return columns.map((column) => {
    const at = tested.indexOf(column);
    const evidence =
      column.evidence === null || at === -1 ? column.evidence : { ...column.evidence, adjustedP: adjusted[at] };
    return { ...column, evidence, ...verdictOf({ ...column, evidence }, rule) };
  });
}

function verdictOf(column: ComparedColumn, rule: DriftRule): { state: DriftState; reason: string } {
  const excluded = column.kind === 'empty' ? null : whyExcluded(column.kind);
  if (excluded !== null) return { state: 'excluded', reason: excluded };
  const lacking = whyInsufficient(column, rule);
  if (lacking !== null) return { state: 'insufficient', reason: lacking };
  const { effect, evidence, vectors } = column;
  if (vectors) return vectorVerdict(vectors, evidence?.adjustedP ?? 1, rule);
  if (effect === null || evidence === null) return { state: 'insufficient', reason: 'nothing to compare' };
  if (rule.kind === 'psi') {
    const over = effect.psi > rule.above;
    return { state: over ? 'drift' : 'ok', reason: `PSI ${numberText(effect.psi)} ${over ? '>' : '≤'} ${rule.above}` };
  }
  if (rule.kind === 'ks') {
    const under = evidence.p < rule.below;
    return { state: under ? 'drift' : 'ok', reason: `p ${numberText(evidence.p)} ${under ? '<' : '≥'} ${rule.below}` };
  }
  return defaultVerdict(column, effect.debiasedPsi, evidence.adjustedP);
}

function defaultVerdict(
  { limit, outlier, evidence }: ComparedColumn,
  psi: number,
  p: number,
): { state: DriftState; reason: string } {
  if (outlier !== null && psi < LEAST_EFFECT)
    return { state: 'ok', reason: `an outlier (${numberText(outlier)}), the population did not move` };
  if (psi < LEAST_EFFECT) return { state: 'ok', reason: `effect ${numberText(psi)} below ${LEAST_EFFECT}` };
  const isWithin = limit !== null && (psi <= limit.psi || p > LEVEL);
  if (isWithin && psi >= LARGE_EFFECT && (evidence?.p ?? 1) < CERTAIN)
    return {
      state: 'inconclusive',
      reason: `effect ${numberText(psi)} is large, and the reference itself moves by ${numberText(limit.psi)}: compare with rows of the same season`,
    };
  if (p > LEVEL) return { state: 'ok', reason: `no evidence: adjusted p ${numberText(p)}` };
  if (limit !== null && psi <= limit.psi)
    return { state: 'ok', reason: `effect ${numberText(psi)} within the reference's own ${numberText(limit.psi)}` };
  const against = limit === null ? '' : ` > limit ${numberText(Math.max(limit.psi, LEAST_EFFECT))}`;
  return { state: 'drift', reason: `effect ${numberText(psi)}${against}, adjusted p ${numberText(p)}` };
}

/** Vectors have no PSI: a rule of one judges them as the default does. */
function vectorVerdict(
  { mmd, p, limit, domainAuc }: VectorDistance,
  adjustedP: number,
  rule: DriftRule,
): { state: DriftState; reason: string } {
  const cross = domainAuc === null ? '' : `, domain AUC ${numberText(domainAuc)}`;
  if (rule.kind === 'ks') {
    const under = p < rule.below;
    return {
      state: under ? 'drift' : 'ok',
      reason: `p ${numberText(p)} of MMD ${under ? '<' : '≥'} ${rule.below}${cross}`,
    };
  }
  if (adjustedP > LEVEL)
    return { state: 'ok', reason: `MMD ${numberText(mmd)}, no evidence: adjusted p ${numberText(adjustedP)}${cross}` };
  if (mmd <= limit)
    return { state: 'ok', reason: `MMD ${numberText(mmd)} within the reference's own ${numberText(limit)}${cross}` };
  return {
    state: 'drift',
    reason: `MMD ${numberText(mmd)} > limit ${numberText(limit)}, adjusted p ${numberText(adjustedP)}${cross}`,
  };
}

/** Why the rows do not suffice for a verdict; null: they do. */
function whyInsufficient(
  { rows, missing, bins, kind, evidence, effect, vectors }: ComparedColumn,
  rule: DriftRule,
): string | null {
  if (rows.reference === 0 || rows.current === 0) return 'no rows';
  if (missing.reference === rows.reference && missing.current === rows.current) return 'no values';
  if (vectors) {
    const compared = Math.min(...vectors.compared);
    return compared < LEAST_ROWS ? `${compared} vectors, ${LEAST_ROWS} are needed` : null;
  }
  if (evidence === null || effect === null) return kind === 'identifier' ? null : 'nothing to compare';
  if (rule.kind !== 'default') return null;
  const needed = Math.max(LEAST_ROWS, 10 * bins.frozen.count);
  const least = Math.min(rows.reference, rows.current);
  return least < needed ? `${least} rows, ${needed} are needed` : null;
}
