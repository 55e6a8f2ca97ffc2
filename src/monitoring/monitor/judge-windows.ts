import type { ModelData } from '../../features/define/declaration.ts';
import { type ResolvedMonitor, resolveMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { adwin } from '../../stats/detectors/adwin.ts';
import { changesOf } from '../../stats/detectors/detector.ts';
import { compareProfiles } from '../detect/compare-profiles.ts';
import type { Comparison } from '../detect/comparison.ts';
import { parseDriftRule } from '../detect/drift-rule.ts';
import type { QualityFault } from '../detect/quality-fault.ts';
import { createProfile, mergeProfile, type Profile } from '../profile/profile.ts';
import { realisedLosses } from './realised-losses.ts';
import { type Reference, referenceLimit, wholeReference } from './reference.ts';
import { scoreProfile, servedSpan, vectorProfile } from './window-profiles.ts';

/** A model that is watched: its champion's version and the reference of that version. */
export interface Watched {
  readonly model: ModelData;
  readonly version: number;
  /** Null: the version has none; features are then not judged. */
  readonly reference: Reference | null;
}

export type WindowState = 'fault' | 'drift' | 'ok' | 'insufficient' | 'immature' | 'unwatched';

/** One window of one monitor. */
export interface MonitorWindow {
  readonly from: number;
  readonly to: number;
  /** Vectors, predictions, or labelled predictions that it has. */
  readonly rows: number;
  readonly state: WindowState;
  readonly reason: string;
  readonly faults: readonly QualityFault[];
  readonly drifted: readonly string[];
}

export interface MonitorStatus {
  readonly model: string;
  readonly version: number;
  readonly monitor: ResolvedMonitor;
  /** `drift` and `fault` need k of the last n windows; a fault one. */
  readonly state: WindowState;
  readonly reason: string;
  readonly referenceAgeMs: number | null;
  /** Oldest first. */
  readonly windows: readonly MonitorWindow[];
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The monitors of a model, defaults filled in; without any, one of each kind. Error: MODEL_MONITOR. */
export function monitorsOf(model: ModelData): readonly ResolvedMonitor[] {
  const written =
    model.monitors.length === 0
      ? [{ kind: 'featureDrift' }, { kind: 'predictionDrift' }, { kind: 'conceptDrift' }]
      : model.monitors;
  return written.map((one) => resolveMonitor(model, one));
}

/**
 * Judges the last `of` whole windows before `now`, each monitor by its own. Where their labels are still to come, it judges
 * the last ones whose labels have had their time.
 */
export async function judgeModel(
  watched: Watched,
  history: OfflineStore,
  now: number,
): Promise<readonly MonitorStatus[]> {
  const statuses: MonitorStatus[] = [];
  for (const monitor of monitorsOf(watched.model)) {
    const newest = await judgeMonitor(watched, monitor, history, lastSpans(monitor, now), now);
    if (newest.state !== 'immature') {
      statuses.push(newest);
      continue;
    }
    const mature = lastSpans(monitor, now - watched.model.label.withinMs);
    const older = await judgeMonitor(watched, monitor, history, mature, now);
    statuses.push(older.state === 'insufficient' ? newest : older);
  }
  return statuses;
}

/** The last `of` whole windows before an instant, oldest first. */
function lastSpans({ windowMs, of }: ResolvedMonitor, before: number): readonly Span[] {
  const end = Math.floor(before / windowMs) * windowMs;
  return Array.from({ length: of }, (_, i) => {
    const from = end - (of - i) * windowMs;
    return { from, to: from + windowMs };
  });
}

/** Judges windows by one monitor. */
export async function judgeMonitor(
  watched: Watched,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  now: number,
): Promise<MonitorStatus> {
  const { model, version, reference } = watched;
  const windows =
    monitor.kind === 'featureDrift'
      ? await featureWindows(watched, monitor, history, spans)
      : monitor.kind === 'predictionDrift'
        ? await predictionWindows(watched, monitor, history, spans)
        : await conceptWindows(watched, monitor, history, spans, now);
  return {
    model: model.name,
    version,
    monitor,
    ...overall(windows, monitor),
    referenceAgeMs: reference === null ? null : now - reference.createdAt,
    windows,
  };
}

/** A fault counts at once; drift needs k of the windows; what cannot be judged is never ok. */
function overall(
  windows: readonly MonitorWindow[],
  { k, of }: ResolvedMonitor,
): { state: WindowState; reason: string } {
  const last = windows.slice(-of);
  const count = (state: WindowState) => last.filter((window) => window.state === state).length;
  const newest = last.at(-1);
  if (newest === undefined) return { state: 'insufficient', reason: 'no window' };
  if (newest.state === 'fault') return { state: 'fault', reason: newest.reason };
  if (count('drift') >= k)
    return {
      state: 'drift',
      reason: `${count('drift')} of ${last.length} windows: ${last.filter(({ state }) => state === 'drift').at(-1)?.reason ?? ''}`,
    };
  if (newest.state === 'drift')
    return { state: 'ok', reason: `${count('drift')} of ${last.length} windows, ${k} are needed: ${newest.reason}` };
  return { state: newest.state, reason: newest.reason };
}

const windowOf = (span: Span, comparison: Comparison): MonitorWindow => {
  const drifted = comparison.features.filter(({ state }) => state === 'drift');
  const [first] = comparison.faults;
  const lacking = comparison.features.find(({ state }) => state === 'insufficient');
  const reason =
    comparison.verdict === 'fault' && first !== undefined
      ? `${first.columns.join(', ')}: ${first.text}`
      : drifted.map(({ name, reason: why }) => `${name}: ${why}`).join('; ') ||
        (comparison.verdict === 'insufficient' ? (lacking?.reason ?? 'no features') : 'nothing moved');
  return {
    ...span,
    rows: comparison.current.rows,
    state: comparison.verdict,
    reason,
    faults: comparison.faults,
    drifted: drifted.map(({ name }) => name),
  };
};

function none(span: Span, state: WindowState, reason: string, rows = 0): MonitorWindow {
  return { ...span, rows, state, reason, faults: [], drifted: [] };
}

async function featureWindows(
  { model, reference }: Watched,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
): Promise<readonly MonitorWindow[]> {
  if (reference === null)
    return spans.map((span) => none(span, 'unwatched', 'the version has no reference: train it again'));
  const windows: MonitorWindow[] = [];
  for (const span of spans) windows.push(windowOf(span, await compareWindow(model, reference, monitor, history, span)));
  return windows;
}

/** One window of served vectors against the reference, whole. A time is not compared: it differs between any two spans. */
export async function compareWindow(
  model: ModelData,
  reference: Reference,
  monitor: Pick<ResolvedMonitor, 'features' | 'rule' | 'windowMs'>,
  history: OfflineStore,
  span: Span,
): Promise<Comparison> {
  const times = model.service.features.filter(({ type }) => type.type === 'time').map(({ name }) => name);
  const { rows, columns } = wholeReference(reference);
  const isWatched = (name: string) =>
    !times.includes(name) && (monitor.features.length === 0 || monitor.features.includes(name));
  const whole: Profile = { rows, columns: new Map([...columns].filter(([name]) => isWatched(name))) };
  const profile = await vectorProfile(history, model.service, whole, span);
  return compareProfiles(
    { name: `training set of ${model.name}`, rows: whole.rows, profile: whole },
    { name: spanText(span), rows: profile.rows, profile },
    {
      rule: parseDriftRule(monitor.rule),
      windowsPerDay: Math.max(1, Math.round(86_400_000 / monitor.windowMs)),
      limitOf: (name) => referenceLimit(reference, name),
    },
  );
}

function spanText({ from, to }: Span): string {
  return `${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
}

/** Windows of scores that the reference of a version's scores has: its first ones. */
const SCORE_CHUNKS = 10;

/** The reference of scores is what the version answered first, as long as it takes for ten windows. */
async function predictionWindows(
  { model, version }: Watched,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
): Promise<readonly MonitorWindow[]> {
  const served = await servedSpan(history, model, version);
  if (served === null)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const until = served.from + SCORE_CHUNKS * monitor.windowMs;
  const reference = createProfile();
  for (let from = served.from; from < until; from += monitor.windowMs) {
    const part = await scoreProfile(history, model, version, { from, to: from + monitor.windowMs });
    if (reference.columns.size === 0) for (const [name, column] of part.columns) reference.columns.set(name, column);
    else mergeProfile(reference, part);
    if (reference.columns.size > 0) reference.rows = reference.columns.get('score')?.rows ?? 0;
  }
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    if (span.from < until) {
      windows.push(
        none(span, 'insufficient', `the first ${SCORE_CHUNKS} windows of version ${version} are its reference`),
      );
      continue;
    }
    const profile = await scoreProfile(history, model, version, span);
    const comparison = compareProfiles(
      { name: 'first answers', rows: reference.rows, profile: reference },
      { name: spanText(span), rows: profile.rows, profile },
      { rule: parseDriftRule(monitor.rule), windowsPerDay: Math.max(1, Math.round(86_400_000 / monitor.windowMs)) },
    );
    windows.push(windowOf(span, comparison));
  }
  return windows;
}

/** Share of a window's predictions that must have a label. */
const MATURE_SHARE = 0.8;
const LEAST_LABELS = 100;

/** A rise of the loss by ADWIN over all mature windows of the version: a change counts in the window in which it is found, and in the next. */
async function conceptWindows(
  { model, version }: Watched,
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
  const scale =
    losses.length === 0
      ? 1
      : Math.max(
          1e-12,
          ...[0.99].map((q) =>
            quantile(
              losses.map(({ loss }) => loss),
              q,
            ),
          ),
        );
  const changes = changesOf(
    adwin(),
    losses.map(({ loss }) => Math.min(1, loss / scale)),
  ).filter((at) => rose(losses, at));
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
    else {
      const mean = inSpan.reduce((sum, { loss }) => sum + loss, 0) / inSpan.length;
      const found = changes.find((at) => losses[at].at < span.to && losses[at].at >= span.from - monitor.windowMs);
      windows.push({
        ...none(
          span,
          found === undefined ? 'ok' : 'drift',
          `${monitor.metric} ${mean.toPrecision(3)}${found === undefined ? '' : `, rose by ${new Date(losses[found].at).toISOString()}`}`,
          inSpan.length,
        ),
        drifted: found === undefined ? [] : [monitor.metric],
      });
    }
  }
  return windows;
}

/** Whether losses after a change are higher than before: ADWIN reports falls as well. */
function rose(losses: readonly { readonly loss: number }[], at: number): boolean {
  const mean = (from: number, to: number) => {
    const part = losses.slice(Math.max(0, from), to);
    return part.reduce((sum, { loss }) => sum + loss, 0) / Math.max(1, part.length);
  };
  return mean(at - 100, at + 1) > mean(0, Math.max(1, at - 100));
}

function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(q * (sorted.length - 1))];
}
