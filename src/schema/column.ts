/**
 * The columns of events, requests and views. The form of a value inside Headrace:
 *
 * | type    | value inside | on the wire (JSON)                                     |
 * |---------|--------------|--------------------------------------------------------|
 * | text    | string       | string                                                 |
 * | int     | number       | integer, within ±(2^53 − 1)                            |
 * | int64   | bigint       | integer of any JSON number or decimal text, within int64 |
 * | decimal | bigint       | number or decimal text; inside: value · 10^scale       |
 * | float   | number       | finite number (NaN and infinities are rejected)         |
 * | bool    | boolean      | true, false                                            |
 * | time    | number       | epoch milliseconds (UTC), an integer                   |
 * | list    | readonly Value[] | array; of the element type                         |
 * | embedding | readonly number[] | array of `length` finite numbers, each as a float |
 */
export const VALUE_TYPES = ['text', 'int', 'int64', 'decimal', 'float', 'bool', 'time', 'list', 'embedding'] as const;

/** A type of {@link VALUE_TYPES}. */
export type ValueType = (typeof VALUE_TYPES)[number];

/** The types of list elements. */
export type ScalarType = Exclude<ValueType, 'list' | 'embedding'>;

/** A column, as plain data. */
export interface ColumnSpec {
  readonly type: ValueType;
  readonly nullable: boolean;
  /** Digits after the point, 0 to 15; `decimal` and lists of it only. */
  readonly scale?: number;
  /** Type of the elements; `list` only. */
  readonly element?: ScalarType;
  /** Numbers of an embedding, 1 to 4,096; `embedding` only. */
  readonly length?: number;
  /** Producers may omit it from now on; for people. */
  readonly deprecated?: true;
  /** Unit, for people and quality checks. */
  readonly unit?: string;
  /**
   * Least and greatest expected value, for quality checks; of an embedding, of each of its numbers. A value outside is
   * counted, not rejected.
   */
  readonly range?: readonly [number, number];
}

/** A value inside Headrace (see {@link ValueType}); a missing one is null. */
export type Value = string | number | bigint | boolean | null | readonly (string | number | bigint | boolean)[];

/** Columns by name, in declared order. */
export type Columns = Readonly<Record<string, ColumnSpec>>;
