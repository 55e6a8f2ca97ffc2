import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { compileExpression } from '../../src/features/expression/compile.ts';
import type { CompareOp, Expression } from '../../src/features/expression/expression.ts';
import { sourceColumn } from '../../src/features/plan/names.ts';
import { sqlColumns } from '../../src/features/plan/table.ts';
import { valueDecoder } from '../../src/features/sql/decode.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { expressionSql } from '../../src/features/sql/expression.ts';
import type { ColumnSpec, Columns, Value } from '../../src/schema/column.ts';
import { bool, column, decimal, float, int, int64, text } from './declare.ts';
import { openForTest, type TestDatabase } from './duckdb.ts';

const columns: Columns = {
  t: text,
  u: text,
  i: int,
  j: int,
  l: int64,
  m: int64,
  d: decimal(2),
  f: float,
  g: float,
  b: bool,
  c: bool,
};

const texts = ['', 'a', 'b', 'é', '\uffee', '🙂', "it's", 'back\\slash', 'NULL', ' '];
const ints = [0, 1, -1, 15, 16, 100, 2 ** 31, -(2 ** 31), Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER];
const longs = [0n, 1n, -1n, 15n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const floats = [0, 1, -1, 0.1, 15.5, 1e21, 1e-7, -1e300, 5e-324, 2 ** 53, 0.1 + 0.2];

const samples: Readonly<Record<string, readonly Value[]>> = {
  text: texts,
  int: ints,
  int64: longs,
  decimal: longs,
  float: floats,
  bool: [true, false],
};

const random = seededRandom(20_010_101);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
const rows = Array.from({ length: 300 }, (_, index): readonly Value[] => [
  index,
  ...Object.values(columns).map(({ type }) => (random() < 0.15 ? null : pick(samples[type]))),
]);

function prefixed(of: Columns) {
  return Object.fromEntries(Object.entries(sqlColumns(of)).map(([name, type]) => [sourceColumn(name), type]));
}

/** A database with the rows. */
async function openWithRows(): Promise<TestDatabase> {
  const database = await openForTest();
  const table = { name: 'accepted', columns: { row_no: 'BIGINT' as const, ...prefixed(columns) } };
  await database.create(table, rows as Parameters<TestDatabase['create']>[1]);
  return database;
}

/** Runs both and compares every row. */
async function same(database: TestDatabase, expression: Expression, type: ColumnSpec): Promise<void> {
  const inTypeScript = compileExpression(expression, columns);
  const sql = expressionSql(expression, columns, duckdb);
  const found = await database.rows(`SELECT ${sql} FROM accepted ORDER BY row_no`);
  const decode = valueDecoder(type);
  expect(
    found.map(([value]) => decode(value)),
    sql,
  ).toEqual(rows.map((row) => inTypeScript(row.slice(1))));
}

const op = fc.constantFrom<CompareOp>('eq', 'ne', 'lt', 'le', 'gt', 'ge');
const arithmeticOp = fc.constantFrom('add' as const, 'subtract' as const, 'multiply' as const);
const named = (...names: readonly string[]) => fc.constantFrom(...names).map(column);
const literal = (values: readonly (string | number | boolean)[]) =>
  fc.constantFrom(...values).map((value): Expression => ({ kind: 'literal', value }));
const numberLiteral = literal([0, 1, -1, 15, 15.5, -0.5, 0.1, 2 ** 53 - 1, 1e20, -1e20, 1e-9]);

const whole: fc.Arbitrary<Expression> = fc.oneof(
  named('i', 'j'),
  fc.record({
    kind: fc.constant('arithmetic' as const),
    op: arithmeticOp,
    left: named('i', 'j'),
    right: fc.oneof(named('i', 'j'), literal([0, 1, -7, 2 ** 52])),
  }),
);

const long: fc.Arbitrary<Expression> = fc.oneof(
  named('l', 'm'),
  fc.record({
    kind: fc.constant('arithmetic' as const),
    op: arithmeticOp,
    left: named('l', 'm'),
    right: fc.oneof(named('l', 'm', 'i'), literal([2, -3])),
  }),
);

const compare = (left: fc.Arbitrary<Expression>, right: fc.Arbitrary<Expression>): fc.Arbitrary<Expression> =>
  fc.record({ kind: fc.constant('compare' as const), op, left, right });

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  named('b', 'c'),
  compare(named('t', 'u'), fc.oneof(named('t', 'u'), literal(texts))),
  compare(whole, fc.oneof(whole, numberLiteral, long)),
  compare(long, fc.oneof(long, numberLiteral)),
  compare(named('d'), fc.oneof(named('d'), literal([1050, -1]))),
  compare(named('f', 'g'), fc.oneof(named('f', 'g', 'i'), numberLiteral)),
  compare(named('b'), fc.oneof(named('c'), literal([true, false]))),
  fc.record({ kind: fc.constant('isNull' as const), of: named('t', 'i', 'l', 'd', 'f', 'b') }),
);

const { test: truth } = fc.letrec<{ test: Expression }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('test'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not' as const), of: tie('test') }),
  ),
}));

test('a predicate has one value in TypeScript and in SQL, for every row', async () => {
  const database = await openWithRows();
  await fc.assert(
    fc.asyncProperty(truth, (expression) => same(database, expression, bool)),
    { numRuns: 150 },
  );
});

test('arithmetic is exact in both, and null beyond its type', async () => {
  const database = await openWithRows();
  await fc.assert(
    fc.asyncProperty(whole, (expression) => same(database, expression, int)),
    { numRuns: 40 },
  );
  await fc.assert(
    fc.asyncProperty(long, (expression) => same(database, expression, int64)),
    { numRuns: 40 },
  );
});

test('a product of a whole number and a decimal is exact in both, and null beyond int64', async () => {
  const database = await openWithRows();
  const whole = fc.oneof(named('i', 'j', 'l', 'm'), literal([0, 1, -7, 2 ** 52]));
  const product = fc.tuple(whole, fc.boolean()).map(([of, first]): Expression => {
    const [left, right] = first ? [of, column('d')] : [column('d'), of];
    return { kind: 'arithmetic', op: 'multiply', left, right };
  });
  await fc.assert(
    fc.asyncProperty(product, (expression) => same(database, expression, decimal(2))),
    { numRuns: 30 },
  );
});

test('"when" takes a value where its test is true, else null', async () => {
  const database = await openWithRows();
  await fc.assert(
    fc.asyncProperty(truth, (when) => same(database, { kind: 'when', test: when, then: column('d') }, decimal(2))),
    { numRuns: 30 },
  );
});
