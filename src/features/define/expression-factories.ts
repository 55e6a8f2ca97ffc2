import { fail } from '../../base/errors/fail.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import type { CompareOp, Expression } from '../expression/expression.ts';
import { type Base, type ExactTag, type Nullable, type NullIf, type Tag, tagOf } from './tag.ts';

/** A typed expression over the columns of an event: `of` is its type. */
export interface Expr<T extends Tag> {
  readonly kind: 'expression';
  readonly of: T;
  readonly spec: ColumnSpec;
  readonly expression: Expression;
}

/** Tags that can be compared with one of tag T. */
type Comparable<T extends Tag> =
  Base<T> extends 'int' | 'float' | 'time' | 'int64' ? Loose<'int' | 'float' | 'time' | 'int64'> : Loose<Base<T>>;
type Loose<B extends Tag> = B | (B extends `${string}?` ? never : Nullable<B>);

/** A literal that can stand beside a value of tag T. */
type Literal<T extends Tag> =
  Base<T> extends 'text'
    ? string
    : Base<T> extends 'bool'
      ? boolean
      : Base<T> extends `list<${string}>` | `embedding<${string}>`
        ? never
        : number;

type Compare = <T extends Tag, U extends Comparable<T>>(
  left: Expr<T>,
  right: Expr<U> | Literal<T>,
) => Expr<NullIf<T | U, 'bool'>>;

export const eq: Compare = comparison('eq');
export const ne: Compare = comparison('ne');
export const lt: Compare = comparison('lt');
export const le: Compare = comparison('le');
export const gt: Compare = comparison('gt');
export const ge: Compare = comparison('ge');

/** True where all are true; null where one is null and none false. */
export function and<T extends 'bool' | 'bool?'>(...of: readonly Expr<T>[]): Expr<NullIf<T, 'bool'>> {
  return logic('and', of);
}

/** True where one is true; null where one is null and none true. */
export function or<T extends 'bool' | 'bool?'>(...of: readonly Expr<T>[]): Expr<NullIf<T, 'bool'>> {
  return logic('or', of);
}

export function not<T extends 'bool' | 'bool?'>(of: Expr<T>): Expr<T> {
  return { ...of, expression: { kind: 'not', of: of.expression } };
}

export function isNull<T extends Tag>(of: Expr<T>): Expr<'bool'> {
  return expr<'bool'>({ type: 'bool', nullable: false }, { kind: 'isNull', of: of.expression });
}

/** `then` where the test is true, else null: `sum(when(eq(e.kind, 'refund'), e.amount))`. */
export function when<T extends Tag>(test: Expr<'bool'> | Expr<'bool?'>, then: Expr<T>): Expr<Nullable<T>> {
  return expr<Nullable<T>>(
    { ...then.spec, nullable: true },
    { kind: 'when', test: test.expression, then: then.expression },
  );
}

type Arithmetic = <T extends ExactTag | Nullable<ExactTag>>(
  left: Expr<T>,
  right: Expr<T> | number,
) => Expr<Nullable<T>>;

/** Exact sum of two; null where it leaves the type's range. */
export const add: Arithmetic = arithmetic('add');
export const subtract: Arithmetic = arithmetic('subtract');

/** Exact product; of int and int64 (the scales of decimals would change). */
export const multiply: <T extends 'int' | 'int64' | 'int?' | 'int64?'>(
  left: Expr<T>,
  right: Expr<T> | number,
) => Expr<Nullable<T>> = arithmetic('multiply');

/** A constant. Error: EXPRESSION_LITERAL for a number that is not finite. */
export function literal<const V extends string | number | boolean>(
  value: V,
): Expr<V extends string ? 'text' : V extends boolean ? 'bool' : 'float'> {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw fail('EXPRESSION_LITERAL', { literal: value, type: 'float' });
  }
  const type = typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'bool' : 'float';
  return expr({ type, nullable: false }, { kind: 'literal', value });
}

/** The columns of a source as expressions. */
export function columnExpressions(columns: Readonly<Record<string, ColumnSpec>>): Readonly<Record<string, Expr<Tag>>> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, spec]) => [name, expr<Tag>(spec, { kind: 'column', name })]),
  );
}

function expr<T extends Tag>(spec: ColumnSpec, expression: Expression): Expr<T> {
  return Object.freeze({ kind: 'expression', of: tagOf(spec) as T, spec, expression });
}

function comparison(op: CompareOp): Compare {
  return (left, right) => {
    const beside = operand(right, left.spec);
    const spec: ColumnSpec = { type: 'bool', nullable: left.spec.nullable || beside.nullable };
    return expr(spec, { kind: 'compare', op, left: left.expression, right: beside.expression });
  };
}

function logic<T extends 'bool' | 'bool?'>(kind: 'and' | 'or', of: readonly Expr<T>[]): Expr<NullIf<T, 'bool'>> {
  const spec: ColumnSpec = { type: 'bool', nullable: of.some((one) => one.spec.nullable) };
  return expr(spec, { kind, of: of.map((one) => one.expression) });
}

function arithmetic(op: 'add' | 'subtract' | 'multiply') {
  return <T extends Tag>(left: Expr<T>, right: Expr<T> | number): Expr<Nullable<T>> => {
    const beside = operand(right, left.spec);
    const { range: _range, unit: _unit, ...spec } = left.spec;
    return expr<Nullable<T>>(
      { ...spec, nullable: true },
      { kind: 'arithmetic', op, left: left.expression, right: beside.expression },
    );
  };
}

/** A literal takes the scale of what it stands beside. Errors: EXPRESSION_LITERAL, EXPRESSION_SCALE. */
function operand(
  side: Expr<Tag> | string | number | boolean,
  beside: ColumnSpec,
): { expression: Expression; nullable: boolean } {
  if (typeof side === 'object') {
    if ((side.spec.type === 'decimal' || beside.type === 'decimal') && side.spec.scale !== beside.scale) {
      throw fail('EXPRESSION_SCALE', { left: beside.scale ?? 0, right: side.spec.scale ?? 0 });
    }
    return { expression: side.expression, nullable: side.spec.nullable };
  }
  if (typeof side !== 'number') return { expression: { kind: 'literal', value: side }, nullable: false };
  const value = beside.type === 'decimal' ? Number((side * 10 ** (beside.scale ?? 0)).toPrecision(15)) : side;
  const whole = beside.type !== 'float';
  if (
    !Number.isFinite(value) ||
    (beside.type === 'decimal' && !Number.isSafeInteger(value)) ||
    (whole && Math.abs(value) > Number.MAX_SAFE_INTEGER)
  ) {
    throw fail('EXPRESSION_LITERAL', { literal: side, type: beside.type });
  }
  return { expression: { kind: 'literal', value }, nullable: false };
}
