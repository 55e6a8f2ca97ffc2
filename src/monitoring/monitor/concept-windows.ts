import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';
import { type MonitorWindow, none, type Span, type Watched } from './judge-windows.ts';
import { detectorOf } from './loss-detector.ts';
import { type LossMemory, rememberedWatch } from './loss-memory.ts';
import type { LossChange } from './loss-watch.ts';
import { realisedLosses } from './realised-losses.ts';
import { servedSpan } from './window-profiles.ts';

/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;
const LEAST_LABELS = 100;

/** A window after a rise stays in drift while its loss is above the loss before by this many standard errors: one-sided 1 %. */
const ABOVE = 2.326;

/** The predictions of a window and the losses that are known. */
interface Realised {
  predictions: number;
  losses: Moments;
}

/**
 * A rise of the loss by a detector over all labelled predictions of the version. The window in which it is found is in drift, and
 * each later one whose own loss is still above the loss before the rise. Losses are read as a stream, and with a memory only
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
  const found = spans.map((): Realised => ({ predictions: 0, losses: NO_MOMENTS }));
  const remembered = await rememberedWatch(
    memory,
    { model, version, monitor, history, first, now },
    detectorOf(monitor),
  );
  const read = { from: Math.min(first.from, remembered.from ?? served.from), to: last.to };
  for await (const batch of realisedLosses(model, history, version, read, now)) {
    for (const { at, loss } of batch) {
      remembered.add(at, loss);
      const own = found[indexOf(spans, at)];
      if (own === undefined) continue;
      own.predictions += 1;
      if (loss !== null) own.losses = withValue(own.losses, loss);
    }
  }
  const changes = remembered.changes();
  return spans.map((span, i) => {
    const change = changes.findLast(({ at }) => at < span.to);
    // After a fall the loss is accepted as it is.
    const rise = change?.isRise === true ? change : null;
    return windowOf(span, found[i], rise, { monitor, isOver: span.to + model.label.withinMs <= now });
  });
}

/** The span of an instant; -1: none. Spans follow each other and have one length. */
function indexOf(spans: readonly Span[], at: number): number {
  const [{ from, to }] = spans;
  const index = Math.floor((at - from) / (to - from));
  return index < spans.length ? index : -1;
}

function windowOf(
  span: Span,
  { predictions, losses }: Realised,
  rise: LossChange | null,
  { monitor, isOver }: { readonly monitor: ResolvedMonitor; readonly isOver: boolean },
): MonitorWindow {
  if (predictions === 0) return none(span, 'insufficient', 'no predictions');
  if (!isOver && losses.n < MATURE_SHARE * predictions)
    return none(span, 'immature', `${losses.n} of ${predictions} predictions have a label`, losses.n);
  if (losses.n < LEAST_LABELS)
    return none(span, 'insufficient', `${losses.n} labels, ${LEAST_LABELS} are needed`, losses.n);
  return judged(span, losses, rise, monitor);
}

function judged(span: Span, own: Moments, rise: LossChange | null, { metric }: ResolvedMonitor): MonitorWindow {
  const text = `${metric} ${own.mean.toPrecision(3)}`;
  const isDrift = rise !== null && (rise.at >= span.from || isAbove(own, rise.before));
  const shown = { value: own.mean, limit: rise?.before.mean ?? null };
  if (!isDrift) return { ...none(span, 'ok', text, own.n), ...shown };
  const reason = `${text}, rose by ${new Date(rise.at).toISOString()} from ${rise.before.mean.toPrecision(3)}`;
  return { ...none(span, 'drift', reason, own.n), ...shown, drifted: [metric], changedAt: rise.beganAt };
}

function isAbove(own: Moments, before: Moments): boolean {
  const variance = ({ m2, n }: Moments) => (n === 0 ? 0 : m2 / n);
  const error = Math.sqrt(variance(own) / own.n + variance(before) / Math.max(1, before.n));
  return own.mean - before.mean > ABOVE * error;
}
