import type { ColumnSpec, Columns } from '../../schema/column.ts';
import { parseDecimal } from '../../schema/decimal.ts';
import type { CompareOp, Expression } from '../expression/expression.ts';
import { sourceColumn } from '../plan/names.ts';
import type { Dialect } from './dialect.ts';
import { bigint, double } from './text.ts';

/**
 * The SQL of an expression over accepted events; its value is that of `../expression/compile.ts` for every row.
 * `source` gives the types of the columns.
 */
export function expressionSql(expression: Expression, source: Columns, dialect: Dialect): string {
  return write(expression, { source, dialect }).sql;
}

interface Context {
  readonly source: Columns;
  readonly dialect: Dialect;
}

/** The form of a value in SQL: int and long are both BIGINT, but an int ends at ±(2^53 − 1). A literal keeps its value. */
interface Typed {
  readonly sql: string;
  readonly type: 'text' | 'int' | 'long' | 'double' | 'bool' | 'list';
  readonly literal?: string | number | boolean;
}

const TYPES: Readonly<Record<ColumnSpec['type'], Typed['type']>> = {
  text: 'text',
  int: 'int',
  time: 'int',
  int64: 'long',
  decimal: 'long',
  float: 'double',
  bool: 'bool',
  list: 'list',
  embedding: 'list',
};

function write(node: Expression, context: Context): Typed {
  switch (node.kind) {
    case 'column':
      return { sql: sourceColumn(node.name), type: TYPES[context.source[node.name].type] };
    case 'literal':
      return literal(node.value, context.dialect);
    case 'compare':
      return { sql: compare(node.op, write(node.left, context), write(node.right, context)), type: 'bool' };
    case 'and':
    case 'or': {
      const word = node.kind === 'and' ? ' AND ' : ' OR ';
      return { sql: `(${node.of.map((of) => write(of, context).sql).join(word)})`, type: 'bool' };
    }
    case 'not':
      return { sql: `(NOT ${write(node.of, context).sql})`, type: 'bool' };
    case 'isNull':
      return { sql: `(${write(node.of, context).sql} IS NULL)`, type: 'bool' };
    case 'when': {
      const then = write(node.then, context);
      return { sql: `CASE WHEN ${write(node.test, context).sql} THEN ${then.sql} END`, type: then.type };
    }
    case 'arithmetic':
      return arithmetic(node.op, write(node.left, context), write(node.right, context));
    default:
      return node satisfies never;
  }
}

function literal(value: string | number | boolean, dialect: Dialect): Typed {
  if (typeof value === 'boolean') return { sql: value ? 'TRUE' : 'FALSE', type: 'bool', literal: value };
  if (typeof value === 'string') return { sql: dialect.text(value), type: 'text', literal: value };
  const whole = Number.isSafeInteger(value);
  return { sql: whole ? bigint(value) : double(value), type: whole ? 'int' : 'double', literal: value };
}

const SYMBOLS: Readonly<Record<CompareOp, string>> = { eq: '=', ne: '<>', lt: '<', le: '<=', gt: '>', ge: '>=' };
const MIRRORED: Readonly<Record<CompareOp, CompareOp>> = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' };

function compare(op: CompareOp, left: Typed, right: Typed): string {
  const threshold = isWhole(left) ? numberOf(right) : null;
  if (threshold !== null) return compareWhole(op, left.sql, threshold);
  const mirrored = isWhole(right) ? numberOf(left) : null;
  if (mirrored !== null) return compareWhole(MIRRORED[op], right.sql, mirrored);
  if (left.type === 'double' || right.type === 'double') return `(${asDouble(left)} ${SYMBOLS[op]} ${asDouble(right)})`;
  const ordered = op !== 'eq' && op !== 'ne';
  // The order of raw text is not one order on all engines; that of its bytes in hexadecimal is.
  if (ordered && left.type === 'text') return `(HEX(${left.sql}) ${SYMBOLS[op]} HEX(${right.sql}))`;
  return `(${left.sql} ${SYMBOLS[op]} ${right.sql})`;
}

