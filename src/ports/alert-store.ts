import type { Incident, IncidentKind, IncidentSeverity, Resolution } from './incident.ts';

/** An incident with its history, as it is kept. */
export interface KeptIncident extends Incident {
  /** Counts the incidents of an environment, from 1. */
  readonly no: number;
  /** Counts the changes that are worth a message, from 1. */
  readonly revision: number;
  readonly state: 'open' | 'acknowledged' | 'resolved';
  /** Epoch ms. */
  readonly openedAt: number;
  /** The person that works on it; null: nobody said so. */
  readonly acknowledgedBy: string | null;
  readonly resolution: Resolution | null;
  /** Every severity that it had, in order. */
  readonly severities: readonly IncidentSeverity[];
}

/** Which incidents a page of them has; what is left out matches every one. */
export interface IncidentFilter {
  readonly model?: string | undefined;
  readonly kind?: IncidentKind | undefined;
  /** Not resolved. */
  readonly isOpen?: boolean | undefined;
  /** Numbers below it: the last one of the page before. */
  readonly before?: number | undefined;
}

/** Where an incident goes. */
export interface Destination {
  readonly sink: string;
  /** It is sent with the others at the end of each period of this length; 0: at once. */
  readonly digestMs: number;
}

/**
 * - `waiting`: the newest change is not accepted yet;
 * - `repeating`: accepted, and to be sent again while it is open;
 * - `settled`: accepted, nothing to do;
 * - `dead`: given up, until it is retried by hand or changes.
 */
export type DeliveryState = 'waiting' | 'repeating' | 'settled' | 'dead';

/** The revision of an incident that a sink knows, and the one that it is to receive. */
export interface AlertDelivery extends Destination {
  readonly incident: number;
  /** Revision of the incident to be accepted, and the last accepted one; 0: none. */
  readonly wanted: number;
  readonly accepted: number;
  /** The revision of the first attempt, whose message may have arrived; 0: none. */
  readonly tried: number;
  readonly state: DeliveryState;
  /** Not before, epoch ms. */
  readonly dueAt: number;
  readonly attempts: number;
  /** Since when attempts fail, epoch ms; null: they do not. */
  readonly failingSince: number | null;
  readonly error: string | null;
}

/** The result of an attempt. */
export interface Settled {
  readonly incident: number;
  readonly sink: string;
  /** The revision that the attempt was for. */
  readonly wanted: number;
  readonly accepted: number;
  readonly state: DeliveryState;
  readonly dueAt: number;
  readonly attempts: number;
  readonly failingSince: number | null;
  readonly error: string | null;
}

/** Keeps matching incidents quiet for a while. */
export interface Silence {
  readonly id: number;
  /** Null: any. */
  readonly model: string | null;
  readonly kind: string | null;
  readonly slice: string | null;
  readonly fingerprint: string | null;
  readonly from: number;
  readonly until: number;
  readonly by: string;
  readonly reason: string;
}

/** Counted attempts of a sink. */
export type DeliveryOutcome = 'accepted' | 'failed' | 'dead' | 'silenced' | 'limited';

export interface SinkCounts {
  readonly sink: string;
  readonly outcome: DeliveryOutcome;
  readonly count: number;
}

/**
 * Incidents, and their deliveries to sinks; several processes may use it at once.
 *
 * Rules:
 *  1. `change` keeps an incident and its deliveries in one transaction: both are there, or nothing;
 *  2. one fingerprint has at most one incident that is not resolved;
 *  3. of several processes that `claim` a delivery one gets it, until its time is over;
 *  4. `settle` never hides a change that came during the attempt: the delivery then waits again.
 */
export interface AlertStore {
  /** Edits the incident of a fingerprint that is not resolved; null from `edit`: nothing changes. Returns the incident. */
  change(
    fingerprint: string,
    edit: (found: KeptIncident | null) => Omit<KeptIncident, 'no'> | null,
    destinationsOf: (incident: Incident) => readonly Destination[],
    now: number,
  ): Promise<KeptIncident | null>;
  incident(no: number): Promise<KeptIncident | null>;
  /** Open ones, the oldest first. */
  active(): Promise<readonly KeptIncident[]>;
  /** The newest first; the cost is that of the page, whatever the number of incidents. */
  newest(limit: number, filter?: IncidentFilter): Promise<readonly KeptIncident[]>;
  /** The number of incidents that are not resolved. */
  openCount(): Promise<number>;
  /** Deliveries that are due and not claimed, by incident. */
  due(sink: string, now: number): Promise<readonly AlertDelivery[]>;
  claim(deliveries: readonly AlertDelivery[], now: number, until: number): Promise<boolean>;
  settle(results: readonly Settled[]): Promise<void>;
  /** Deliveries that wait or are dead, by incident; all of them without a limit. */
  unsettled(limit?: number): Promise<readonly AlertDelivery[]>;
  /** All of an incident. */
  deliveriesOf(incident: number): Promise<readonly AlertDelivery[]>;
  /** Makes dead deliveries due at once, of a sink or of all; returns their number. */
  retry(sink: string | null, now: number): Promise<number>;
  silence(silence: Omit<Silence, 'id'>): Promise<Silence>;
  silences(now: number): Promise<readonly Silence[]>;
  endSilence(id: number, now: number): Promise<boolean>;
  count(sink: string, outcome: DeliveryOutcome, at: number): Promise<void>;
  counts(): Promise<readonly SinkCounts[]>;
  /** Instants of messages that a sink accepted since, the oldest first. */
  sentSince(sink: string, since: number): Promise<readonly number[]>;
  /** Removes incidents that were resolved before, with their deliveries. */
  prune(before: number): Promise<void>;
  close(): Promise<void>;
}
