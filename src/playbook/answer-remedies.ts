import type { PlaybookPlan } from '../features/define/playbook.ts';
import { FAULT } from '../findings/incident-kinds.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { incidentOf } from './incident-of.ts';
import { isJudged } from './judged-window.ts';
import type { Stopped } from './stopped-feature.ts';

/** Rows before a fault on which its remedy is tried, at least. */
const SOUND_MS = 7 * 86_400_000;

/**
 * A remedy is measured before it acts, and watched while it does. Untried, the model gets the values as they are. It is applied
 * where its loss is certainly below that of the fault, tried again in each new window, and taken back where its loss is
 * certainly above, or where the scores move that the fault had left alone. Features that are released now need none.
 */
export function answerRemedies(situation: Situation, released: readonly string[]): readonly Decision[] {
  const { state, plan } = situation;
  const open = state.stopped.filter(
    (one) => one.to === null && !one.isDry && changesValues(plan, one) && !released.includes(one.feature),
  );
  return [...new Set(open.map(({ cause }) => cause))].flatMap((cause) =>
    answerOne(
      situation,
      cause,
      open.filter((one) => one.cause === cause),
    ),
  );
}

/** Whether the remedy of a stop puts another value anywhere. */
function changesValues(
  { quality }: Pick<PlaybookPlan, 'quality'>,
  { feature, rows }: Pick<Stopped, 'feature' | 'rows'>,
): boolean {
  if (quality.serve === 'none' || rows === 'none') return false;
  return rows !== 'missing' || (quality.defaults[feature] ?? null) !== null;
}

function answerOne(situation: Situation, cause: string, stops: readonly Stopped[]): readonly Decision[] {
  const [{ remedy }] = stops;
  const features = stops.map(({ feature }) => feature);
  const isPending = situation.state.pending.some((one) => one.action.do === 'tryRemedy' && one.cause === cause);
  if (isPending || remedy.state === 'takenBack') return [];
  if (remedy.trial !== null) return answerTrial(situation, cause, stops);
  if (remedy.state === 'applied') {
    const moved = scoresMoved(situation, remedy.since ?? 0);
    if (moved !== null) return takeBack(situation, cause, features, moved);
    // The values of sound rows are better than declared ones: the remedy need not wait for the release.
    if (isOver(situation, stops))
      return [decision({ do: 'refuseRemedy', features }, { tier: FAULT.tier, cause, reason: OVER })];
  }
  // Labelled rows with the fault said that the remedy brings nothing.
  if (remedy.state === 'refused' && remedy.isRefuted) return [];
  const to = newestEnd(situation);
  if (to === null || (remedy.triedTo !== null && to <= remedy.triedTo)) return [];
  return [tryOut(situation, cause, stops, to)];
}

function answerTrial(situation: Situation, cause: string, stops: readonly Stopped[]): readonly Decision[] {
  const [{ remedy }] = stops;
  const { trial, state } = remedy;
  if (trial === null) return [];
  const features = stops.map(({ feature }) => feature);
  const of = { tier: FAULT.tier, cause, reason: trial.reason } as const;
  if (state === 'applied') return takeBack(situation, cause, features, trial.reason);
  return [decision({ do: trial.verdict === 'gain' ? 'applyRemedy' : 'refuseRemedy', features }, of)];
}

function tryOut({ observed, plan, state }: Situation, cause: string, stops: readonly Stopped[], to: number): Decision {
  const [{ rows, change }] = stops;
  const [{ remedy }] = stops;
  const began = Math.min(...stops.map((one) => one.from));
  // In force, rows from before it say nothing about what it does now.
  const from = remedy.state === 'applied' ? Math.max(began, remedy.since ?? began) : began;
  const soundMs = Math.max(SOUND_MS, plan.gate.oldMs ?? 0, to - began);
  const features = stops.map(({ feature }) => feature);
  const values = Object.fromEntries(features.map((name) => [name, plan.quality.defaults[name] ?? null]));
  const exclude = state.stopped
    .filter((one) => one.from < began)
    .map((one) => ({ from: one.from, to: one.to ?? began }));
  return decision(
    {
      do: 'tryRemedy',
      version: observed.champion ?? 0,
      features,
      rows,
      change,
      values,
      between: { from, to },
      sound: { from: began - soundMs, to: began },
      exclude,
      ageMs: to - began,
      seenMs: windowOf(observed),
    },
    { tier: FAULT.tier, cause, reason: 'a remedy is measured before it acts, and again in each window' },
  );
}

const OVER = 'the newest window has no fault of it: sound values are better than declared ones';

/** Whether the newest window in which inputs were judged has no fault of its features. */
function isOver({ observed }: Situation, stops: readonly Stopped[]): boolean {
  const features = stops.map(({ feature }) => feature);
  const newest = observed.monitors
    .filter(({ kind }) => kind === 'featureDrift')
    .flatMap(({ windows }) => windows.slice(-1));
  return (
    newest.length > 0 &&
    newest.every(
      (window) =>
        isJudged(window) && !window.faults.some(({ columns }) => columns.some((name) => features.includes(name))),
    )
  );
}

/** The length of a window in which inputs are judged. */
function windowOf(observed: Situation['observed']): number {
  const lengths = observed.monitors
    .filter(({ kind }) => kind === 'featureDrift')
    .flatMap(({ windows }) => windows.slice(-1).map(({ from, to }) => to - from));
  return Math.max(0, ...lengths);
}

/** The end of the newest window in which inputs were judged. */
function newestEnd({ observed }: Situation): number | null {
  const ends = observed.monitors
    .filter(({ kind }) => kind === 'featureDrift')
    .flatMap(({ windows }) => windows.slice(-1).map(({ to }) => to));
  return ends.length === 0 ? null : Math.max(...ends);
}

/** Says how scores moved in a window that began after the remedy, where they had not in the windows before it; null: they did not. */
function scoresMoved({ observed }: Situation, since: number): string | null {
  const isMoved = ({ state }: { readonly state: string }) => state === 'drift' || state === 'fault';
  for (const { kind, version, windows } of observed.monitors) {
    if (kind !== 'predictionDrift' || version !== observed.champion) continue;
    const before = windows.filter(({ from }) => from < since);
    const newest = windows.at(-1);
    if (newest === undefined || newest.from < since || !isMoved(newest) || before.some(isMoved)) continue;
    if (before.length > 0) return `the scores moved after the remedy: ${newest.reason}`;
  }
  return null;
}

/** The incident of a remedy that was taken back, by the cause of its fault. */
export function takenBackOf(cause: string): string {
  return `${cause}+remedy`;
}

function takeBack(
  situation: Situation,
  cause: string,
  features: readonly string[],
  reason: string,
): readonly Decision[] {
  const of = { tier: FAULT.tier, cause, reason } as const;
  const incident = incidentOf(situation, FAULT.kind, {
    fingerprint: takenBackOf(cause),
    tier: FAULT.tier,
    severity: FAULT.severity,
    summary: `${situation.model}: the declared value of ${features.join(', ')} was taken back: ${reason}`,
    evidence: { features, fault: cause },
  });
  return [decision({ do: 'refuseRemedy', features }, of), decision({ do: 'openIncident', incident }, of)];
}
