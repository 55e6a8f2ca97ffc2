import type { Incident, IncidentKind } from '../ports/incident.ts';
import type { Situation } from './decision.ts';

/** An incident of a situation. */
export function incidentOf(
  { model, plan, now }: Pick<Situation, 'model' | 'plan' | 'now'>,
  kind: IncidentKind,
  of: Pick<Incident, 'fingerprint' | 'severity' | 'tier' | 'summary' | 'evidence'> & Partial<Pick<Incident, 'slice'>>,
): Incident {
  return { slice: null, ...of, kind, model, owner: plan.owner, at: now };
}
