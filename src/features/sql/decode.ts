import type { ColumnSpec, ScalarType, Value } from '../../schema/column.ts';
import type { PartRow } from '../aggregate/aggregate.ts';
import { aggregateOf } from '../aggregate/aggregates.ts';
import type { AggregateSpec } from '../define/declaration.ts';

/** A value as an engine's client gives it: BIGINT and DECIMAL as bigint or a safe integer, a list as an array. */
export type SqlValue =
  | bigint
  | number
  | string
  | boolean
  | Uint8Array
  | null
  | readonly (bigint | number | string | boolean)[];

/** Chooses how a column's values are read back. */
export function valueDecoder(spec: ColumnSpec): (value: SqlValue) => Value {
  const type = spec.type === 'list' ? (spec.element ?? 'text') : spec.type === 'embedding' ? 'float' : spec.type;
  const scalar = SCALARS[type];
  return (value) => {
    if (value === null || value instanceof Uint8Array) return null;
    if (typeof value !== 'object') return scalar(value);
    return value.map(scalar);
  };
}

type Scalar = bigint | number | string | boolean;

const SCALARS: Readonly<Record<ScalarType, (value: Scalar) => Scalar>> = {
  text: (value) => value,
  bool: (value) => value,
  int: Number,
  time: Number,
  float: Number,
  int64: BigInt,
  decimal: BigInt,
};

/** Finalises an aggregate from its lists of parts and of their values; null lists are those of no events. */
export function partsDecoder(spec: AggregateSpec): (parts: SqlValue, values: SqlValue) => Value {
  const aggregate = aggregateOf(spec);
  const cells = { nums: new Float64Array(aggregate.numbers), objs: new Array(aggregate.objects) };
  return (parts, values) => {
    aggregate.prepare(cells, 0, 0);
    aggregate.parts?.fromParts(cells, 0, 0, partRows(parts, values));
    return aggregate.finalise(cells, 0, 0) ?? null;
  };
}

function partRows(parts: SqlValue, values: SqlValue): readonly PartRow[] {
  if (!Array.isArray(parts) || !Array.isArray(values)) return [];
  return parts.map((part, index): PartRow => ({ part, value: values[index] }));
}
