import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';

/** Metrics of realised losses, by task. */
export const LOSS_METRICS = { binary: ['brier'], regression: ['mae'] } as const;

/** Metrics that are estimated before the labels, by task. `accuracy_by_threshold` is by average thresholded confidence. */
const ESTIMATED_METRICS = {
  binary: ['auc', 'accuracy', 'precision', 'recall', 'f1', 'specificity', 'accuracy_by_threshold'],
  regression: ['mae', 'rmse'],
} as const;

type EstimatedMetric = (typeof ESTIMATED_METRICS)[keyof typeof ESTIMATED_METRICS][number];

/**
 * Detectors of a rise of the loss. DDM and EDDM are not among them: they compare with a historic extreme, so they alarm early and
 * then never.
 */
export const LOSS_DETECTORS = ['adwin', 'pageHinkley', 'cusum', 'hddmA', 'hddmW', 'bayesianOnline'] as const;

export type LossDetector = (typeof LOSS_DETECTORS)[number];

/**
 * Facts of scores: their distribution; the share of the positive class; the error of calibration, or the mean error of a number, with
 * realised labels; the scores of the shadow against those of the champion.
 */
const PREDICTION_FACTS = ['scores', 'classShares', 'calibration', 'shadow'] as const;

export type PredictionFact = (typeof PREDICTION_FACTS)[number];

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
      /** The compared facts: the distribution of the scores without it. */
      readonly on?: PredictionFact;
      readonly rule?: string;
    })
  | (Windowed & {
      /** A rise of the realised loss, once labels are mature. */
      readonly kind: 'conceptDrift';
      readonly metric?: (typeof LOSS_METRICS)[keyof typeof LOSS_METRICS][number];
      /** `adwin` without it. */
      readonly detector?: LossDetector;
      /** Labels between two false alarms, on average: the detector's parameter is solved from it. Without it the detector's usual one. */
      readonly runLength?: number;
      /** Features whose values are watched one by one as well: texts, whole numbers, true and false. */
      readonly slices?: readonly F[];
    })
  | (Windowed & {
      /** Quality before the labels: estimated from labelled predictions before, or "cannot tell". */
      readonly kind: 'estimatedQuality';
      /** `auc` of a binary task, `mae` of a regression. */
      readonly metric?: EstimatedMetric;
    });

/** A monitor with every default filled in. */
export interface ResolvedMonitor {
  readonly kind: (typeof KINDS)[number];
  /** Features that it looks at; empty: all. */
  readonly features: readonly string[];
  readonly rule: string;
  /** The fact that `predictionDrift` compares. */
  readonly on: PredictionFact;
  readonly metric: string;
  readonly detector: LossDetector;
  /** Labels between two false alarms; null: the detector's usual parameter. */
  readonly runLength: number | null;
  /** Features whose values have their own losses watched. */
  readonly slices: readonly string[];
  readonly windowMs: number;
  readonly k: number;
  readonly of: number;
}

const KINDS = ['featureDrift', 'predictionDrift', 'conceptDrift', 'estimatedQuality'] as const;
const OPTIONS: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  featureDrift: ['features', 'rule'],
  predictionDrift: ['on', 'rule'],
  conceptDrift: ['metric', 'detector', 'runLength', 'slices'],
  estimatedQuality: ['metric'],
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
  const metrics: readonly string[] = (kind === 'estimatedQuality' ? ESTIMATED_METRICS : LOSS_METRICS)[model.task];
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
    slices: slicesOf(model, names('slices'), refuse),
    rule,
    on: factOf(model, written['on'], refuse),
    metric,
    detector: detectorOf(written['detector'], refuse),
    runLength: runLengthOf(written['runLength'], refuse),
    windowMs: windowOf(model, written),
    k,
    of,
  };
}

type Refuse = (reason: string) => Error;

const SLICED = ['text', 'int', 'int64', 'bool'];

/** A slice is one value: of another type there are too many, or none is met twice. */
function slicesOf(model: Monitored, names: readonly string[], refuse: Refuse): readonly string[] {
  const other = model.service.features.find(({ name, type }) => names.includes(name) && !SLICED.includes(type.type));
  if (other === undefined) return names;
  throw refuse(`"${other.name}" in slices is of type ${other.type.type}; ${SLICED.join(', ')} have slices`);
}

function detectorOf(written: unknown, refuse: Refuse): LossDetector {
  const found = LOSS_DETECTORS.find((one) => one === (written ?? 'adwin'));
  if (found === undefined)
    throw refuse(`its detector is ${JSON.stringify(written)}; known are ${LOSS_DETECTORS.join(', ')}`);
  return found;
}

function factOf({ task }: Monitored, written: unknown, refuse: Refuse): PredictionFact {
  const found = PREDICTION_FACTS.find((one) => one === (written ?? 'scores'));
  if (found === undefined)
    throw refuse(`it is on ${JSON.stringify(written)}; known are ${PREDICTION_FACTS.join(', ')}`);
  if (found === 'classShares' && task !== 'binary') throw refuse('a number has no classes whose shares could drift');
  return found;
}

/** The name of a monitor in figures, lists and causes: its kind, with the fact or metric that tells it from others of this kind. */
export function monitorName({ kind, on, metric }: Pick<ResolvedMonitor, 'kind' | 'on' | 'metric'>): string {
  if (kind === 'estimatedQuality') return `${kind}-${metric}`;
  return kind === 'predictionDrift' && on !== 'scores' && on !== undefined ? `${kind}-${on}` : kind;
}

const LEAST_RUN = 100;
const MOST_RUN = 1_000_000_000;

function runLengthOf(written: unknown, refuse: Refuse): number | null {
  if (written === undefined || written === null) return null;
  if (typeof written === 'number' && written >= LEAST_RUN && written <= MOST_RUN) return written;
  throw refuse(
    `its runLength is ${JSON.stringify(written)}; it is a number of labels, from ${LEAST_RUN} to ${MOST_RUN}`,
  );
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