function isWhole({ type, literal }: Typed): boolean {
  return (type === 'int' || type === 'long') && literal === undefined;
}

/** The number of a literal combined with a whole column (a bigint's is text); null if it is not a literal. */
function numberOf({ literal }: Typed): string | null {
  if (typeof literal === 'number') return String(literal);
  return typeof literal === 'string' && parseDecimal(literal) !== null ? literal : null;
}

function asDouble({ sql, type, literal }: Typed): string {
  if (typeof literal === 'number') return double(literal);
  return type === 'double' ? sql : `CAST(${sql} AS DOUBLE)`;
}

/** Compares a BIGINT with any decimal number by whole thresholds: `x > 15.5` is `x >= 16`; engines would round or overflow. */
function compareWhole(op: CompareOp, sql: string, number: string): string {
  const { below, exact } = bounds(number);
  if (exact) return within(below) ? `(${sql} ${SYMBOLS[op]} ${bigint(below)})` : constant(op, sql, below < 0n);
  if (op === 'eq' || op === 'ne') return constantOf(sql, op === 'ne');
  const downward = op === 'lt' || op === 'le';
  if (!within(below)) return constant(op, sql, below < 0n);
  return downward ? `(${sql} <= ${bigint(below)})` : `(${sql} > ${bigint(below)})`;
}

/** The greatest integer at or below a number, and whether it is the number. */
function bounds(number: string): { readonly below: bigint; readonly exact: boolean } {
  const parts = parseDecimal(number);
  // Beyond parseDecimal's 60 digits a number is beyond every BIGINT, or next to zero.
  if (parts === null)
    return {
      below:
        Math.abs(Number(number)) > 1
          ? Number(number) < 0
            ? -(10n ** 60n)
            : 10n ** 60n
          : Number(number) < 0
            ? -1n
            : 0n,
      exact: false,
    };
  const unit = 10n ** BigInt(parts.scale);
  const quotient = parts.digits / unit;
  const exact = parts.digits % unit === 0n;
  return { below: exact || parts.digits >= 0n ? quotient : quotient - 1n, exact };
}

function within(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

/** A comparison with a number beyond every BIGINT. */
function constant(op: CompareOp, sql: string, below: boolean): string {
  const truth = { eq: false, ne: true, lt: !below, le: !below, gt: below, ge: below }[op];
  return constantOf(sql, truth);
}

/** A constant that is null where the operand is. */
function constantOf(sql: string, truth: boolean): string {
  return `(CASE WHEN ${sql} IS NULL THEN NULL ELSE ${truth ? 'TRUE' : 'FALSE'} END)`;
}

const OPERATORS = { add: '+', subtract: '-', multiply: '*' } as const;

/** Exact through DECIMAL(38,0) (a product of two BIGINTs fits); null where the result leaves the type. */
function arithmetic(op: keyof typeof OPERATORS, left: Typed, right: Typed): Typed {
  const type = left.type === 'int' && right.type === 'int' ? 'int' : 'long';
  const least = type === 'int' ? -(2n ** 53n) + 1n : -(2n ** 63n);
  const greatest = type === 'int' ? 2n ** 53n - 1n : 2n ** 63n - 1n;
  // A literal that is no integer has no exact sum with one.
  if (left.type === 'double' || right.type === 'double') return { sql: 'CAST(NULL AS BIGINT)', type };
  const exact = `${wide(left.sql)} ${OPERATORS[op]} ${wide(right.sql)}`;
  return { sql: `CASE WHEN ${exact} BETWEEN ${least} AND ${greatest} THEN CAST(${exact} AS BIGINT) END`, type };
}

function wide(sql: string): string {
  return `CAST(${sql} AS DECIMAL(19,0))`;
}
