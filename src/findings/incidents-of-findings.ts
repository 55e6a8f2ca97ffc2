import { compareText } from '../base/text-order.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type { PredictionFact } from '../features/define/monitor.ts';
import { faultText } from '../monitoring/detect/fault-text.ts';
import type { QualityFault } from '../monitoring/detect/quality-fault.ts';
import { REQUESTS } from '../monitoring/monitor/arrival-windows.ts';
import type { MonitorStatus, MonitorWindow } from '../monitoring/monitor/judge-windows.ts';
import { onlySlice } from '../monitoring/monitor/only-slice.ts';
import { fingerprintOf, type Incident, type IncidentPort } from '../ports/incident.ts';
import { DRIFTS, FAULT, FOUND_KINDS } from './incident-kinds.ts';
import type { MonitorState } from './monitor-state.ts';
import { ownerOf } from './owner-of.ts';

/** Kinds of incidents that a monitor opens and resolves by itself. */
const OWN: readonly Incident['kind'][] = [...FOUND_KINDS, 'monitor'];

/** Part of the evidence of every incident that is opened here: nothing else is resolved here. */
const SOURCE = { foundBy: 'monitor' } as const;

/**
 * Opens, updates and resolves incidents by the newest judgement, one for each cause. Drift of features and scores while a fault of
 * the data is open is a consequence of it, and part of its evidence. A window that cannot be judged changes nothing.
 */
export async function reportFindings(
  models: readonly ModelData[],
  state: Pick<MonitorState, 'at' | 'monitors' | 'failed'>,
  port: IncidentPort,
): Promise<void> {
  const active = (await port.active()).filter(
    ({ kind, evidence }) => OWN.includes(kind) && evidence['foundBy'] === SOURCE.foundBy,
  );
  for (const model of models) {
    const own = active.filter((one) => one.model === model.name);
    const monitors = state.monitors.filter((one) => one.model === model.name);
    const failure = state.failed.find((one) => one.model === model.name);
    const found = incidentsOf(model, monitors, own, state.at);
    if (failure !== undefined) found.push(notJudged(model, state.at));
    for (const incident of found) await port.open(incident);
    for (const one of own) {
      const isFound = found.some(({ fingerprint }) => fingerprint === one.fingerprint);
      if (!isFound && isOver(one, monitors, failure !== undefined))
        await port.resolve(one.fingerprint, { at: state.at, reason: 'the newest windows are as the reference' });
    }
  }
}

function incidentsOf(
  model: ModelData,
  monitors: readonly MonitorStatus[],
  active: readonly Incident[],
  at: number,
): Incident[] {
  const incidents: Incident[] = [];
  const faulty = monitors.find(({ state }) => state === 'fault');
  const drifts = monitors.filter(({ state }) => state === 'drift');
  const window = faulty?.windows.at(-1);
  // The realised loss is its own cause: labels may have changed whatever the inputs did.
  const consequences = drifts
    .filter(({ monitor }) => monitor.kind !== 'conceptDrift')
    .map(({ monitor }) => monitor.kind);
  if (faulty !== undefined && window !== undefined)
    for (const fault of window.faults)
      incidents.push(faultIncident(model, faulty, { fault, window, consequences, active, at }));
  // A window with too few rows does not end a fault.
  const isFaulty =
    incidents.length > 0 ||
    active.some(
      (one) => one.kind === 'qualityFault' && one.evidence['source'] !== REQUESTS && !isOver(one, monitors, false),
    );
  for (const status of monitors) {
    const missed = missedRequests(status);
    if (missed !== null) incidents.push(requestIncident(model, status, missed, at));
  }
  for (const status of drifts)
    if (!isFaulty || status.monitor.kind === 'conceptDrift') incidents.push(driftIncident(model, status, active, at));
  return incidents;
}

interface FoundFault {
  readonly fault: QualityFault;
  readonly window: MonitorWindow;
  readonly consequences: readonly string[];
  readonly active: readonly Incident[];
  readonly at: number;
}

function faultIncident(
  model: ModelData,
  { version }: MonitorStatus,
  { fault, window, consequences, active, at }: FoundFault,
): Incident {
  const known = active.find(({ kind, evidence }) => kind === 'qualityFault' && isSameFault(evidence, fault));
  // The columns of an incident only grow: a fault that spreads is one cause.
  const columns = [...new Set([...columnsOf(known?.evidence), ...fault.columns])].sort(compareText);
  return {
    fingerprint:
      known?.fingerprint ??
      fingerprintOf({ model: model.name, kind: 'qualityFault' }, [
        fault.kind,
        ...(fault.source === undefined ? fault.columns : [fault.source]),
      ]),
    ...FAULT,
    model: model.name,
    slice: null,
    owner: ownerOf(model),
    summary: `${faultText(fault.kind)} in ${fault.source ?? listed(columns)}`,
    evidence: {
      ...SOURCE,
      version,
      fault: fault.kind,
      ...(fault.source === undefined ? {} : { source: fault.source }),
      columns,
      faultyRows: fault.rows,
      rows: window.rows,
      ...spanOf(window),
      ...(consequences.length === 0 ? {} : { alsoSeen: consequences }),
    },
    at,
  };
}

/** The newest window, if far fewer requests came in it than usual. */
function missedRequests({ windows }: MonitorStatus): MonitorWindow | null {
  const newest = windows.at(-1);
  const found = newest?.arrivals?.some(({ source, state }) => source === REQUESTS && state === 'fault');
  return newest !== undefined && found === true ? newest : null;
}

