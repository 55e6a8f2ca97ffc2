import type { ModelData } from '../../features/define/declaration.ts';
import { type ResolvedMonitor, resolveMonitor } from '../../features/define/monitor.ts';
import { settledBefore } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { ExcludedColumn } from '../detect/choose-columns.ts';
import type { Comparison } from '../detect/comparison.ts';
import { joinMissing } from '../detect/join-missing.ts';
import { LEAST_EFFECT } from '../detect/judge-features.ts';
import type { QualityFault } from '../detect/quality-fault.ts';
import type { EstimateAssumptions, EstimateTrust } from '../estimate/trust-in-estimate.ts';
import { type Arrival, withArrivals } from './arrival-windows.ts';
import { calmText } from './calm-text.ts';
import { comparedWindow } from './compare-window.ts';
import { conceptWindows } from './concept-windows.ts';
import { estimatedWindows } from './estimated-windows.ts';
import { lacksReference } from './lacks-reference.ts';
import type { MonitorMemory } from './monitor-memory.ts';
import { overall } from './overall-state.ts';
import { predictionWindows } from './prediction-windows.ts';
import type { Reference } from './reference.ts';
import { scoreFactWindows } from './score-fact-windows.ts';
import { shadowWindows } from './shadow-windows.ts';
import { missingTogether, type WindowVectors } from './window-profiles.ts';

/** A model that is watched: its champion's version and the reference of that version. */
export interface Watched {
  readonly model: ModelData;
  readonly version: number;
  /** Null: the version has none; features are then not judged. */
  readonly reference: Reference | null;
}

/** `cannotTell`: an estimate whose assumptions do not hold. */
export type WindowState = 'fault' | 'drift' | 'ok' | 'insufficient' | 'immature' | 'unwatched' | 'cannotTell';

/** A window whose profiles have a smaller share of the served vectors is not judged. */
const LEAST_COVERED = 0.5;

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
  /** When the found change of the loss began, epoch ms; null: none was found, or the monitor does not know. */
  readonly changedAt: number | null;
  /** The largest debiased PSI of a feature, or the mean loss; null: not known. */
  readonly value: number | null;
  /** The slice whose loss rose alone, as `feature=value`; absent: all rows, or another monitor. */
  readonly slice?: string;
  /** The limit of that value: of the feature's chunks, or of the rule; of a loss the mean before its rise. */
  readonly limit: number | null;
  /** Vectors that were served in the window, and those of them that its profile has; absent: it is no merge of profiles. */
  readonly covered?: WindowVectors['covered'];
  /** The assumptions of an estimate before the labels. */
  readonly assumptions?: EstimateAssumptions & { readonly trust: EstimateTrust['state'] };
  /** Features that are not compared, each with its reason; absent: all are, or another monitor. */
  readonly excluded?: readonly ExcludedColumn[];
  /** Whether the rows of each source came, in number and in time; absent: the monitor does not look at it. */
  readonly arrivals?: readonly Arrival[];
  /** The rows of the reference that it was compared with: those of the same hours, or all and why; absent: it has none to choose from. */
  readonly season?: NonNullable<Comparison['season']> | { readonly of: 'none'; readonly reason: string };
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

