import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';
import type { Fold } from './fold.ts';

/**
 * An aggregate is an algebra of five operations on a partial, which is stored in {@link Cells} at number offset `n` and
 * object offset `o`. Laws, tested for every kind: merge is associative and commutative; any split of the events,
 * updated separately and merged, equals updating them together; merge and finalise change only `into`.
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
  /** Takes away one row that was added; only where the source takes rows away (`retracting.ts`). */
  readonly retract?: Aggregate['update'];
  /** Adds the partial at (fn, fo) of `from` to the one at (n, o) of `into`; never changes or shares memory with `from`. */
  merge(into: Cells, n: number, o: number, from: Cells, fn: number, fo: number): void;
  /**
   * Hot path: merges `count` partials of `from`, the first at (fn, fo), each `numStride` numbers and `objStride` objects
   * after the previous one. Equals that number of merges.
   */
  mergeRange(
    into: Cells,
    n: number,
    o: number,
    from: Cells,
    fn: number,
    fo: number,
    numStride: number,
    objStride: number,
    count: number,
  ): void;
  /** How the number slots merge where each does by itself and there is nothing else; null otherwise. */
  readonly fold: Fold | null;
  /**
   * The answer: null over nothing, 0 for counts; undefined where none can be given exactly (more values than the cap, a
   * sum beyond the type), so that it is flagged instead of silently wrong.
   */
  finalise(cells: Cells, n: number, o: number): Value | undefined;
  /** Copies a partial so that later updates of one do not touch the other. */
  clone(into: Cells, n: number, o: number, from: Cells, fn: number, fo: number): void;
  /** The partial as scalar columns: how offline files, SQL engines and tests see it. Empty where it is made of parts. */
  readonly columns: readonly PartialColumn[];
  toColumns(cells: Cells, n: number, o: number): readonly ColumnValue[];
  /**
   * Hot path: writes the columns into `into` from `at` on, where every one is a number that a double holds; false, with
   * nothing said of `into`, where one is not. Left out where few are.
   */
  readonly toNumbers?: (nums: Float64Array, n: number, into: Float64Array, at: number) => boolean;
  fromColumns(cells: Cells, n: number, o: number, values: readonly ColumnValue[]): void;
  /** Where the partial is many rows: one per part (HLL bucket, histogram value, quantile bin, last-n row); else null. */
  readonly parts: PartsOps | null;
  /** Writes and reads the object slots; null where there is none. Equal partials give equal bytes. */
  readonly codec: ObjectCodec | null;
  /** Whether the number slots can be a partial's: what a decoder asks of bytes that it does not trust. */
  isSound(nums: Float64Array, n: number): boolean;
}

/** Value of a scalar column: bigint for BIGINT and DECIMAL. */
export type ColumnValue = bigint | string | number | null;

export interface ObjectCodec {
  encode(writer: ByteWriter, cells: Cells, o: number): void;
  /** Error: BYTES_DAMAGED. */
  decode(reader: ByteReader, cells: Cells, o: number): void;
}

export interface PartsOps {
  readonly schema: PartSchema;
  /** Ascending by part. */
  toParts(cells: Cells, n: number, o: number): readonly PartRow[];
  fromParts(cells: Cells, n: number, o: number, rows: Iterable<PartRow>): void;
}

/** A column of a scalar partial; its full name is `<aggregate name>_<suffix>`. DECIMAL is DECIMAL(38,0). */
export interface PartialColumn {
  readonly suffix: string;
  readonly type: 'BIGINT' | 'DOUBLE' | 'STRING' | 'DECIMAL';
}

/** The rows of a partial of parts: `part` names the row within the tile, `value` is its value. */
export interface PartSchema {
  readonly part: 'BIGINT' | 'STRING';
  readonly value: 'BIGINT' | 'STRING';
}

export interface PartRow {
  readonly part: bigint | string;
  readonly value: bigint | string;
}

/** An aggregate that is declared with an input, as every kind but count. */
export type InputSpec = AggregateSpec & { readonly inputType: ColumnSpec };

/** A kind of aggregate: what it may be declared over, and its algebra. One kind per file; `aggregates.ts` has them all. */
export interface AggregateFactory {
  /** Types of the input; null stands for none (the events themselves). */
  readonly inputs: readonly (ColumnSpec['type'] | null)[];
  /** The accepted values of each parameter. */
  readonly params: Readonly<Record<string, ParamRule>>;
  readonly make: (spec: InputSpec) => Aggregate;
}

export interface ParamRule {
  readonly wanted: string;
  readonly holds: (value: number) => boolean;
}
