import type { KeptIncident } from './alert-store.ts';

/** An incident as a message has it: its name never changes, whatever is sent about it. */
export interface SentIncident extends KeptIncident {
  /** `shop/fraud/qualityFault/amount/12`: at most 255 characters. */
  readonly id: string;
}

/** The occasion of a message. `repeated` says that the incident is still open, to sinks that forget it otherwise. */
export type AlertAction = 'opened' | 'updated' | 'acknowledged' | 'resolved' | 'repeated' | 'digest';

/** One message to one sink. It has no secret and no value of a row. */
export interface AlertMessage {
  /** The same at every attempt: a receiver that keeps it drops a message that comes twice. */
  readonly key: string;
  readonly action: AlertAction;
  /** When it is sent, epoch ms. */
  readonly at: number;
  readonly project: string;
  readonly namespace: string;
  /** One line. */
  readonly title: string;
  /** The rest, as plain text. */
  readonly lines: readonly string[];
  /** Where a person reads more; null: nowhere. */
  readonly link: string | null;
  /** One incident, or all of a digest. */
  readonly incidents: readonly [SentIncident, ...SentIncident[]];
}

/** The answer of a sink. */
export type SinkAnswer =
  | { readonly kind: 'accepted' }
  /** Another attempt may be accepted; `afterMs`: not before. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs: number | null }
  /** No attempt of this message will be accepted. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Abilities of a sink. */
export interface SinkCapabilities {
  /** One message may be about many incidents. */
  readonly digests: boolean;
  /** An open incident is sent again after this time, or the receiver forgets it; null: it remembers. */
  readonly repeatMs: number | null;
}

/**
 * Sends messages to one receiver.
 *
 * Rules:
 *  1. `accepted` means that the receiver has it; anything else may be sent again with the same key;
 *  2. `send` never throws, and ends within its own time limit or when the signal aborts;
 *  3. a reason has no secret.
 */
export interface AlertSink {
  readonly capabilities: SinkCapabilities;
  send(message: AlertMessage, signal: AbortSignal): Promise<SinkAnswer>;
  close(): void;
}
