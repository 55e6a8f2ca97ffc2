import { FAULT } from '../findings/incident-kinds.ts';
import { faultText } from '../monitoring/detect/fault-text.ts';
import { fingerprintOf } from '../ports/incident.ts';
import type { FaultyRows, SeenMonitor, SeenWindow, ValueChange } from '../ports/playbook-store.ts';
import { takenBackOf } from './answer-remedies.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { rowsKey } from './faulty-rows.ts';
import { incidentOf } from './incident-of.ts';
import { isJudged } from './judged-window.ts';

/**
 * Tier 0: a fault of the data. Rows since the fault began are not learned from, until enough windows are without it. Whether the
 * model gets a declared value in the faulty rows is decided by a trial.
 */
export function answerFaults(situation: Situation): readonly Decision[] {
  const monitors = situation.observed.monitors.filter(({ kind }) => kind === 'featureDrift');
  return [...monitors.flatMap((monitor) => stops(situation, monitor)), ...releases(situation, monitors)];
}

/** Faults that are in some rows: the others are sound, and the model gets them as they are. Any other fault is in all rows. */
const ROWS: Readonly<Record<string, FaultyRows>> = {
  missing: 'missing',
  infinite: 'infinite',
  range: 'negative',
  // A model takes a text that it does not know for any other.
  spelling: 'none',
};

function stops(situation: Situation, { windows }: SeenMonitor): readonly Decision[] {
  const { model, state, plan, observed } = situation;
  const newest = windows.at(-1);
  if (newest?.state !== 'fault') return [];
  const accepted = state.accepted?.champion === observed.champion ? state.accepted.features : [];
  const stopped = new Set(openStops(situation).map(({ feature, rows }) => `${feature}/${rowsKey(rows)}`));
  return newest.faults.flatMap(({ kind, columns, text, source, change = null }) => {
    const rows = rowsOf(kind, change);
    const isStopped = (name: string) => stopped.has(`${name}/all`) || stopped.has(`${name}/${rowsKey(rows)}`);
    const features = columns.filter((name) => !isStopped(name) && !accepted.includes(name));
    if (features.length === 0) return [];
    for (const name of features) stopped.add(`${name}/${rowsKey(rows)}`);
    const cause = fingerprintOf({ model, kind: 'qualityFault' }, [
      kind,
      ...(source === undefined ? columns : [source]),
    ]);
    const subject = source ?? columns.join(', ');
    const reason = `${subject}: ${text}`;
    const from = beginOf(windows, features);
    const served = { tier: FAULT.tier, cause, reason, thresholds: { serve: plan.quality.serve } } as const;
    return [
      decision({ do: 'stopFeatures', features, from, rows, change, isTried: true }, served),
      decision(
        {
          do: 'openIncident',
          incident: incidentOf(situation, FAULT.kind, {
            fingerprint: cause,
            tier: FAULT.tier,
            severity: FAULT.severity,
            summary: `${model}: ${faultText(kind)} in ${subject}`,
            evidence: { fault: kind, features, from, window: newest.from, rows: newest.rows },
          }),
        },
        served,
      ),
    ];
  });
}

/** A value that stands for many is known by itself; any other change is in rows that nobody can tell. */
function rowsOf(kind: string, change: ValueChange | null): FaultyRows {
  const known = ROWS[kind];
  if (known !== undefined) return known;
  return typeof change?.to === 'number' ? { equals: change.to } : 'all';
}

/** The begin of the last windows in a row in which one of the features is faulty. */
function beginOf(windows: readonly SeenWindow[], features: readonly string[]): number {
  const isFaulty = ({ faults }: SeenWindow) =>
    faults.some(({ columns }) => columns.some((name) => features.includes(name)));
  let from = windows.at(-1)?.from ?? 0;
  for (const window of windows.toReversed()) {
    if (!isFaulty(window)) break;
    from = window.from;
  }
  return from;
}

function releases(situation: Situation, monitors: readonly SeenMonitor[]): readonly Decision[] {
  const { plan, state } = situation;
  const free = openStops(situation).flatMap((stop) => {
    const to = clearFrom(stop.feature, monitors, plan.quality.clear);
    return to === null ? [] : [{ ...stop, to }];
  });
  const reason = `no fault in ${plan.quality.clear} windows`;
  const thresholds = { clear: plan.quality.clear };
  return [...new Set(free.map(({ cause }) => cause))].flatMap((cause) => {
    const own = free.filter((one) => one.cause === cause);
    const features = own.map(({ feature }) => feature);
    const of = { tier: FAULT.tier, cause, reason, thresholds } as const;
    const release = decision({ do: 'releaseFeatures', features, to: Math.max(...own.map(({ to }) => to)) }, of);
    const isOver = openStops(situation).every((one) => one.cause !== cause || features.includes(one.feature));
    if (!isOver || !state.incidents.has(cause)) return [release];
    const ended = [cause, takenBackOf(cause)].filter((fingerprint) => state.incidents.has(fingerprint));
    return [
      release,
      ...ended.map((fingerprint) => decision({ do: 'resolveIncident', fingerprint, at: situation.now }, of)),
    ];
  });
}

/** The begin of the windows in a row that are without a fault of the feature; null: there are too few. */
function clearFrom(feature: string, monitors: readonly SeenMonitor[], clear: number): number | null {
  for (const { windows } of monitors) {
    const last = windows.slice(-Math.min(clear, windows.length));
    if (last.length === 0) continue;
    const isClear = ({ state, faults }: SeenWindow) =>
      isJudged({ state, faults }) && !faults.some(({ columns }) => columns.includes(feature));
    if (last.every(isClear)) return last[0].from;
  }
  return null;
}

function openStops({ state }: Situation) {
  return state.stopped.filter(({ to }) => to === null);
}