export interface Span {
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
  memory: MonitorMemory | null = null,
): Promise<readonly MonitorStatus[]> {
  const statuses: MonitorStatus[] = [];
  for (const monitor of monitorsOf(watched.model)) {
    const newest = await judgeMonitor(watched, monitor, history, lastSpans(monitor, now), { now, memory });
    if (newest.state !== 'immature') {
      statuses.push(newest);
      continue;
    }
    const mature = lastSpans(monitor, settledBefore(watched.model.label, now));
    const older = await judgeMonitor(watched, monitor, history, mature, { now, memory });
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

/** Judges windows by one monitor. They follow each other. A memory is for a process that judges the last windows again and again. */
export async function judgeMonitor(
  watched: Watched,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  { now, memory = null }: { readonly now: number; readonly memory?: MonitorMemory | null },
): Promise<MonitorStatus> {
  const { model, version, reference } = watched;
  const windows = await windowsOf(watched, monitor, history, spans, { now, memory });
  return {
    model: model.name,
    version,
    monitor,
    ...overall(windows, monitor),
    referenceAgeMs: reference === null ? null : now - reference.createdAt,
    windows,
  };
}

async function windowsOf(
  watched: Watched,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  { now, memory }: { readonly now: number; readonly memory: MonitorMemory | null },
): Promise<readonly MonitorWindow[]> {
  const { kind } = monitor;
  if (kind === 'featureDrift') {
    const windows = await featureWindows(watched, monitor, history, spans);
    return withArrivals(watched, monitor, windows, { history, now, memory: memory?.arrivals ?? new Map() });
  }
  if (kind === 'predictionDrift') {
    if (monitor.on === 'shadow') return shadowWindows(watched, monitor, history, spans);
    if (monitor.on !== 'scores')
      return scoreFactWindows(watched, monitor, history, spans, { now, memory: memory?.facts ?? new Map() });
    return predictionWindows(watched, monitor, history, spans, memory?.scores ?? new Map());
  }
  if (kind === 'conceptDrift')
    return conceptWindows(watched, monitor, history, spans, { now, memory: memory?.losses ?? null });
  return estimatedWindows(watched, monitor, history, spans, { now, memory: memory?.estimates ?? null });
}

/** A finding that the calendar may explain says so. */
export function windowOf(span: Span, comparison: Comparison, unmatched: string | null): MonitorWindow {
  const drifted = comparison.features.filter(({ state }) => state === 'drift');
  const [first] = comparison.faults;
  const reason =
    comparison.verdict === 'fault' && first !== undefined
      ? `${first.columns.join(', ')}: ${first.text}`
      : drifted.map(({ name, reason: why }) => `${name}: ${why}`).join('; ') || calmText(comparison);
  return {
    ...span,
    rows: comparison.current.rows,
    // A window that moved as far as the reference itself does calls nobody: its reason says so.
    state: comparison.verdict === 'inconclusive' ? 'ok' : comparison.verdict,
    reason:
      unmatched !== null && comparison.verdict === 'drift' ? `${reason} (against all hours: ${unmatched})` : reason,
    ...seasonOf(comparison, unmatched),
    faults: comparison.faults,
    ...(comparison.excluded.length === 0 ? {} : { excluded: comparison.excluded }),
    drifted: drifted.map(({ name }) => name),
    changedAt: null,
    ...largest(comparison),
  };
}

function seasonOf({ season }: Comparison, unmatched: string | null): Pick<MonitorWindow, 'season'> {
  if (season !== null) return { season };
  return unmatched === null ? {} : { season: { of: 'none', reason: unmatched } };
}

/** The feature that moved most, and its limit. */
function largest({ features, rule }: Comparison): Pick<MonitorWindow, 'value' | 'limit'> {
  const [most] = features.toSorted((a, b) => (b.effect?.debiasedPsi ?? -1) - (a.effect?.debiasedPsi ?? -1));
  if (most?.effect === null || most === undefined) return { value: null, limit: null };
  if (rule.kind === 'psi') return { value: most.effect.psi, limit: rule.above };
  const limit = rule.kind === 'ks' ? null : Math.max(LEAST_EFFECT, most.limit?.psi ?? 0);
  return { value: most.effect.debiasedPsi, limit };
}

export function none(span: Span, state: WindowState, reason: string, rows = 0): MonitorWindow {
  return { ...span, rows, state, reason, faults: [], drifted: [], changedAt: null, value: null, limit: null };
}

async function featureWindows(
  { model, version, reference }: Watched,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
): Promise<readonly MonitorWindow[]> {
  if (reference === null) return spans.map((span) => none(span, 'unwatched', lacksReference(model.name, version)));
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    const { comparison, covered, unmatched } = await comparedWindow(model, reference, monitor, history, span);
    const { rows } = comparison.current;
    // Which values are missing in the same rows is known of logged vectors alone.
    const together = async (names: readonly string[]) =>
      rows * (await missingTogether(history, model.service, names, span));
    const faults = await joinMissing(comparison.faults, rows, together);
    const window = windowOf(span, { ...comparison, faults }, unmatched);
    windows.push(covered === null ? window : withCoverage(window, covered));
  }
  return windows;
}

/** A window whose profiles lack served vectors says so; one that lacks most of them is not judged. */
function withCoverage(window: MonitorWindow, covered: NonNullable<WindowVectors['covered']>): MonitorWindow {
  const { served, profiled } = covered;
  if (profiled >= served) return { ...window, covered };
  const lack = `${profiled} of ${served} served vectors are in the profiles`;
  if (profiled >= LEAST_COVERED * served) return { ...window, covered, reason: `${window.reason} (${lack})` };
  return { ...window, covered, state: 'insufficient', reason: lack, faults: [], drifted: [] };
}
