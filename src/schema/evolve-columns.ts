import type { ColumnSpec, Columns, Value } from './column.ts';
import { typeText } from './type-text.ts';

/** The change of one column between two states of a source with one version. */
export type ColumnStep =
  | { readonly kind: 'add' | 'nullable' | 'widen'; readonly column: string }
  /** Not possible within one version; `reason` names the broken rule. */
  | { readonly kind: 'refuse'; readonly column: string; readonly reason: 'required' | 'gone' | 'type' | 'null' };

/**
 * The changes of columns that one version allows. Every earlier row keeps its exact values: a nullable column is added
 * (null before), a column becomes nullable, or its type becomes one that holds every value of the old type.
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

/** The exact conversion from one type to another; null if some value has none. */
export function widening(was: ColumnSpec, is: ColumnSpec): ((value: Value) => Value) | null {
  if (was.type !== 'int') return null;
  // An int is within ±(2^53 − 1): an int64 and a double hold each of them.
  if (is.type === 'int64') return (value) => (typeof value === 'number' ? BigInt(value) : value);
  return is.type === 'float' ? (value) => value : null;
}