/** The inputs of the model are sound: it is no page, and nothing is stopped. */
function requestIncident(model: ModelData, { version }: MonitorStatus, window: MonitorWindow, at: number): Incident {
  return {
    fingerprint: fingerprintOf({ model: model.name, kind: 'qualityFault' }, ['volume', REQUESTS]),
    kind: 'qualityFault',
    severity: 'ticket',
    tier: null,
    model: model.name,
    slice: null,
    owner: ownerOf(model),
    summary: 'far fewer requests came than usual',
    evidence: { ...SOURCE, version, fault: 'volume', source: REQUESTS, ...spanOf(window) },
    at,
  };
}

function isSameFault(evidence: Incident['evidence'], fault: QualityFault): boolean {
  if (fault.source !== undefined) return evidence['fault'] === fault.kind && evidence['source'] === fault.source;
  return evidence['fault'] === fault.kind && columnsOf(evidence).some((column) => fault.columns.includes(column));
}

function columnsOf(evidence: Incident['evidence'] | undefined): readonly string[] {
  const columns = evidence?.['columns'];
  return Array.isArray(columns) ? columns.map(String) : [];
}

function driftIncident(
  model: ModelData,
  { monitor, version, windows }: MonitorStatus,
  active: readonly Incident[],
  at: number,
): Incident {
  const { kind, severity, tier } = DRIFTS[monitor.kind];
  const drifting = windows.filter(({ state }) => state === 'drift');
  const window = drifting.at(-1);
  const drifted = window?.drifted ?? [];
  const about = aboutOf(monitor);
  // A slice that stays high after the whole is the same cause.
  const isOpen = active.some((one) => one.kind === kind && one.slice === null);
  const slice = isOpen ? null : onlySlice(windows);
  const subject = {
    dataDrift: listed(drifted),
    predictionDrift: about === '' ? 'the scores' : about,
    conceptDrift: `the realised ${monitor.metric}`,
  };
  return {
    fingerprint: fingerprintOf({ model: model.name, kind, slice }, about === '' ? [] : [about]),
    kind,
    severity,
    tier,
    model: model.name,
    slice,
    owner: ownerOf(model),
    summary:
      kind === 'conceptDrift'
        ? `${subject[kind]} rose${slice === null ? '' : ` in ${slice}`}`
        : `${subject[kind]} moved away from the reference`,
    evidence: {
      ...SOURCE,
      version,
      ...(about === '' ? {} : { about }),
      rule: monitor.rule,
      drifted,
      windowsWithDrift: drifting.length,
      windows: windows.length,
      needed: monitor.k,
      windowMs: monitor.windowMs,
      ...(window === undefined ? {} : { rows: window.rows, ...spanOf(window) }),
    },
    at,
  };
}

/** The subject of a monitor besides the usual one of its kind: each has its own incident. */
function aboutOf({ kind, metric, on }: MonitorStatus['monitor']): string {
  if (kind === 'estimatedQuality') return `the estimated ${metric}`;
  return kind === 'predictionDrift' ? ABOUT[on ?? 'scores'] : '';
}

const ABOUT: Readonly<Record<PredictionFact, string>> = {
  scores: '',
  classShares: 'the share of the positive class',
  calibration: 'the calibration of the scores',
  shadow: 'the scores of the shadow',
};

function notJudged(model: ModelData, at: number): Incident {
  return {
    fingerprint: fingerprintOf({ model: model.name, kind: 'monitor' }, ['failed']),
    kind: 'monitor',
    severity: 'ticket',
    tier: null,
    model: model.name,
    slice: null,
    owner: ownerOf(model),
    // The reason of the failure may name files or values: it is in the state of the monitor.
    summary: 'its windows cannot be judged; read why with "headrace drift status"',
    evidence: SOURCE,
    at,
  };
}

/** Whether an incident has ended: its monitor judged the newest windows, and they are quiet. */
function isOver({ kind, evidence }: Incident, monitors: readonly MonitorStatus[], failed: boolean): boolean {
  if (kind === 'monitor') return !failed;
  if (failed) return false;
  if (kind === 'qualityFault' && typeof evidence['source'] === 'string') return hasArrived(evidence, monitors);
  // A source that stands still says nothing about columns.
  const faulty = monitors.some(
    ({ state, windows }) => state === 'fault' && windows.at(-1)?.faults.some(({ source }) => source === undefined),
  );
  if (kind === 'qualityFault')
    return monitors.some(
      ({ monitor, state }) => monitor.kind === 'featureDrift' && (state === 'ok' || state === 'drift' || faulty),
    );
  const about = evidence['about'] ?? '';
  const own = monitors.filter(({ monitor }) => DRIFTS[monitor.kind].kind === kind && aboutOf(monitor) === about);
  return own.length > 0 && own.every(({ state }) => state === 'ok');
}

/** Whether the rows of a source came again: in the newest window it was judged, and is quiet. */
function hasArrived({ source, fault }: Incident['evidence'], monitors: readonly MonitorStatus[]): boolean {
  return monitors.some(({ windows }) =>
    windows.at(-1)?.arrivals?.some((one) => one.source === source && one.kind === fault && one.state === 'ok'),
  );
}

function spanOf({ from, to }: MonitorWindow): { readonly from: string; readonly to: string } {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

const MOST_LISTED = 8;

function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).join(', ');
  return names.length > MOST_LISTED ? `${first} and ${names.length - MOST_LISTED} more` : first || 'features';
}
