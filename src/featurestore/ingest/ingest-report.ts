import type { HeadraceError } from '../../base/errors/fail.ts';
import type { Verdict } from '../../features/engine/admission.ts';

/**
 * The outcome of the events of one call. Refused events are not in the log; all others are, in the order sent. Each
 * event is in exactly one of the counts.
 */
export interface IngestReport {
  /** In the log, and they count. */
  readonly accepted: number;
  /** In the log, but an event of their id was accepted before. */
  readonly duplicate: number;
  /** In the log, but they came later than the source allows. */
  readonly late: number;
  /** In the log, but not judged when the call ended: the store is away, or another process appends as well. */
  readonly pending: number;
  /** The first events that are in the log and do not count. */
  readonly dropped: readonly DroppedEvent[];
  readonly refused: readonly RefusedEvent[];
}

/** An event that the gateway did not take: `index` in the call, its id where it has one, and why. */
export interface RefusedEvent {
  readonly index: number;
  readonly id: string | null;
  readonly error: HeadraceError;
}

/** An event that is in the log and does not count. */
export interface DroppedEvent {
  readonly index: number;
  readonly id: string;
  readonly reason: 'duplicate' | 'late';
}

/** Verdicts on deliveries in their order; undefined where one is not judged yet. */
export type Verdicts = readonly (Verdict | undefined)[];

/** Of the events that do not count, and of the refused ones, at most this many are listed. */
export const MOST_SHOWN = 100;

/** Events that are in the log when a call returns. */
export function loggedIn({ accepted, duplicate, late, pending }: IngestReport): number {
  return accepted + duplicate + late + pending;
}

/** Collects the verdicts of a call. */
export class ReportCounter {
  readonly #counts = { accepted: 0, duplicate: 0, late: 0, pending: 0 };
  readonly #dropped: DroppedEvent[] = [];

  /** Counts an event of the log; undefined: not judged yet. */
  add(index: number, id: string, verdict: Verdict | undefined): void {
    const counted = verdict === 'future' ? 'late' : (verdict ?? 'pending');
    this.#counts[counted] += 1;
    if (counted === 'duplicate' || counted === 'late') this.#drop({ index, id, reason: counted });
  }

  report(refused: readonly RefusedEvent[]): IngestReport {
    const dropped = this.#dropped.sort((a, b) => a.index - b.index).slice(0, MOST_SHOWN);
    return { ...this.#counts, dropped, refused };
  }

  /** Partitions are judged one after the other: of each the first in the call are kept. */
  #drop(event: DroppedEvent): void {
    this.#dropped.push(event);
    if (this.#dropped.length >= 2 * MOST_SHOWN) this.#dropped.sort((a, b) => a.index - b.index).splice(MOST_SHOWN);
  }
}
