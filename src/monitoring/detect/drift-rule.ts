import { fail } from '../../base/errors/fail.ts';
import { chiSquareSf } from '../../stats/distributions/chi-square.ts';

/** When a feature has drifted. */
export type DriftRule =
  | { readonly kind: 'default' }
  /** The plain index over a fixed number. */
  | { readonly kind: 'psi'; readonly above: number }
  /** The p-value of KS (χ² for categories) below a fixed number, without correction. */
  | { readonly kind: 'ks'; readonly below: number };

/** Parses `default`, `psi>0.2` or `ks<0.05`. Error: DRIFT_RULE. */
export function parseDriftRule(text: string): DriftRule {
  const rule = text.replaceAll(' ', '').toLowerCase();
  if (rule === 'default') return { kind: 'default' };
  const [, name, sign, digits] = /^(psi|ks)([<>])([0-9.]{1,20})$/.exec(rule) ?? [];
  const number = Number(digits);
  if (name === undefined || !Number.isFinite(number))
    throw fail('DRIFT_RULE', { rule: text, reason: 'its form is another' });
  if (name === 'psi') {
    if (sign !== '>' || number <= 0)
      throw fail('DRIFT_RULE', { rule: text, reason: 'psi needs > and a number above 0' });
    return { kind: 'psi', above: number };
  }
  if (sign !== '<' || number <= 0 || number >= 1)
    throw fail('DRIFT_RULE', { rule: text, reason: 'ks needs < and a number between 0 and 1' });
  return { kind: 'ks', below: number };
}

export function ruleText(rule: DriftRule): string {
  if (rule.kind === 'default') return 'default';
  return rule.kind === 'psi' ? `psi>${rule.above}` : `ks<${rule.below}`;
}

/** Rows of both sides and bins of a feature. */
export interface FeatureSize {
  readonly reference: number;
  readonly current: number;
  readonly bins: number;
}

/** Alarms of a rule when nothing drifts. */
export interface FalseAlarms {
  /** Chance that at least one feature of one window alarms. */
  readonly perWindow: number;
  /** Alarms of features a day and a quarter. */
  readonly perDay: number;
  readonly perQuarter: number;
}

const DAYS_A_QUARTER = 365.25 / 4;

/**
 * Alarms to expect without drift, rows independent: KS fires at its level, below it where profiles are sketches; PSI > t by `psiChance`.
 * Dependent rows and seasons make both worse.
 */
export function expectedFalseAlarms(
  rule: DriftRule,
  features: readonly FeatureSize[],
  windowsPerDay: number,
): FalseAlarms | null {
  if (rule.kind === 'default') return null;
  const chances = features.map(({ reference, current, bins }) => {
    if (reference === 0 || current === 0 || bins < 2) return 0;
    return rule.kind === 'ks' ? rule.below : psiChance(rule.above, { reference, current, bins });
  });
  const perDay = chances.reduce((sum, chance) => sum + chance, 0) * windowsPerDay;
  const none = chances.reduce((product, chance) => product * (1 - chance), 1);
  return { perWindow: 1 - none, perDay, perQuarter: perDay * DAYS_A_QUARTER };
}

/**
 * P(PSI > above) without drift. PSI is about s·χ² with B − 1 degrees of freedom, s = 1/n + 1/m. The ½ that is added to each count takes
 * (1 + B/2n)² off the variance of a share, and the logarithm adds the factor 1 + e with e = B/2 · (n⁻² + m⁻²)/s. The tail is that of
 * (B − 1)/(1 + 2e) degrees, by simulation.
 */
function psiChance(above: number, { reference, current, bins }: FeatureSize): number {
  const [a, b] = [1 / reference, 1 / current];
  const excess = ((bins / 2) * (a * a + b * b)) / (a + b);
  const smoothed = (share: number) => share / (1 + (bins / 2) * share) ** 2;
  const mean = (bins - 1) * (smoothed(a) + smoothed(b)) * (1 + excess);
  const free = (bins - 1) / (1 + 2 * excess);
  return chiSquareSf((free * above) / mean, free);
}
