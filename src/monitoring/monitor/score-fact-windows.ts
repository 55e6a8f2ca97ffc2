import { numberText } from '../../base/number-text.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { type LabelCounts, labelCountsText, NO_LABELS, settledBefore, withLabel } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { type ChunkLimits, chunkLimits } from '../estimate/chunk-limits.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';
import { type LossesAsked, realisedLosses } from './realised-losses.ts';
import { factOf, type ScoreFact } from './score-fact.ts';
import { servedSpan } from './window-profiles.ts';

/** The first windows of a version: how much a fact moves by itself. */
const CHUNKS = 10;
/** Rows below which a window has no fact, and first windows with one below which there is no limit. */
const LEAST_ROWS = 100;
const LEAST_CHUNKS = 3;
/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;

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
  const read = (span: Span) => countsOf(history, { model, version, ...span, now }, fact);
  const first: (number | null)[] = [];
  for (let i = 0; i < CHUNKS; i += 1) {
    const from = served.from + i * monitor.windowMs;
    const { known, value } = await read({ from, to: from + monitor.windowMs });
    first.push(known < LEAST_ROWS ? null : value);
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

function judged(span: Span, counts: WindowFact, { fact, limits, isOver }: Judging): MonitorWindow {
  const { labels, known, value } = counts;
  const rows = labels.predictions;
  if (rows === 0) return none(span, 'insufficient', 'no predictions');
  if (fact.needsLabels && !isOver && known < MATURE_SHARE * rows)
    return none(span, 'immature', labelCountsText(labels), known);
  if (known < LEAST_ROWS) return none(span, 'insufficient', `${known} rows, ${LEAST_ROWS} are needed`, known);
  if (limits === null)
    return none(span, 'insufficient', `the first windows have too few rows for a limit of the ${fact.name}`, known);
  if (value === null) return none(span, 'insufficient', `${known} rows are too few`, known);
  const isHigh = value > limits.upper;
  const isDrift = isHigh || (fact.isTwoSided && value < limits.lower);
  const range = fact.isTwoSided
    ? `${numberText(limits.lower)} to ${numberText(limits.upper)}`
    : `at most ${numberText(limits.upper)}`;
  return {
    ...none(span, isDrift ? 'drift' : 'ok', `${fact.name} ${numberText(value)}, usually ${range}`, known),
    value,
    limit: isHigh || !fact.isTwoSided ? limits.upper : limits.lower,
    drifted: isDrift ? [fact.name] : [],
  };
}

function limitsOf(values: readonly (number | null)[]): ChunkLimits | null {
  return chunkLimits(values, -Number.MAX_VALUE, Number.MAX_VALUE);
}

/** A window as counts; no row is kept. */
interface WindowFact {
  readonly labels: LabelCounts;
  /** Rows that the fact is of. */
  readonly known: number;
  readonly value: number | null;
}

async function countsOf(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  asked: LossesAsked,
  fact: ScoreFact,
): Promise<WindowFact> {
  const counter = fact.count();
  let [labels, known] = [NO_LABELS, 0];
  for await (const batch of realisedLosses(history, asked))
    for (const { score, state, label } of batch) {
      if (!Number.isFinite(score)) continue;
      labels = withLabel(labels, state);
      if (fact.needsLabels && label === null) continue;
      known += 1;
      counter.add(score, label ?? 0);
    }
  return { labels, known, value: counter.value() };
}
