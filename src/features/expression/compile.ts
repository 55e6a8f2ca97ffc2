import { compareText } from '../../base/text-order.ts';
import type { Columns, Value } from '../../schema/column.ts';
import type { CompareOp, Expression } from './expression.ts';

/** A compiled expression: a row of the source (values in declared column order) to a value. */
export type RowFunction = (row: readonly Value[]) => Value;

/**
 * Compiles an expression over rows of these columns. Values are as inside Headrace: int64 and decimals are bigints, so
 * the declaration turned literals combined with them into bigint-compatible text. Null as in SQL.
 */
export function compileExpression(expression: Expression, columns: Columns): RowFunction {
  const names = Object.keys(columns);
  return compileNode(expression, names);
}

function compileNode(node: Expression, names: readonly string[]): RowFunction {
  switch (node.kind) {
    case 'column': {
      const index = names.indexOf(node.name);
      return (row) => row[index];
    }
    case 'literal': {
      const { value } = node;
      return () => value;
    }
    case 'compare':
      return compileCompare(node.op, compileNode(node.left, names), compileNode(node.right, names));
    case 'and':
    case 'or':
      return compileLogic(
        node.kind === 'or',
        node.of.map((of) => compileNode(of, names)),
      );
    case 'not': {
      const of = compileNode(node.of, names);
      return (row) => {
        const value = of(row);
        return value === null ? null : value !== true;
      };
    }
    case 'isNull': {
      const of = compileNode(node.of, names);
      return (row) => of(row) === null;
    }
    case 'when': {
      const test = compileNode(node.test, names);
      const then = compileNode(node.then, names);
      return (row) => (test(row) === true ? then(row) : null);
    }
    case 'arithmetic':
      return compileArithmetic(node.op, compileNode(node.left, names), compileNode(node.right, names));
    default:
      return node satisfies never;
  }
}

const verdicts: Readonly<Record<CompareOp, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
};

function compileCompare(op: CompareOp, left: RowFunction, right: RowFunction): RowFunction {
  const verdict = verdicts[op];
  return (row) => {
    const a = left(row);
    const b = right(row);
    return a === null || b === null ? null : verdict(orderOf(a, b));
  };
}

/** Numbers and bigints compare by value whatever their mix; texts by UTF-8 bytes; false before true. */
function orderOf(a: NonNullable<Value>, b: NonNullable<Value>): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compileLogic(decisive: boolean, of: readonly RowFunction[]): RowFunction {
  return (row) => {
    let unknown = false;
    for (const one of of) {
      const value = one(row);
      if (value === decisive) return decisive;
      if (value === null) unknown = true;
    }
    return unknown ? null : !decisive;
  };
}

type Arithmetic = Extract<Expression, { kind: 'arithmetic' }>['op'];

function compileArithmetic(op: Arithmetic, left: RowFunction, right: RowFunction): RowFunction {
  return (row) => {
    const a = left(row);
    const b = right(row);
    if (typeof a === 'number' && typeof b === 'number') return exactInt(op, a, b);
    if ((typeof a === 'number' || typeof a === 'bigint') && (typeof b === 'number' || typeof b === 'bigint')) {
      return Number.isInteger(Number(a)) && Number.isInteger(Number(b)) ? exactInt64(op, BigInt(a), BigInt(b)) : null;
    }
    return null;
  };
}

/** On int: a number while it is exact; null beyond ±(2^53 − 1), as the SQL text has it. */
function exactInt(op: Arithmetic, a: number, b: number): number | null {
  const value = op === 'add' ? a + b : op === 'subtract' ? a - b : a * b;
  return Number.isSafeInteger(value) ? value + 0 : null;
}

/** On int64 and decimals: null beyond int64. */
function exactInt64(op: Arithmetic, a: bigint, b: bigint): bigint | null {
  const value = op === 'add' ? a + b : op === 'subtract' ? a - b : a * b;
  return BigInt.asIntN(64, value) === value ? value : null;
}
