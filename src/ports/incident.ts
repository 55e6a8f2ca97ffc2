import type { MaybePromise } from '../base/maybe-promise.ts';
import { compareText } from '../base/text-order.ts';

/** Causes of incidents. */
export const INCIDENT_KINDS = [
  // The data is broken.
  'qualityFault',
  'dataDrift',
  'predictionDrift',
  'conceptDrift',
  // A rollout was held or rolled back.
  'rollout',
  // A training run failed, or its version did not pass the offline gate.
  'retrain',
  // A decision waits for a person.
  'approval',
  // Nobody watches: the monitor or the playbook cannot work.
  'monitor',
] as const;

/** The cause of an incident. */
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** The urgency: `page` now, `ticket` within days, `digest` with the others of its week. */
export type IncidentSeverity = 'page' | 'ticket' | 'digest';

/** One cause. It holds names, counts and statistics; no value of a row, no secret. */
export interface Incident {
  /** Names the cause: the same cause has the same fingerprint, and one open incident. `fingerprintOf` makes it. */
  readonly fingerprint: string;
  readonly kind: IncidentKind;
  readonly severity: IncidentSeverity;
  /** 0 to 4, as the playbook counts them; null: no playbook decided. */
  readonly tier: number | null;
  readonly model: string;
  /** The slice that it concerns: `{ column, value }` as `column=value`; null: the whole model. */
  readonly slice: string | null;
  /** As the declaration names it; null: nobody is named. */
  readonly owner: string | null;
  /** One line. */
  readonly summary: string;
  /** Plain JSON: limits, figures and digests that the decision saw. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** When the cause was last seen, epoch ms. */
  readonly at: number;
}

/** The end of an incident. */
export interface Resolution {
  readonly at: number;
  readonly reason: string;
}

/**
 * Receives incidents: keeps them, and delivers them to sinks.
 *
 * Rules:
 *  1. `open` of a fingerprint that is open updates it; of one that was resolved it opens a new incident;
 *  2. `open` and `resolve` may come again with the same content, and then change nothing: a caller repeats what it does not
 *     know to be accepted;
 *  3. `update` of a fingerprint that is not open does nothing;
 *  4. `resolve` of a fingerprint that is not open does nothing;
 *  5. a call that returned is durable, whatever process dies. Delivery to sinks happens later and never delays a call.
 */
export interface IncidentPort {
  open(incident: Incident): MaybePromise<'opened' | 'updated'>;
  update(
    fingerprint: string,
    change: Pick<Incident, 'at' | 'evidence'> & Partial<Pick<Incident, 'severity' | 'summary' | 'tier'>>,
  ): MaybePromise<void>;
  resolve(fingerprint: string, resolution: Resolution): MaybePromise<void>;
  /** Incidents that are open, the oldest first, as they were last updated. */
  active(): MaybePromise<readonly Incident[]>;
}

/** The fingerprint of a cause: `fraud/qualityFault/amount+user`. The order of the parts of a cause does not matter. */
export function fingerprintOf(
  { model, kind, slice = null }: Pick<Incident, 'model' | 'kind'> & { readonly slice?: string | null },
  cause: readonly string[],
): string {
  const parts = [...new Set(cause)].sort(compareText).map((part) => encodeURIComponent(part));
  return [model, kind, ...(slice === null ? [] : [encodeURIComponent(slice)]), parts.join('+')].join('/');
}
