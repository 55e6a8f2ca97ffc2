import type { EventSourceData } from '../features/define/declaration.ts';
import type { Verdict } from '../features/engine/admission.ts';
import type { Delivery } from '../features/engine/delivery.ts';

/** Deliveries of one partition in log order, each with its verdict. */
export interface JudgedDeliveries {
  readonly source: EventSourceData;
  readonly partition: number;
  /** Of the first delivery. */
  readonly offset: number;
  readonly deliveries: readonly Delivery[];
  readonly verdicts: readonly Verdict[];
  /** By offset of a duplicate, the offset of the accepted delivery of its id; one without an id has none. */
  readonly firsts: ReadonlyMap<number, number>;
}

/**
 * Receives every delivery of the log once, judged, in the order of its partition. Sinks are called one after the other, in the
 * same turn as the verdict, and see the effects of those before them. A sink that fails keeps no other from its deliveries.
 */
export interface DeliverySink {
  readonly name: string;
  /** Whether it also receives deliveries that are read again after a loss of the online store. */
  readonly takesAgain: boolean;
  take(judged: JudgedDeliveries): void;
}
