import { numberText } from '../../base/number-text.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { type LabelCounts, labelCountsText, NO_LABELS, settledBefore, withLabel } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';
import { detectorOf } from './loss-detector.ts';
import { type LossMemory, type RememberedWatch, rememberedWatch } from './loss-memory.ts';
import type { LossChange } from './loss-watch.ts';
import { type RealisedLoss, realisedLosses } from './realised-losses.ts';
import { MOST_SLICES } from './sliced-watch.ts';
import { servedSpan } from './window-profiles.ts';

/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;
const LEAST_LABELS = 100;

/** A window after a rise stays in drift while its loss is above the loss before by this many standard errors: one-sided 1 %. */
const ABOVE = 2.326;

/** The predictions of a window and the losses that are known, whole and by value of each sliced feature. */
interface Realised {
  labels: LabelCounts;
  losses: Moments;
  readonly slices: readonly Map<string, Moments>[];
}

/**
 * A rise of the loss by a detector over all labelled predictions of the version. The window in which it is found is in drift, and
 * each later one whose own loss is still above the loss before the rise. A rise in a slice counts as one of the whole. Losses are read as a stream, and with a memory only
 * those since labels are final: neither memory nor reads grow with the age of the version.
 */
export async function conceptWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  { now, memory }: { readonly now: number; readonly memory: LossMemory | null },
): Promise<readonly MonitorWindow[]> {
  const served = await servedSpan(history, model, version);
  const [first, last] = [spans[0], spans.at(-1)];
  if (served === null || first === undefined || last === undefined)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const { slices } = monitor;
  const found = spans.map(
    (): Realised => ({ labels: NO_LABELS, losses: NO_MOMENTS, slices: slices.map(() => new Map<string, Moments>()) }),
  );
  const remembered = await rememberedWatch(
    memory,
    { model, version, monitor, history, first, now },
    { whole: detectorOf(monitor), slice: detectorOf(monitor, MOST_SLICES * Math.max(1, slices.length)) },
  );
  const from = Math.min(first.from, remembered.from ?? served.from);
  for await (const batch of realisedLosses(history, { model, version, from, to: last.to, now, slices })) {
    for (const one of batch) {
      remembered.add(one.at, one.loss, one.values);
      const own = found[indexOf(spans, one.at)];
      if (own !== undefined) count(own, one);
    }
  }
  const changes = remembered.changes();
  return spans.map((span, i) => {
    const rises = risesOf(span, found[i], slices, remembered);
    const isOver = span.to <= settledBefore(model.label, now);
    return windowOf(span, found[i], riseBefore(span, changes), { monitor, isOver, rises });
  });
}

function count(own: Realised, { state, loss, values }: RealisedLoss): void {
  own.labels = withLabel(own.labels, state);
  if (loss === null) return;
  own.losses = withValue(own.losses, loss);
  values.forEach((value, feature) => {
    if (value !== null) own.slices[feature].set(value, withValue(own.slices[feature].get(value) ?? NO_MOMENTS, loss));
  });
}

/** The last change before the end of a span, if it is a rise: after a fall the loss is accepted as it is. */
function riseBefore({ to }: Span, changes: readonly LossChange[]): LossChange | null {
  const change = changes.findLast(({ at }) => at < to);
  return change?.isRise === true ? change : null;
}

/** A slice whose loss rose. */
interface SliceRise {
  readonly slice: string;
  readonly own: Moments;
  readonly rise: LossChange;
}

/** The slices of a window that are in drift, the greatest rise first. */
function risesOf(
  span: Span,
  { slices: found }: Realised,
  features: readonly string[],
  remembered: Pick<RememberedWatch, 'changesOf'>,
): readonly SliceRise[] {
  const rises = found.flatMap((values, feature) =>
    [...values].flatMap(([value, own]) => {
      const rise = own.n < LEAST_LABELS ? null : riseBefore(span, remembered.changesOf(feature, value));
      return rise === null || !isInDrift(span, own, rise)
        ? []
        : [{ slice: `${features[feature]}=${value}`, own, rise }];
    }),
  );
  const height = ({ own, rise }: SliceRise) => own.mean - rise.before.mean;
  return rises.sort((a, b) => height(b) - height(a));
}

function isInDrift(span: Span, own: Moments, rise: LossChange): boolean {
  return rise.at >= span.from || isAbove(own, rise.before);
}

/** The span of an instant; -1: none. Spans follow each other and have one length. */
function indexOf(spans: readonly Span[], at: number): number {
  const [{ from, to }] = spans;
  const index = Math.floor((at - from) / (to - from));
  return index < spans.length ? index : -1;
}

function windowOf(
  span: Span,
  { labels, losses }: Realised,
  rise: LossChange | null,
  {
    monitor,
    isOver,
    rises,
  }: { readonly monitor: ResolvedMonitor; readonly isOver: boolean; readonly rises: readonly SliceRise[] },
): MonitorWindow {
  const { predictions } = labels;
  if (predictions === 0) return none(span, 'insufficient', 'no predictions');
  if (!isOver && losses.n < MATURE_SHARE * predictions)
    return none(span, 'immature', labelCountsText(labels), losses.n);
  if (losses.n < LEAST_LABELS)
    return none(span, 'insufficient', `${LEAST_LABELS} labels are needed: ${labelCountsText(labels)}`, losses.n);
  const whole = judged(span, losses, rise, monitor);
  return rises.length === 0 ? whole : withSlices(whole, rises, monitor);
}

function judged(span: Span, own: Moments, rise: LossChange | null, { metric }: ResolvedMonitor): MonitorWindow {
  const shown = { value: own.mean, limit: rise?.before.mean ?? null };
  if (rise === null || !isInDrift(span, own, rise))
    return { ...none(span, 'ok', `${metric} ${numberText(own.mean)}`, own.n), ...shown };
  return {
    ...none(span, 'drift', riseText(metric, own, rise), own.n),
    ...shown,
    drifted: [metric],
    changedAt: rise.beganAt,
  };
}

function riseText(what: string, own: Moments, { at, before }: LossChange): string {
  return `${what} ${numberText(own.mean)}; a rise at ${new Date(at).toISOString()}, ${numberText(before.mean)} before it`;
}

/** A window in which slices are in drift as well, or alone. */
function withSlices(whole: MonitorWindow, rises: readonly SliceRise[], { metric }: ResolvedMonitor): MonitorWindow {
  const [{ slice, own, rise }] = rises;
  const text = riseText(`in ${slice} ${metric}`, own, rise);
  const drifted = [...whole.drifted, ...rises.map((one) => `${metric} in ${one.slice}`)];
  if (whole.state === 'drift') return { ...whole, reason: `${whole.reason}; ${text}`, drifted };
  return { ...whole, state: 'drift', reason: text, drifted, changedAt: rise.beganAt, slice };
}

function isAbove(own: Moments, before: Moments): boolean {
  const variance = ({ m2, n }: Moments) => (n === 0 ? 0 : m2 / n);
  const error = Math.sqrt(variance(own) / own.n + variance(before) / Math.max(1, before.n));
  return own.mean - before.mean > ABOVE * error;
}
