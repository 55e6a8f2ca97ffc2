import { numberText } from '../../base/number-text.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { type DriftRule, expectedFalseAlarms, type FalseAlarms, parseDriftRule } from '../detect/drift-rule.ts';
import { monitorsOf } from './judge-windows.ts';

const DAY_MS = 86_400_000;
/** Bins of a number, and one of missing values. */
const BINS = 11;
/** Rows of a window that are priced where the rule depends on them; the reference has ten times as many. */
const ROWS = [100, 300, 1000, 10_000];
const REFERENCE = 10;

/** The alarms of a declared rule when nothing drifts, before `k` of `of` windows. */
export interface RuleCost {
  readonly model: string;
  readonly kind: string;
  readonly rule: string;
  readonly features: number;
  readonly windowsPerDay: number;
  /** By rows of a window; null: whatever they are. */
  readonly costs: readonly (FalseAlarms & { readonly rows: number | null })[];
}

/** Prices every declared rule other than the default. Error: MODEL_MONITOR. */
export function ruleCosts(models: readonly ModelData[]): readonly RuleCost[] {
  return models.flatMap((model) =>
    monitorsOf(model).flatMap(({ kind, rule: text, features: named, windowMs }): RuleCost[] => {
      const rule = parseDriftRule(text);
      if (rule.kind === 'default') return [];
      const features = kind === 'predictionDrift' ? 1 : named.length || comparedOf(model);
      const windowsPerDay = DAY_MS / windowMs;
      const costs = (rule.kind === 'ks' ? [null] : ROWS).flatMap((rows) => {
        const cost = costOf(rule, features, rows ?? 1, windowsPerDay);
        return cost === null ? [] : [{ rows, ...cost }];
      });
      return [{ model: model.name, kind, rule: text, features, windowsPerDay, costs }];
    }),
  );
}

export function ruleCostText({ model, kind, rule, features, windowsPerDay, costs }: RuleCost): string {
  const alarms = costs.map(({ rows, perDay, perQuarter }) => {
    const at = rows === null ? '' : `at ${rows} rows of a window `;
    return `${at}${numberText(perDay)} false alarms a day, ${numberText(perQuarter)} a quarter`;
  });
  return `${kind} of ${model}, rule ${rule}, ${features} feature${features === 1 ? '' : 's'}, ${numberText(windowsPerDay)} windows a day: without drift ${alarms.join('; ')}`;
}

function costOf(rule: DriftRule, features: number, rows: number, windowsPerDay: number): FalseAlarms | null {
  const size = { reference: REFERENCE * rows, current: rows, bins: BINS };
  return expectedFalseAlarms(rule, Array(features).fill(size), windowsPerDay);
}

/** Features that a monitor without names compares: times are not. */
function comparedOf({ service }: ModelData): number {
  return service.features.filter(({ type }) => type.type !== 'time').length;
}
