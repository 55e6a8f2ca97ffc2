import type { IncidentPort } from '../ports/incident.ts';

/** Incidents where nothing delivers them: the journal, which has each as a decision, is their only record. */
export const journalIncidents: IncidentPort = {
  open: () => 'opened',
  update: () => undefined,
  resolve: () => undefined,
  active: () => [],
};
