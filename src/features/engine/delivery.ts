import type { Value } from '../../schema/column.ts';

/** One delivery of an event, as the engines see it: `row` holds the source's columns in declared order. */
export interface Delivery {
  readonly id: string;
  /** Event time, epoch ms. */
  readonly ts: number;
  /** When the gateway stamped it, epoch ms. */
  readonly ingestTs: number;
  readonly row: readonly Value[];
}
