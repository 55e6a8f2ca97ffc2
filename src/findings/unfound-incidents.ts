import type { IncidentPort } from '../ports/incident.ts';
import { FOUND_KINDS } from './incident-kinds.ts';

/** Incidents of a playbook next to a monitor: findings are left to the monitor, so that a cause is one incident. */
export function unfoundIncidents(incidents: IncidentPort): IncidentPort {
  return {
    open: (incident) => (FOUND_KINDS.includes(incident.kind) ? 'updated' : incidents.open(incident)),
    update: (fingerprint, change) => incidents.update(fingerprint, change),
    resolve: (fingerprint, resolution) =>
      FOUND_KINDS.some((kind) => fingerprint.split('/')[1] === kind)
        ? undefined
        : incidents.resolve(fingerprint, resolution),
    active: () => incidents.active(),
  };
}
