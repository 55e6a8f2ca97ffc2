import { numberText } from '../../base/number-text.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { type LabelCounts, labelCountsText, NO_LABELS, settledBefore, withLabel } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';
import { type LossesAsked, realisedLosses } from './realised-losses.ts';
import { factOf, type ScoreFact } from './score-fact.ts';
import { firstAnswers, SCORE_CHUNKS } from './score-reference.ts';
import { seasonalLimits, type UsualLimits, type UsualValues } from './seasonal-limits.ts';
import { servedSpan } from './window-profiles.ts';

/** Rows below which a window has no fact, and first windows with one below which there is no limit. */
const LEAST_ROWS = 100;
const LEAST_CHUNKS = 3;
/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;

/** Facts of first windows whose labels have had their time, of a process that judges again and again. */
export type FactMemory = Map<string, UsualValues>;

/**
 * Class shares or calibration of the scores of a version, window by window, against its first answers: those of ten windows, later of two days
 * and of two weeks, by hour of the day or of the week where these differ. Calibration needs the labels of the windows.
 */
export async function scoreFactWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  { now, memory }: { readonly now: number; readonly memory: FactMemory },
): Promise<readonly MonitorWindow[]> {
  const served = await servedSpan(history, model, version);
  if (served === null)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const { windowMs } = monitor;
  const fact = factOf(model, monitor);
  const of = { model, version, now };
  const settled = settledBefore(model.label, now);
  // Windows of the reference begin as judged ones do, so that each has a place in the day.
  const since = Math.floor(served.from / windowMs) * windowMs;
  const usualIn = async (first: Span): Promise<UsualValues> => {
    const key = JSON.stringify([model.name, version, fact.name, windowMs, first]);
    const known = memory.get(key);
    if (known !== undefined) return known;
    const values = await factsOf(history, { ...of, ...first }, fact, windowMs);
    const usual = {
      from: first.from,
      windowMs,
      values: values.map((one) => (one.known < LEAST_ROWS ? null : one.value)),
    };
    if (first.to <= settled) memory.set(key, usual);
    return usual;
  };
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    const first = firstAnswers(since, windowMs, span);
    if (first === null) {
      const reason = `the first ${SCORE_CHUNKS} windows of version ${version} are its reference`;
      windows.push(none(span, 'insufficient', reason));
      continue;
    }
    const usual = await usualIn(first);
    const isEnough = usual.values.filter((value) => value !== null).length >= LEAST_CHUNKS;
    const limits = isEnough ? (seasonalLimits(usual)?.(span) ?? null) : null;
    const [counts] = await factsOf(history, { ...of, ...span }, fact, windowMs);
    windows.push(judged(span, counts, { fact, limits, isOver: span.to <= settled }));
  }
  return windows;
}

interface Judging {
  readonly fact: ScoreFact;
  readonly limits: UsualLimits | null;
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
    ...none(
      span,
      isDrift ? 'drift' : 'ok',
      `${fact.name} ${numberText(value)}, usually ${range}${seasonText(limits)}`,
      known,
    ),
    value,
    limit: isHigh || !fact.isTwoSided ? limits.upper : limits.lower,
    drifted: isDrift ? [fact.name] : [],
  };
}

function seasonText({ season }: UsualLimits): string {
  return season === null ? '' : ` at this time of the ${season}`;
}

/** A window as counts; no row is kept. */
interface WindowFact {
  readonly labels: LabelCounts;
  /** Rows that the fact is of. */
  readonly known: number;
  readonly value: number | null;
}

/** The facts of the windows of a span, one after the other. The counts of one window are in memory at a time. */
async function factsOf(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  asked: LossesAsked,
  fact: ScoreFact,
  windowMs: number,
): Promise<readonly WindowFact[]> {
  const facts: WindowFact[] = [];
  const fresh = () => ({ counter: fact.count(), labels: NO_LABELS, known: 0 });
  let open = fresh();
  const close = () => {
    facts.push({ labels: open.labels, known: open.known, value: open.counter.value() });
    open = fresh();
  };
  for await (const batch of realisedLosses(history, asked))
    for (const { at, score, state, label } of batch) {
      if (!Number.isFinite(score)) continue;
      while (at >= asked.from + (facts.length + 1) * windowMs) close();
      open.labels = withLabel(open.labels, state);
      if (fact.needsLabels && label === null) continue;
      open.known += 1;
      open.counter.add(score, label ?? 0);
    }
  while (facts.length < Math.max(1, Math.round((asked.to - asked.from) / windowMs))) close();
  return facts;
}
