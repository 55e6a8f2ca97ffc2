import { fingerprintOf, type IncidentKind, type IncidentSeverity } from '../../ports/incident.ts';
import type { SeenMonitor } from '../../ports/playbook-store.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { incidentOf } from './incident-of.ts';

/** The answer to each kind of drift: how urgent it is, and whether predictions are drawn to be labelled by hand. */
const ANSWERS: Readonly<
  Record<
    SeenMonitor['kind'],
    { readonly incident: IncidentKind; readonly tier: 1 | 2 | 3; readonly severity: IncidentSeverity }
  >
> = {
  featureDrift: { incident: 'dataDrift', tier: 1, severity: 'digest' },
  predictionDrift: { incident: 'predictionDrift', tier: 2, severity: 'ticket' },
  conceptDrift: { incident: 'conceptDrift', tier: 3, severity: 'page' },
};

/** Predictions of an audit sample: a share of a half is then known within ± 0.1 at any moment, with error 0.05. */
const AUDIT_ROWS = 250;

/** Tiers 1 to 3: an incident for each monitor that drifts, until it does no longer. Drift of a faulty input is the fault's. */
export function answerDrift(situation: Situation): readonly Decision[] {
  return situation.observed.monitors.flatMap((monitor) => answer(situation, monitor));
}

function answer(situation: Situation, monitor: SeenMonitor): readonly Decision[] {
  const { model, state, observed } = situation;
  const { kind, metric } = monitor;
  const { incident, tier, severity } = ANSWERS[kind];
  const cause = fingerprintOf({ model, kind: incident }, [kind === 'conceptDrift' ? metric : kind]);
  const isOpen = state.incidents.has(cause);
  const of = { tier, cause, reason: monitor.reason } as const;
  if (isOpen && monitor.state === 'ok')
    return [decision({ do: 'resolveIncident', fingerprint: cause, at: situation.now }, of)];
  const isFaulty = state.stopped.some(({ to }) => to === null) || hasFault(situation);
  const isAlarm = monitor.state === 'drift' || (kind === 'predictionDrift' && monitor.state === 'fault');
  if (isOpen || !isAlarm || isFaulty || monitor.version !== observed.champion) return [];
  const last = monitor.windows.at(-1);
  const opened = decision(
    {
      do: 'openIncident',
      incident: incidentOf(situation, incident, {
        fingerprint: cause,
        tier,
        severity,
        summary: `${model}: ${monitor.reason}`,
        evidence: {
          monitor: kind,
          version: monitor.version,
          drifted: [...new Set(monitor.windows.flatMap(({ drifted }) => drifted))],
          windows: monitor.windows.map(({ from, rows, state: found }) => ({ from, rows, state: found })),
        },
      }),
    },
    of,
  );
  if (kind !== 'predictionDrift' || last === undefined) return [opened];
  const span = { from: last.from, to: last.to };
  const audit = { do: 'audit', span, size: AUDIT_ROWS, seed: Math.floor(span.from / 1000) } as const;
  return [opened, decision(audit, { ...of, thresholds: { rows: AUDIT_ROWS } })];
}

/** Whether the newest window of an input is faulty now. */
export function hasFault({ observed, state }: Pick<Situation, 'observed' | 'state'>): boolean {
  const accepted = state.accepted?.champion === observed.champion ? state.accepted.features : [];
  const inputs = observed.monitors.filter(({ kind }) => kind === 'featureDrift');
  return inputs.some(({ windows }) =>
    (windows.at(-1)?.faults ?? []).some(({ columns }) => columns.some((name) => !accepted.includes(name))),
  );
}
