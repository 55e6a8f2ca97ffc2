import { numberText } from '../../base/number-text.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { countRows, readRows, type WindowRows } from '../cause/window-rows.ts';
import { LEAST_CHUNKS } from '../estimate/chunk-limits.ts';
import { type FittedEstimate, fitEstimate, isLoss } from '../estimate/fit-estimate.ts';
import { type EstimateAssumptions, trustInEstimate } from '../estimate/trust-in-estimate.ts';
import { assumptionsOf, inOrder } from '../estimate/window-estimate.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';

/** Predictions below which a window has no estimate. */
const LEAST_ROWS = 100;

/** The fit of a monitor, for as long as it judges the same windows. */
interface KeptFit {
  readonly version: number;
  readonly before: number;
  readonly known: WindowRows;
  readonly fitted: FittedEstimate | null;
}

/** The fits of a process that judges again and again, by model and monitor. */
export type EstimateMemory = Map<string, KeptFit>;

/**
 * Quality before the labels, window by window: an estimate that is fitted on the labelled predictions before the first window. It is in
 * drift where it is worse than the metric ever was between chunks of these rows. Where the assumptions do not hold there is no
 * number: `cannotTell`.
 */
export async function estimatedWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  spans: readonly Span[],
  { now, memory }: { readonly now: number; readonly memory: EstimateMemory | null },
): Promise<readonly MonitorWindow[]> {
  const [first] = spans;
  if (first === undefined) return [];
  const of = { model, version, now };
  const key = JSON.stringify([model.name, monitor]);
  const kept = memory?.get(key);
  const isKept = kept?.version === version && kept.before === first.from;
  const { known, fitted } = isKept ? kept : await fittedBefore(history, of, first.from, spans);
  memory?.set(key, { version, before: first.from, known, fitted });
  const windows: MonitorWindow[] = [];
  // One window is in memory at a time, and of one that has very many rows a sample.
  for (const span of spans) {
    const window = await readRows(history, { ...of, span, labelled: false });
    const rows = window.scores.length;
    if (rows < LEAST_ROWS) {
      const reason = rows === 0 ? 'no predictions' : `${rows} predictions, ${LEAST_ROWS} are needed`;
      windows.push(none(span, 'insufficient', reason, rows));
    } else windows.push(judged(span, window, { known, fitted, monitor, withinMs: model.label.withinMs }));
  }
  return windows;
}

async function fittedBefore(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  of: Pick<Parameters<typeof readRows>[1], 'model' | 'version' | 'now'>,
  before: number,
  spans: readonly Span[],
): Promise<Pick<KeptFit, 'known' | 'fitted'>> {
  const known = inOrder(await readRows(history, { ...of, span: { from: 0, to: before }, labelled: true }));
  const rows = known.scores.length;
  if (rows === 0) return { known, fitted: null };
  let inWindows = 0;
  for (const span of spans) inWindows += await countRows(history, { ...of, span, labelled: false });
  const usual = inWindows / Math.max(1, spans.length);
  // Chunks of the size of a window: the noise of both is the same.
  const chunkRows = Math.max(LEAST_ROWS, Math.min(Math.round(usual), Math.floor(rows / LEAST_CHUNKS)));
  return { known, fitted: fitEstimate(of.model.task, known, chunkRows) };
}

interface Fitted extends Pick<KeptFit, 'known' | 'fitted'> {
  readonly monitor: ResolvedMonitor;
  readonly withinMs: number;
}

function judged(span: Span, window: WindowRows, { known, fitted, monitor, withinMs }: Fitted): MonitorWindow {
  const assumptions = assumptionsOf(known, window, { lookBackMs: withinMs, at: span.to });
  const trust = trustInEstimate(assumptions);
  const rows = window.scores.length;
  const rests = restsOn(assumptions);
  const facts = { ...assumptions, trust: trust.state };
  if (trust.state === 'cannotTell' || fitted === null)
    return {
      ...none(span, 'cannotTell', `cannot tell: ${trust.reasons.join('; ')} (${rests})`, rows),
      assumptions: facts,
    };
  const { metric } = monitor;
  const value = fitted.estimate(window)[metric] ?? null;
  const limits = fitted.limits[metric] ?? null;
  if (value === null || limits === null)
    return {
      ...none(span, 'insufficient', `${metric} has no value or no limits here (${rests})`, rows),
      assumptions: facts,
    };
  const limit = isLoss(metric) ? limits.upper : limits.lower;
  const isWorse = isLoss(metric) ? value > limit : value < limit;
  const reason = `estimated ${metric} ${numberText(value)}, limit ${numberText(limit)} (${rests})`;
  return {
    ...none(span, isWorse ? 'drift' : 'ok', reason, rows),
    value,
    limit,
    drifted: isWorse ? [metric] : [],
    assumptions: facts,
  };
}

function restsOn({ calibrationRows, outsideShare, domainAuc, lastLabelAgeMs }: EstimateAssumptions): string {
  const age =
    lastLabelAgeMs === null
      ? 'no label has come'
      : `newest label of a prediction ${durationText(lastLabelAgeMs)} before`;
  const auc = domainAuc === null ? '' : `, domain AUC ${numberText(domainAuc)}`;
  return `${calibrationRows} labelled rows, ${numberText(outsideShare)} outside them${auc}, ${age}`;
}
