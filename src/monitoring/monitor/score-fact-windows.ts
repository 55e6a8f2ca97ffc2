import { numberText } from '../../base/number-text.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { labelCountsText, NO_LABELS, settledBefore, withLabel } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { expectedCalibrationError } from '../../stats/expected-calibration-error.ts';
import { type ChunkLimits, chunkLimits } from '../estimate/chunk-limits.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';
import { type RealisedLoss, realisedLosses } from './realised-losses.ts';
import { servedSpan } from './window-profiles.ts';

/** The first windows of a version: how much a fact moves by itself. */
const CHUNKS = 10;
/** Rows below which a window has no fact, and first windows with one below which there is no limit. */
const LEAST_ROWS = 100;
const LEAST_CHUNKS = 3;
/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;
const BINS = 10;
/** A score from here on is the positive class. */
const THRESHOLD = 0.5;

/** One number of the scores of a window, and the labels that it needs. */
interface ScoreFact {
  readonly name: string;
  readonly needsLabels: boolean;
  /** Null: too few rows. */
  readonly of: (rows: readonly RealisedLoss[]) => number | null;
  /** Whether a lower value is drift, too. */
  readonly isTwoSided: boolean;
}

const CLASS_SHARE: ScoreFact = {
  name: 'share of the positive class',
  needsLabels: false,
  isTwoSided: true,
  of: (rows) => rows.reduce((sum, { score }) => sum + (score >= THRESHOLD ? 1 : 0), 0) / rows.length,
};

/** Expected calibration error over ten bins of equally many rows. */
const CALIBRATION: ScoreFact = {
  name: 'calibration error',
  needsLabels: true,
  isTwoSided: false,
  of: (rows) =>
    expectedCalibrationError(
      Float64Array.from(rows, ({ score }) => score),
      Float64Array.from(rows, ({ label }) => label ?? 0),
      BINS,
    ),
};

/** A number is calibrated where it is right on average. */
const BIAS: ScoreFact = {
  name: 'mean error',
  needsLabels: true,
  isTwoSided: true,
  of: (rows) => rows.reduce((sum, { score, label }) => sum + score - (label ?? 0), 0) / rows.length,
};

function factOf({ task }: Pick<ModelData, 'task'>, { on }: Pick<ResolvedMonitor, 'on'>): ScoreFact {
  if (on === 'classShares') return CLASS_SHARE;
  return task === 'binary' ? CALIBRATION : BIAS;
}

/**
 * Class shares or calibration of the scores of a version, window by window, against its first ten windows: mean ± 3 standard deviations
 * of these. Calibration needs the labels of the windows.
 */
export async function scoreFactWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  now: number,
): Promise<readonly MonitorWindow[]> {
  const served = await servedSpan(history, model, version);
  if (served === null)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const fact = factOf(model, monitor);
  const read = (span: Span) => rowsOf(model, history, version, span, now);
  const first: (number | null)[] = [];
  for (let i = 0; i < CHUNKS; i += 1) {
    const from = served.from + i * monitor.windowMs;
    const known = usable(await read({ from, to: from + monitor.windowMs }), fact);
    first.push(known.length < LEAST_ROWS ? null : fact.of(known));
  }
  const limits = first.filter((value) => value !== null).length < LEAST_CHUNKS ? null : limitsOf(first);
  const until = served.from + CHUNKS * monitor.windowMs;
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    if (span.from < until) {
      windows.push(none(span, 'insufficient', `the first ${CHUNKS} windows of version ${version} are its reference`));
      continue;
    }
    const isOver = span.to <= settledBefore(model.label, now);
    windows.push(judged(span, await read(span), { fact, limits, isOver }));
  }
  return windows;
}

interface Judging {
  readonly fact: ScoreFact;
  readonly limits: ChunkLimits | null;
  readonly isOver: boolean;
}

function judged(span: Span, rows: readonly RealisedLoss[], { fact, limits, isOver }: Judging): MonitorWindow {
  const known = usable(rows, fact);
  if (rows.length === 0) return none(span, 'insufficient', 'no predictions');
  if (fact.needsLabels && !isOver && known.length < MATURE_SHARE * rows.length)
    return none(span, 'immature', countsText(rows), known.length);
  if (known.length < LEAST_ROWS)
    return none(span, 'insufficient', `${known.length} rows, ${LEAST_ROWS} are needed`, known.length);
  if (limits === null)
    return none(
      span,
      'insufficient',
      `the first windows have too few rows for a limit of the ${fact.name}`,
      known.length,
    );
  const value = fact.of(known);
  if (value === null) return none(span, 'insufficient', `${known.length} rows are too few`, known.length);
  const isHigh = value > limits.upper;
  const isDrift = isHigh || (fact.isTwoSided && value < limits.lower);
  const range = fact.isTwoSided
    ? `${numberText(limits.lower)} to ${numberText(limits.upper)}`
    : `at most ${numberText(limits.upper)}`;
  return {
    ...none(span, isDrift ? 'drift' : 'ok', `${fact.name} ${numberText(value)}, usually ${range}`, known.length),
    value,
    limit: isHigh || !fact.isTwoSided ? limits.upper : limits.lower,
    drifted: isDrift ? [fact.name] : [],
  };
}

function countsText(rows: readonly RealisedLoss[]): string {
  return labelCountsText(rows.reduce((counts, { state }) => withLabel(counts, state), NO_LABELS));
}

function usable(rows: readonly RealisedLoss[], { needsLabels }: ScoreFact): readonly RealisedLoss[] {
  return needsLabels ? rows.filter(({ label }) => label !== null) : rows;
}

function limitsOf(values: readonly (number | null)[]): ChunkLimits | null {
  return chunkLimits(values, -Number.MAX_VALUE, Number.MAX_VALUE);
}

async function rowsOf(
  model: ModelData,
  history: OfflineStore,
  version: number,
  span: Span,
  now: number,
): Promise<readonly RealisedLoss[]> {
  const rows: RealisedLoss[] = [];
  for await (const batch of realisedLosses(history, { model, version, ...span, now })) rows.push(...batch);
  return rows.filter(({ score }) => Number.isFinite(score));
}
