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
    return { state: over ? 'drift' : 'ok', reason: `PSI ${short(effect.psi)} ${over ? '>' : '≤'} ${rule.above}` };
  }
  if (rule.kind === 'ks') {
    const under = evidence.p < rule.below;
    return { state: under ? 'drift' : 'ok', reason: `p ${short(evidence.p)} ${under ? '<' : '≥'} ${rule.below}` };
  }
  return defaultVerdict(column, effect.debiasedPsi, evidence.adjustedP);
}

function defaultVerdict(
  { limit, outlier, evidence }: ComparedColumn,
  psi: number,
  p: number,
): { state: DriftState; reason: string } {
  if (outlier !== null && psi < LEAST_EFFECT)
    return { state: 'ok', reason: `an outlier (${short(outlier)}), the population did not move` };
  if (psi < LEAST_EFFECT) return { state: 'ok', reason: `effect ${short(psi)} below ${LEAST_EFFECT}` };
  const isWithin = limit !== null && (psi <= limit.psi || p > LEVEL);
  if (isWithin && psi >= LARGE_EFFECT && (evidence?.p ?? 1) < CERTAIN)
    return {
      state: 'inconclusive',
      reason: `effect ${short(psi)} is large, and the reference itself moves by ${short(limit.psi)}: compare with rows of the same season`,
    };
  if (p > LEVEL) return { state: 'ok', reason: `no evidence: adjusted p ${short(p)}` };
  if (limit !== null && psi <= limit.psi)
    return { state: 'ok', reason: `effect ${short(psi)} within the reference's own ${short(limit.psi)}` };
  const against = limit === null ? '' : ` > limit ${short(Math.max(limit.psi, LEAST_EFFECT))}`;
  return { state: 'drift', reason: `effect ${short(psi)}${against}, adjusted p ${short(p)}` };
}

/** Vectors have no PSI: a rule of one judges them as the default does. */
function vectorVerdict(
  { mmd, p, limit, domainAuc }: VectorDistance,
  adjustedP: number,
  rule: DriftRule,
): { state: DriftState; reason: string } {
  const cross = domainAuc === null ? '' : `, domain AUC ${short(domainAuc)}`;
  if (rule.kind === 'ks') {
    const under = p < rule.below;
    return { state: under ? 'drift' : 'ok', reason: `p ${short(p)} of MMD ${under ? '<' : '≥'} ${rule.below}${cross}` };
  }
  if (adjustedP > LEVEL)
    return { state: 'ok', reason: `MMD ${short(mmd)}, no evidence: adjusted p ${short(adjustedP)}${cross}` };
  if (mmd <= limit)
    return { state: 'ok', reason: `MMD ${short(mmd)} within the reference's own ${short(limit)}${cross}` };
  return {
    state: 'drift',
    reason: `MMD ${short(mmd)} > limit ${short(limit)}, adjusted p ${short(adjustedP)}${cross}`,
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

/** A number in three digits. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}
