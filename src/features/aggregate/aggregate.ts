import type { ColumnSpec, Value } from '../../schema/column.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';

/**
 * An aggregate is an algebra of five operations on a partial, which lies in {@link Cells} at number offset `n` and
 * object offset `o`. Laws, tested for every kind: merge is associative and commutative; any split of the events,
 * updated apart and merged, equals updating them together; merge and finalise change only `into`.
 */
export interface Aggregate {
  /** Slots a partial takes. */
  readonly numbers: number;
  readonly objects: number;
  /** Type of the answer. */
  readonly result: ColumnSpec;
  /** Writes the partial of no events. */
  prepare(cells: Cells, n: number, o: number): void;
  /** Adds one event; `value` is the input's value (null counts for `count` without input only). */
  update(cells: Cells, n: number, o: number, value: Value, ts: number, id: string): void;
  /** Adds the partial at (fn, fo) of `from` to the one at (n, o) of `into`; never changes or shares memory with `from`. */
  merge(into: Cells, n: number, o: number, from: Cells, fn: number, fo: number): void;
  /** The answer; null over nothing, 0 for counts. */
  finalise(cells: Cells, n: number, o: number): Value;
  /** Copies a partial so that later updates of one do not touch the other. */
  clone(into: Cells, n: number, o: number, from: Cells, fn: number, fo: number): void;
  /** The partial as durable columns: how offline files, SQL engines and tests see it. */
  readonly columns: readonly PartialColumn[];
  /** The scalar columns' values (bigint for BIGINT and HUGEDECIMAL, string for STRING). */
  toColumns(cells: Cells, n: number, o: number): readonly (bigint | string | number | null)[];
  fromColumns(cells: Cells, n: number, o: number, values: readonly (bigint | string | number | null)[]): void;
  /** Where the partial is many rows: one row per part (HLL bucket, histogram value, quantile bin, last-n row). */
  readonly parts: PartSchema | null;
  toParts(cells: Cells, n: number, o: number): Iterable<PartRow>;
  fromParts(cells: Cells, n: number, o: number, parts: Iterable<PartRow>): void;
}

/** A column of a scalar partial; its full name is `<aggregate name>_<suffix>`. DECIMAL is DECIMAL(38,0). */
export interface PartialColumn {
  readonly suffix: string;
  readonly type: 'BIGINT' | 'DOUBLE' | 'STRING' | 'DECIMAL';
}

/** The rows of a partial of parts: `part` names the row within the tile, `value` is what is kept for it. */
export interface PartSchema {
  readonly part: 'BIGINT' | 'STRING';
  readonly value: 'BIGINT' | 'STRING';
}

export interface PartRow {
  readonly part: bigint | string;
  readonly value: bigint | string;
}

/** Makes the algebra of a spec. One kind per file; `aggregates.ts` has them all by kind. */
export type AggregateFactory = (spec: AggregateSpec) => Aggregate;
