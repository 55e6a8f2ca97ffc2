import type { Value } from '../../schema/column.ts';

/** One delivery of an event, as the engines see it: `row` holds the source's columns in declared order. */
export interface Delivery {
  readonly id: string;
  /** Event time, epoch ms. */
  readonly ts: number;
  /** When the gateway stamped it, epoch ms. */
  readonly ingestTs: number;
  /** Empty where the record was blanked: there is no event any more. */
  readonly row: readonly Value[];
}

/** Whether a delivery is what is left of a forgotten one: its place in the log. */
export function isBlank({ row }: Delivery): boolean {
  return row.length === 0;
}
