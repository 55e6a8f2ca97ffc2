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

/** A literal that can be combined with a value of tag T. */
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

type Whole = 'int' | 'int64' | 'int?' | 'int64?';
type Decimal = 'decimal' | 'decimal?';

/**
 * Exact product of whole numbers, or of a whole number and a decimal, which is a decimal of its scale:
 * `multiply(e.quantity, e.price)`. Null where it leaves the type's range. Errors: EXPRESSION_LITERAL, EXPRESSION_PRODUCT.
 */
export function multiply<T extends Whole>(left: Expr<T>, right: Expr<T> | number): Expr<Nullable<T>>;
export function multiply(left: Expr<Whole>, right: Expr<Decimal>): Expr<'decimal?'>;
export function multiply(left: Expr<Decimal>, right: Expr<Whole> | number): Expr<'decimal?'>;
export function multiply<R extends Tag>(left: Expr<Tag>, right: Expr<Tag> | number): Expr<R> {
  const other: ColumnSpec = typeof right === 'number' ? { type: 'int', nullable: false } : right.spec;
  const beside = typeof right === 'number' ? wholeLiteral(right, left.spec) : right.expression;
  return expr<R>(
    { ...productOf(left.spec, other), nullable: true },
    { kind: 'arithmetic', op: 'multiply', left: left.expression, right: beside },
  );
}

/** The type of a product. Error: EXPRESSION_PRODUCT. */
function productOf(left: ColumnSpec, right: ColumnSpec): Pick<ColumnSpec, 'type' | 'scale'> {
  const decimals = [left, right].filter(({ type }) => type === 'decimal');
  if ([left, right].some(({ type }) => !PRODUCT_TYPES.includes(type)) || decimals.length > 1)
    throw fail('EXPRESSION_PRODUCT', { left: left.type, right: right.type });
  const [decimal] = decimals;
  if (decimal !== undefined) return { type: 'decimal', scale: decimal.scale ?? 0 };
  return { type: left.type === 'int64' || right.type === 'int64' ? 'int64' : 'int' };
}

const PRODUCT_TYPES: readonly ColumnSpec['type'][] = ['int', 'int64', 'decimal'];

function wholeLiteral(value: number, { type }: ColumnSpec): Expression {
  if (!Number.isSafeInteger(value)) throw fail('EXPRESSION_LITERAL', { literal: value, type });
  return { kind: 'literal', value };
}

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

function arithmetic(op: 'add' | 'subtract') {
  return <T extends Tag>(left: Expr<T>, right: Expr<T> | number): Expr<Nullable<T>> => {
    const beside = operand(right, left.spec);
    const { range: _range, unit: _unit, ...spec } = left.spec;
    // An int combined with an int64 is an int64: the sum may be any int64.
    const wide = typeof right === 'object' && right.spec.type === 'int64';
    return expr<Nullable<T>>(
      { ...spec, ...(wide ? { type: 'int64' } : {}), nullable: true },
      { kind: 'arithmetic', op, left: left.expression, right: beside.expression },
    );
  };
}

/** A literal takes the scale of the value that it is combined with. Errors: EXPRESSION_LITERAL, EXPRESSION_SCALE. */
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
