import { monitorName } from '../features/define/monitor.ts';
import { DRIFTS } from '../findings/incident-kinds.ts';
import { onlySlice } from '../monitoring/monitor/only-slice.ts';
import { fingerprintOf, type Incident } from '../ports/incident.ts';
import type { SeenMonitor } from '../ports/playbook-store.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { incidentOf } from './incident-of.ts';

/** Predictions of an audit sample: a share of a half is then known within ± 0.1 at any moment, with error 0.05. */
const AUDIT_ROWS = 250;

/** Tiers 1 to 3: an incident for each cause, until it is gone. A faulty input explains the scores, and its own drift. */
export function answerDrift(situation: Situation): readonly Decision[] {
  return situation.observed.monitors.flatMap((monitor) =>
    monitor.kind === 'featureDrift' ? answerFeatures(situation, monitor) : answerModel(situation, monitor),
  );
}

/** Features that begin to drift together are one incident; it is over when none of them drifts. */
function answerFeatures(situation: Situation, monitor: SeenMonitor): readonly Decision[] {
  const { model, state, observed, now } = situation;
  const prefix = fingerprintOf({ model, kind: 'dataDrift' }, []);
  const open = [...state.incidents.values()].filter(({ fingerprint }) => fingerprint.startsWith(prefix));
  const seen = new Set(monitor.windows.flatMap(({ drifted }) => drifted));
  const isOver = ({ evidence }: Incident) =>
    monitor.state === 'ok' || (monitor.state === 'fault' && featuresOf(evidence).every((name) => !seen.has(name)));
  const ended = open
    .filter(isOver)
    .map(({ fingerprint }) =>
      decision(
        { do: 'resolveIncident', fingerprint, at: now },
        { tier: 1, cause: fingerprint, reason: monitor.reason },
      ),
    );
  if (monitor.version !== observed.champion) return ended;
  const known = new Set(open.flatMap(({ evidence }) => featuresOf(evidence)));
  const faulty = faultyFeatures(situation);
  const drifting = driftingFeatures(monitor).filter((name) => !faulty.has(name));
  const fresh = drifting.filter((name) => !known.has(name));
  // A journal of a version that named no features has an incident of the monitor.
  const isNamed = seen.size > 0 || monitor.state !== 'drift' || faulty.size > 0;
  if (isNamed ? fresh.length === 0 : open.length > 0) return ended;
  const cause = fingerprintOf({ model, kind: 'dataDrift' }, isNamed ? fresh : [monitor.kind]);
  const reason = isNamed ? reasonOf(monitor, fresh) : monitor.reason;
  return [...ended, opened(situation, monitor, { cause, reason, drifted: fresh })];
}

/** Features that drift in enough windows; besides a fault, in two of them. */
function driftingFeatures({ state, windows }: SeenMonitor): readonly string[] {
  const needed = state === 'drift' ? 1 : Math.min(2, windows.length);
  if (state !== 'drift' && state !== 'fault') return [];
  const all = windows.flatMap(({ drifted }) => [...new Set(drifted)]);
  return [...new Set(all)].filter((name) => all.filter((one) => one === name).length >= needed);
}

/** Features that are stopped, or faulty in the newest window of an input. */
function faultyFeatures({ observed, state }: Situation): ReadonlySet<string> {
  const stopped = state.stopped.filter(({ to }) => to === null).map(({ feature }) => feature);
  const found = observed.monitors
    .filter(({ kind }) => kind === 'featureDrift')
    .flatMap(({ windows }) => windows.at(-1)?.faults ?? [])
    .flatMap(({ columns }) => columns);
  return new Set([...stopped, ...found]);
}

function featuresOf(evidence: Incident['evidence']): readonly string[] {
  const { drifted } = evidence;
  return Array.isArray(drifted) ? drifted.map(String) : [];
}

/** The reason of a monitor is that of its fault, where it has one. */
function reasonOf({ state, reason }: SeenMonitor, fresh: readonly string[]): string {
  return state === 'fault' ? `${fresh.join(', ')} drifted, besides a fault` : reason;
}

function answerModel(situation: Situation, monitor: SeenMonitor): readonly Decision[] {
  const { model, state, observed } = situation;
  const { kind, metric } = monitor;
  const { kind: incident, tier } = DRIFTS[kind];
  const cause = fingerprintOf({ model, kind: incident }, [
    kind === 'conceptDrift' ? metric : monitorName({ kind, metric, on: monitor.on ?? 'scores' }),
  ]);
  const isOpen = state.incidents.has(cause);
  const of = { tier, cause, reason: monitor.reason } as const;
  if (isOpen && monitor.state === 'ok')
    return [decision({ do: 'resolveIncident', fingerprint: cause, at: situation.now }, of)];
  const isFaulty = state.stopped.some(({ to }) => to === null) || hasFault(situation);
  const isAlarm = monitor.state === 'drift' || (kind === 'predictionDrift' && monitor.state === 'fault');
  if (isOpen || !isAlarm || isFaulty || monitor.version !== observed.champion) return [];
  const drifted = [...new Set(monitor.windows.flatMap((window) => window.drifted))];
  const found = opened(situation, monitor, { cause, reason: monitor.reason, drifted });
  const last = monitor.windows.at(-1);
  if (kind === 'conceptDrift' || last === undefined) return [found];
  const span = { from: last.from, to: last.to };
  const audit = { do: 'audit', span, size: AUDIT_ROWS, seed: Math.floor(span.from / 1000) } as const;
  return [found, decision(audit, { ...of, thresholds: { rows: AUDIT_ROWS } })];
}

function opened(
  situation: Situation,
  { kind, version, windows }: SeenMonitor,
  { cause, reason, drifted }: { readonly cause: string; readonly reason: string; readonly drifted: readonly string[] },
): Decision {
  const { kind: incident, tier, severity } = DRIFTS[kind];
  return decision(
    {
      do: 'openIncident',
      incident: incidentOf(situation, incident, {
        fingerprint: cause,
        tier,
        severity,
        slice: onlySlice(windows),
        summary: `${situation.model}: ${reason}`,
        evidence: {
          monitor: kind,
          version,
          drifted,
          windows: windows.map(({ from, rows, state }) => ({ from, rows, state })),
        },
      }),
    },
    { tier, cause, reason },
  );
}

/** Whether the newest window of an input is faulty now. */
export function hasFault({ observed, state }: Pick<Situation, 'observed' | 'state'>): boolean {
  const accepted = state.accepted?.champion === observed.champion ? state.accepted.features : [];
  const inputs = observed.monitors.filter(({ kind }) => kind === 'featureDrift');
  return inputs.some(({ windows }) =>
    (windows.at(-1)?.faults ?? []).some(({ columns }) => columns.some((name) => !accepted.includes(name))),
  );
}
