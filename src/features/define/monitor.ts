import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';

/** Metrics of realised losses, by task. */
export const LOSS_METRICS = { binary: ['brier'], regression: ['mae'] } as const;

/** Windows and persistence: an alarm needs `k` of the last `of` windows. */
interface Windowed {
  /** Length of a window; `1h`. */
  readonly window?: DurationText;
  readonly k?: number;
  readonly of?: number;
}

/** A monitor of a model, as it is declared. `F` are the names of its service's features. */
export type MonitorOptions<F extends string> =
  | (Windowed & {
      /** Faults of the data, and drift of the served features. */
      readonly kind: 'featureDrift';
      /** All features without it. */
      readonly features?: readonly F[];
      /** `default`, `psi>0.2` or `ks<0.05`, with numbers of your own. */
      readonly rule?: string;
    })
  | (Windowed & {
      /** Drift of the scores of the champion. */
      readonly kind: 'predictionDrift';
      readonly rule?: string;
    })
  | (Windowed & {
      /** A rise of the realised loss, once labels are mature. */
      readonly kind: 'conceptDrift';
      readonly metric?: (typeof LOSS_METRICS)[keyof typeof LOSS_METRICS][number];
    });

/** A monitor with every default filled in. */
export interface ResolvedMonitor {
  readonly kind: 'featureDrift' | 'predictionDrift' | 'conceptDrift';
  /** Features that it looks at; empty: all. */
  readonly features: readonly string[];
  readonly rule: string;
  readonly metric: string;
  readonly windowMs: number;
  readonly k: number;
  readonly of: number;
}

const KINDS = ['featureDrift', 'predictionDrift', 'conceptDrift'] as const;
const OPTIONS: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  featureDrift: ['features', 'rule'],
  predictionDrift: ['rule'],
  conceptDrift: ['metric'],
};
const COMMON = ['kind', 'window', 'k', 'of'];
const RULE = /^(default|psi>|ks<)([0-9.]{0,20})$/;

interface Monitored {
  readonly name: string;
  readonly task: 'binary' | 'regression';
  readonly service: {
    readonly features: readonly { readonly name: string; readonly type: Pick<ColumnSpec, 'type'> }[];
  };
}

/** Fills in defaults and refuses what no monitor does. Error: MODEL_MONITOR. */
export function resolveMonitor(model: Monitored, written: Readonly<Record<string, unknown>>): ResolvedMonitor {
  const refuse = (reason: string) => fail('MODEL_MONITOR', { model: model.name, reason });
  const kind = KINDS.find((one) => one === written['kind']);
  if (kind === undefined) throw refuse(`its kind is ${JSON.stringify(written['kind'])}; known are ${KINDS.join(', ')}`);
  const unknown = Object.keys(written).find((name) => !COMMON.includes(name) && !OPTIONS[kind].includes(name));
  if (unknown !== undefined) throw refuse(`${kind} has no option "${unknown}"`);
  const known = new Set(model.service.features.map(({ name }) => name));
  const names = (option: string): readonly string[] => {
    const value = written[option] ?? [];
    if (!Array.isArray(value)) throw refuse(`${option} is no list`);
    const foreign = value.find((name) => !known.has(String(name)));
    if (foreign !== undefined) throw refuse(`"${String(foreign)}" in ${option} is no feature of its service`);
    const time = model.service.features.find(({ name, type }) => type.type === 'time' && value.includes(name));
    if (time !== undefined)
      throw refuse(`"${time.name}" in ${option} is a time, which differs between any two windows`);
    return value.map(String);
  };
  const metrics: readonly string[] = LOSS_METRICS[model.task];
  const metric = String(written['metric'] ?? metrics[0]);
  if (!metrics.includes(metric))
    throw refuse(`metric "${metric}" does not fit a ${model.task} task; ${metrics.join(', ')} does`);
  const rule = String(written['rule'] ?? 'default').replaceAll(' ', '');
  if (!isRule(rule)) throw refuse(`its rule is "${rule}"; write default, psi>0.2 or ks<0.05`);
  const [k, of] = [wholeOf(written['k'], 2), wholeOf(written['of'], 3)];
  if (k === null || of === null || k > of)
    throw refuse(`k of ${String(written['of'] ?? 3)} windows must be whole, from 1, and at most all`);
  return {
    kind,
    features: names('features'),
    rule,
    metric,
    windowMs: windowOf(model, written),
    k,
    of,
  };
}

/** Whether drift can be judged by it: an index is above 0, a p-value between 0 and 1. */
function isRule(rule: string): boolean {
  const [, name, digits = ''] = RULE.exec(rule) ?? [];
  if (name === undefined || name === 'default') return name !== undefined && digits === '';
  const number = Number(digits);
  return number > 0 && number < (name === 'ks<' ? 1 : Number.POSITIVE_INFINITY);
}

function wholeOf(value: unknown, otherwise: number): number | null {
  const number = value ?? otherwise;
  return typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 1000 ? number : null;
}

function windowOf(model: Monitored, written: Readonly<Record<string, unknown>>): number {
  try {
    return parseDuration(String(written['window'] ?? '1h'), `a monitor of model ${model.name}`);
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    throw fail('MODEL_MONITOR', { model: model.name, reason: error.message }, error);
  }
}
