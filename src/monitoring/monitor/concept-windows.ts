import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { changePoint } from '../../stats/change-point.ts';
import { adwin } from '../../stats/detectors/adwin.ts';
import { changesOf } from '../../stats/detectors/detector.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';
import { type RealisedLoss, realisedLosses } from './realised-losses.ts';
import { servedSpan } from './window-profiles.ts';

/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;
const LEAST_LABELS = 100;

/** A window after a rise stays in drift while its loss is above the loss before by this many standard errors: one-sided 1 %. */
const ABOVE = 2.326;

/** Losses after a change that say whether it is a rise. */
const AFTER = 100;

/** A rise of the loss, and the losses before it. */
interface Rise {
  readonly at: number;
  /** When it began, epoch ms: the cut of the losses between the last change and `at`. */
  readonly beganAt: number;
  readonly before: Mean;
}

interface Mean {
  readonly mean: number;
  readonly variance: number;
  readonly n: number;
}

/**
 * A rise of the loss by ADWIN over all labelled predictions of the version. The window in which it is found is in drift, and each later
 * one whose own loss is still above the loss before the rise.
 */
export async function conceptWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  now: number,
): Promise<readonly MonitorWindow[]> {
  const served = await servedSpan(history, model, version);
  const [first, last] = [spans[0], spans.at(-1)];
  if (served === null || first === undefined || last === undefined)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const { losses } = await realisedLosses(model, history, version, { from: served.from, to: last.to }, now);
  const riseBefore = risesOf(losses);
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    const inSpan = losses.filter(({ at }) => at >= span.from && at < span.to);
    const { predictions } = await realisedLosses(model, history, version, span, now);
    const over = span.to + model.label.withinMs <= now;
    if (predictions === 0) windows.push(none(span, 'insufficient', 'no predictions'));
    else if (!over && inSpan.length < MATURE_SHARE * predictions)
      windows.push(
        none(span, 'immature', `${inSpan.length} of ${predictions} predictions have a label`, inSpan.length),
      );
    else if (inSpan.length < LEAST_LABELS)
      windows.push(none(span, 'insufficient', `${inSpan.length} labels, ${LEAST_LABELS} are needed`, inSpan.length));
    else windows.push(judged(span, inSpan, riseBefore(span.to), monitor));
  }
  return windows;
}

function judged(
  span: Span,
  losses: readonly RealisedLoss[],
  rise: Rise | null,
  { metric }: ResolvedMonitor,
): MonitorWindow {
  const own = meanOf(losses);
  const text = `${metric} ${own.mean.toPrecision(3)}`;
  const isDrift = rise !== null && (rise.at >= span.from || isAbove(own, rise.before));
  if (!isDrift) return none(span, 'ok', text, losses.length);
  const reason = `${text}, rose by ${new Date(rise.at).toISOString()} from ${rise.before.mean.toPrecision(3)}`;
  return { ...none(span, 'drift', reason, losses.length), drifted: [metric], changedAt: rise.beganAt };
}

/** The last change before an instant, if it was a rise: after a fall the loss is accepted as it is. */
function risesOf(losses: readonly RealisedLoss[]): (before: number) => Rise | null {
  const scale = scaleOf(losses);
  const found = changesOf(
    adwin(),
    losses.map(({ loss }) => Math.min(1, loss / scale)),
  );
  const changes = found.map((index, i) => {
    const from = i === 0 ? 0 : found[i - 1] + 1;
    const before = meanOf(losses.slice(from, Math.max(from + 1, index - AFTER)));
    const after = meanOf(losses.slice(Math.max(from, index - AFTER), index + 1));
    const cut = changePoint(losses.slice(from, index + 1).map(({ loss }) => loss)) ?? 0;
    return { at: losses[index].at, beganAt: losses[from + cut].at, before, isRise: after.mean > before.mean };
  });
  return (before) => {
    const last = changes.filter(({ at }) => at < before).at(-1);
    return last?.isRise === true ? last : null;
  };
}

function isAbove(own: Mean, before: Mean): boolean {
  const error = Math.sqrt(own.variance / own.n + before.variance / Math.max(1, before.n));
  return own.mean - before.mean > ABOVE * error;
}

function meanOf(losses: readonly RealisedLoss[]): Mean {
  const n = losses.length;
  if (n === 0) return { mean: 0, variance: 0, n };
  const mean = losses.reduce((sum, { loss }) => sum + loss, 0) / n;
  return { mean, variance: losses.reduce((sum, { loss }) => sum + (loss - mean) ** 2, 0) / n, n };
}

/** ADWIN takes values from 0 to 1: losses beyond the 99 % quantile count as it. */
function scaleOf(losses: readonly RealisedLoss[]): number {
  if (losses.length === 0) return 1;
  const sorted = Float64Array.from(losses, ({ loss }) => loss).sort();
  return Math.max(1e-12, sorted[Math.floor(0.99 * (sorted.length - 1))]);
}
