import type { ColumnSpec, Columns, Value } from './column.ts';
import { typeText } from './type-text.ts';

/** What happens to one column between two states of a source under one version. */
export type ColumnStep =
  | { readonly kind: 'add' | 'nullable' | 'widen'; readonly column: string }
  /** Not possible under one version; `reason` says which rule it breaks. */
  | { readonly kind: 'refuse'; readonly column: string; readonly reason: 'required' | 'gone' | 'type' | 'null' };

/**
 * How columns become others under one version, so that every row written before keeps its exact values: a nullable column
 * comes (null before), a column becomes nullable, or its type one that holds every value of the old one.
 */
export function columnSteps(before: Columns, after: Columns): readonly ColumnStep[] {
  const gone = Object.keys(before).filter((column) => !Object.hasOwn(after, column));
  return [
    ...Object.keys(after).flatMap((column) => {
      const was = Object.hasOwn(before, column) ? before[column] : undefined;
      return was === undefined ? [added(column, after[column])] : changed(column, was, after[column]);
    }),
    ...gone.map((column): ColumnStep => ({ kind: 'refuse', column, reason: 'gone' })),
  ];
}

function added(column: string, { nullable }: ColumnSpec): ColumnStep {
  return nullable ? { kind: 'add', column } : { kind: 'refuse', column, reason: 'required' };
}

function changed(column: string, was: ColumnSpec, is: ColumnSpec): readonly ColumnStep[] {
  const base = (spec: ColumnSpec) => typeText({ ...spec, nullable: false });
  const sameType = base(was) === base(is);
  if (!sameType && widening(was, is) === null) return [{ kind: 'refuse', column, reason: 'type' }];
  if (was.nullable && !is.nullable) return [{ kind: 'refuse', column, reason: 'null' }];
  const steps: readonly (ColumnStep | false)[] = [
    !sameType && { kind: 'widen', column },
    !was.nullable && is.nullable && { kind: 'nullable', column },
  ];
  return steps.filter((step) => step !== false);
}

/** The exact way from a value of one type to one of another; null where some value has none. */
export function widening(was: ColumnSpec, is: ColumnSpec): ((value: Value) => Value) | null {
  if (was.type !== 'int') return null;
  // An int is within ±(2^53 − 1): an int64 and a double hold each of them.
  if (is.type === 'int64') return (value) => (typeof value === 'number' ? BigInt(value) : value);
  return is.type === 'float' ? (value) => value : null;
}
