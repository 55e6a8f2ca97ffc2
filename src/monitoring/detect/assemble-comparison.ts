import type { ExcludedColumn } from './choose-columns.ts';
import type { ComparedColumn } from './compare-column.ts';
import type { ComparedSide, Comparison, RuleCost, SliceComparison } from './comparison.ts';
import { type DriftRule, expectedFalseAlarms, parseDriftRule, ruleText } from './drift-rule.ts';
import { judgeFeatures } from './judge-features.ts';
import type { QualityFault } from './quality-fault.ts';

export interface ComparisonParts {
  readonly reference: ComparedSide;
  readonly current: ComparedSide;
  readonly rule: DriftRule;
  readonly windowsPerDay: number;
  readonly columns: readonly ComparedColumn[];
  readonly faults: readonly QualityFault[];
  readonly domain: { readonly auc: number; readonly shares: ReadonlyMap<string, number> } | null;
  readonly slices: readonly SliceComparison[];
  /** Columns that are not among `columns`. */
  readonly excluded: readonly ExcludedColumn[];
  readonly season?: Comparison['season'];
}

/** The rules that people ask for: every verdict shows their cost. */
const SEED_RULES = ['psi>0.2', 'ks<0.05'];

/** Judges the columns together and puts the comparison in order: drifted features first, by share of the root cause. */
export function assembleComparison(parts: ComparisonParts): Comparison {
  const { reference, current, rule, windowsPerDay, columns, faults, domain, slices } = parts;
  const judged = judgeFeatures(columns, rule);
  const features = judged
    .map((column) => ({ ...column, rootCauseShare: domain?.shares.get(column.name) ?? null }))
    .sort((a, b) => rank(a.state) - rank(b.state) || (b.effect?.debiasedPsi ?? 0) - (a.effect?.debiasedPsi ?? 0));
  const states = features.map(({ state }) => state);
  const drifted = states.includes('drift') || slices.some(({ state }) => state === 'drift');
  const quiet = states.includes('ok') ? 'ok' : 'insufficient';
  const calm = states.includes('inconclusive') ? 'inconclusive' : quiet;
  return {
    version: 1,
    reference,
    current,
    rule,
    verdict: faults.length > 0 ? 'fault' : drifted ? 'drift' : calm,
    faults,
    features,
    domainAuc: domain?.auc ?? null,
    falseAlarms: costs(columns, rule, windowsPerDay),
    windowsPerDay,
    slices,
    excluded: [
      ...parts.excluded,
      ...features.filter(({ state }) => state === 'excluded').map(({ name, reason }) => ({ name, reason })),
    ],
    season: parts.season ?? null,
  };
}

function rank(state: string): number {
  return ['drift', 'inconclusive', 'ok', 'insufficient', 'excluded'].indexOf(state);
}

function costs(columns: readonly ComparedColumn[], chosen: DriftRule, windowsPerDay: number): readonly RuleCost[] {
  const sizes = columns
    .filter(({ effect }) => effect !== null)
    .map(({ rows, bins }) => ({
      reference: rows.reference,
      current: rows.current,
      // A bin that is empty on both sides takes no part.
      bins: bins.reference.filter((count, i) => count + bins.current[i] > 0).length,
    }));
  const texts = new Set([...(chosen.kind === 'default' ? [] : [ruleText(chosen)]), ...SEED_RULES]);
  return [...texts].flatMap((text) => {
    const rule = parseDriftRule(text);
    const cost = expectedFalseAlarms(rule, sizes, windowsPerDay);
    const flagged = judgeFeatures(columns, rule).filter(({ state }) => state === 'drift').length;
    return cost === null ? [] : [{ rule: text, flagged, ...cost }];
  });
}
