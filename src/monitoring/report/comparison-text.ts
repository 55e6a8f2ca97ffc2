import { numberText } from '../../base/number-text.ts';
import type { ExcludedColumn } from '../detect/choose-columns.ts';
import type { Comparison, RuleCost, SliceComparison } from '../detect/comparison.ts';
import { ruleText } from '../detect/drift-rule.ts';
import type { FeatureComparison } from '../detect/feature-comparison.ts';

/** Features that are printed in full where few drifted. */
const MOST_LINES = 40;

/** A comparison for a terminal: the verdict first. */
export function comparisonText(comparison: Comparison): string {
  const { verdict, reference, current, rule, faults, features, domainAuc, slices, season } = comparison;
  const drifted = features.filter(({ state }) => state === 'drift');
  const lines = [
    `${verdict.toUpperCase()}: ${verdictText(comparison)}`,
    `reference ${reference.name} (${reference.rows} rows), current ${current.name} (${current.rows} rows), rule ${ruleText(rule)}`,
    ...faults.map(({ kind, columns, text }) => `  fault   ${kind.padEnd(9)} ${columns.join(', ')}: ${text}`),
    '',
    table(features.slice(0, Math.max(MOST_LINES, drifted.length))),
    ...(features.length > MOST_LINES ? [`… ${features.length - MOST_LINES} more; --json has all`] : []),
    '',
    ...(season === null ? [] : [`compared with ${season.rows} reference rows of the same hours of the ${season.of}`]),
    ...(domainAuc === null
      ? []
      : [`current rows differ from reference rows: domain AUC ${numberText(domainAuc)} (.5: not at all)`]),
    ...excludedLines(comparison.excluded),
    ...slices.filter(({ state }) => state === 'drift').map(sliceText),
    ...comparison.falseAlarms.map((cost) => costText(cost, comparison)),
  ];
  return lines.join('\n');
}

/** Columns that are not looked at, by their reason. */
export function excludedLines(excluded: readonly ExcludedColumn[]): readonly string[] {
  const byReason = Map.groupBy(excluded, ({ reason }) => reason);
  return [...byReason].map(([reason, all]) => `not compared: ${all.map(({ name }) => name).join(', ')} (${reason})`);
}

function verdictText({ faults, features, verdict, slices }: Comparison): string {
  const drifted = features.filter(({ state }) => state === 'drift').length;
  const unsure = features.filter(({ state }) => state === 'inconclusive').length;
  const judged = features.filter(({ state }) => state === 'drift' || state === 'ok').length + unsure;
  const also = unsure === 0 ? '' : `, ${unsure} inconclusive: the reference itself moves as far`;
  const text = `${drifted} of ${judged} features drifted${also}`;
  const inSlices = slices.filter(({ state }) => state === 'drift').length;
  const sliced = inSlices === 0 ? '' : `, and ${inSlices} slices`;
  if (verdict === 'fault')
    return `${faults.length} fault${faults.length === 1 ? '' : 's'} of the data; see to them before drift. ${text}${sliced}`;
  if (verdict === 'insufficient') return 'too few rows or values to judge any feature';
  return `${text}${sliced}`;
}

function costText(cost: RuleCost, { windowsPerDay }: Comparison): string {
  const { rule, flagged, perDay, perQuarter } = cost;
  return `rule ${rule}: flags ${flagged} here; without drift ${numberText(perDay)} false alarms a day, ${numberText(perQuarter)} a quarter (${windowsPerDay} window${windowsPerDay === 1 ? '' : 's'} a day, rows independent)`;
}

function sliceText({ column, value, rows, drifted }: SliceComparison): string {
  return `slice ${column}=${value} (${rows.reference} → ${rows.current} rows): ${drifted.map(({ name }) => name).join(', ')}`;
}

const featureHeads = ['feature', 'kind', 'state', 'PSI', 'JS', 'W1/σ', 'shift', 'adj. p', 'missing', 'share', 'why'];

function featureCells(feature: FeatureComparison): readonly string[] {
  const { name, kind, state, effect, evidence, missing, rows, rootCauseShare, reason } = feature;
  const rate = (count: number, of: number) => (of === 0 ? '–' : `${numberText((100 * count) / of)}%`);
  return [
    name,
    kind,
    state,
    effect === null ? '–' : numberText(effect.debiasedPsi),
    effect === null ? '–' : numberText(effect.jensenShannon),
    effect?.wasserstein == null ? '–' : numberText(effect.wasserstein),
    effect?.meanShift == null ? '–' : `${effect.meanShift > 0 ? '+' : ''}${numberText(effect.meanShift)}σ`,
    evidence === null ? '–' : numberText(evidence.adjustedP),
    `${rate(missing.reference, rows.reference)}→${rate(missing.current, rows.current)}`,
    rootCauseShare === null ? '–' : `${Math.round(rootCauseShare * 100)}%`,
    reason,
  ];
}

function table(features: readonly FeatureComparison[]): string {
  const rows = [featureHeads, ...features.map(featureCells)];
  const widths = featureHeads.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => cell.padEnd(widths[c]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
