import type { AlertStore, Destination, KeptIncident } from '../../ports/alert-store.ts';
import type { Incident, IncidentPort } from '../../ports/incident.ts';

/** Incidents that are kept and sent on. */
export interface IncidentBook extends IncidentPort {
  open(incident: Incident): Promise<'opened' | 'updated'>;
  update(fingerprint: string, change: Parameters<IncidentPort['update']>[1]): Promise<void>;
  resolve(fingerprint: string, resolution: Parameters<IncidentPort['resolve']>[1]): Promise<void>;
  active(): Promise<readonly Incident[]>;
  /** Says that somebody works on it. Null: it is not open. */
  acknowledge(fingerprint: string, by: string): Promise<KeptIncident | null>;
}

export interface IncidentBookOptions {
  readonly store: AlertStore;
  readonly clock: () => number;
  readonly destinationsOf: (incident: Incident) => readonly Destination[];
  /** Takes secrets and personal values out of texts. */
  readonly clean: (incident: Incident) => Incident;
}

/** Keeps incidents with their deliveries, each change in one transaction. Errors: those of the store. */
export function incidentBook({ store, clock, destinationsOf, clean }: IncidentBookOptions): IncidentBook {
  const change = (fingerprint: string, edit: Parameters<AlertStore['change']>[1]) =>
    store.change(fingerprint, edit, destinationsOf, clock());
  return {
    open: async (written) => {
      const incident = clean(written);
      let outcome: 'opened' | 'updated' = 'opened';
      await change(incident.fingerprint, (found) => {
        outcome = found === null ? 'opened' : 'updated';
        return found === null ? opened(incident) : changed(found, incident);
      });
      return outcome;
    },
    update: async (fingerprint, written) => {
      await change(fingerprint, (found) =>
        found === null ? null : changed(found, clean({ ...incidentOf(found), ...written })),
      );
    },
    resolve: async (fingerprint, resolution) => {
      await change(fingerprint, (found) =>
        found === null
          ? null
          : { ...found, revision: found.revision + 1, state: 'resolved', at: resolution.at, resolution },
      );
    },
    acknowledge: async (fingerprint, by) =>
      (await change(fingerprint, (found) =>
        found === null || found.state === 'acknowledged'
          ? null
          : { ...found, revision: found.revision + 1, state: 'acknowledged', acknowledgedBy: by },
      )) ??
      (await store.active()).find((one) => one.fingerprint === fingerprint) ??
      null,
    active: async () => (await store.active()).map(incidentOf),
  };
}

function opened(incident: Incident): Omit<KeptIncident, 'no'> {
  return {
    ...incident,
    revision: 1,
    state: 'open',
    openedAt: incident.at,
    acknowledgedBy: null,
    resolution: null,
    severities: [incident.severity],
  };
}

/** Null: nothing is new. New evidence alone is kept, and is not worth a message. */
function changed(found: KeptIncident, incident: Incident): Omit<KeptIncident, 'no'> | null {
  if (JSON.stringify(incidentOf(found)) === JSON.stringify(incident)) return null;
  const isNotable =
    found.summary !== incident.summary || found.severity !== incident.severity || found.tier !== incident.tier;
  const { severities } = found;
  return {
    ...found,
    ...incident,
    revision: found.revision + (isNotable ? 1 : 0),
    severities: severities.includes(incident.severity) ? severities : [...severities, incident.severity],
  };
}

/** The incident as a caller of the port knows it. */
function incidentOf(kept: Incident): Incident {
  const { fingerprint, kind, severity, tier, model, slice, owner, summary, evidence, at } = kept;
  return { fingerprint, kind, severity, tier, model, slice, owner, summary, evidence, at };
}
