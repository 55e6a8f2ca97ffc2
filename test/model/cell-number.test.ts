import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readNumbers } from '../../src/backends/embedded/parquet/read-numbers.ts';
import { duckScoreFiles } from '../../src/backends/embedded/scores/score-files.ts';
import { decimalDouble, elementOf, inputNumber, UnfitCell } from '../../src/model/cell-number.ts';
import { scaledDoubleSql } from '../../src/model/cell-sql.ts';
import { modelCell } from '../../src/model/model-value.ts';
import { isNumberType, type NumberType } from '../../src/model/number-type.ts';
import type { RowInputs } from '../../src/model/row-inputs.ts';
import type { ColumnSpec, Value } from '../../src/schema/column.ts';
import { scaledToText } from '../../src/schema/decimal.ts';
import { parseJsonExact } from '../../src/schema/json-exact.ts';
import { tensorArrays } from '../../src/schema/tensor.ts';
import { parseTensorData } from '../../src/versions/request/tensor-json.ts';
import { sql } from '../inference/batch-site.ts';
import { EDGE_DOUBLES, EDGE_WHOLES, type ExactCell, wanted } from './exact-cells.ts';

const TYPES: readonly NumberType[] = Object.keys(tensorArrays).filter(isNumberType);
const folder = mkdtempSync(join(tmpdir(), 'headrace-cells-'));

/** A column of a file: its type, and the SQL and the value of each cell. */
interface FileColumn {
  readonly type: string;
  readonly cells: readonly (readonly [sql: string, cell: ExactCell])[];
}

function decimals(width: number, scale: number): FileColumn {
  const end = 10n ** BigInt(width);
  const drawn = fc.sample(fc.bigInt({ min: 1n - end, max: end - 1n }), { numRuns: 150, seed: 1 });
  const near = [
    5_596_837_841n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    5n * 10n ** BigInt(scale),
  ];
  const digits = [0n, 1n, -1n, ...near, ...drawn].filter((one) => one < end && -one < end);
  const cells = digits.map((one) => [`'${scaledToText(one, scale)}'`, { digits: one, scale }] as const);
  return { type: `DECIMAL(${width},${scale})`, cells };
}

function wholes(type: string, least: bigint, greatest: bigint): FileColumn {
  const drawn = fc.sample(fc.bigInt({ min: least, max: greatest }), { numRuns: 60, seed: 2 });
  const all = [least, greatest, ...EDGE_WHOLES, ...drawn].filter((one) => one >= least && one <= greatest);
  return { type, cells: all.map((digits) => [`'${digits}'`, { digits, scale: 0 }] as const) };
}

function doubles(type: 'DOUBLE' | 'FLOAT'): FileColumn {
  const drawn = fc.sample(fc.double(), { numRuns: 150, seed: 3 });
  const all = [...EDGE_DOUBLES, ...drawn].map((one) => (type === 'FLOAT' ? Math.fround(one) : one));
  return { type, cells: all.map((one) => [`'${Object.is(one, -0) ? '-0.0' : one}'`, one] as const) };
}

/** Digits alone are a whole number; any other text is a double. Null marks a text that is no number. */
const TEXTS: readonly (readonly [text: string, cell: ExactCell | 'none'])[] = [
  ...EDGE_WHOLES.map((digits) => [String(digits), { digits, scale: 0 }] as const),
  ...EDGE_DOUBLES.filter((one) => !Number.isInteger(one) || Object.is(one, -0)).map((one) => [text(one), one] as const),
  ...([' 7 ', '+8', '1_000', '007'] as const).map(
    (one) => [one, { digits: BigInt(one.replaceAll(/[_ +]/g, '')), scale: 0 }] as const,
  ),
  ...([
    ['1e3', 1_000],
    ['.5', 0.5],
    ['-7.', -7],
    ['\v2\f', { digits: 2n, scale: 0 }],
    ['+-0.25', -0.25],
  ] as const),
  ...(['one', '1e400', '0x10', '1__0', '- 1'] as const).map((one) => [one, 'none'] as const),
];

function text(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value);
}

const COLUMNS: Readonly<Record<string, FileColumn>> = {
  bool: {
    type: 'BOOLEAN',
    cells: [
      ["'true'", { digits: 1n, scale: 0 }],
      ["'false'", { digits: 0n, scale: 0 }],
    ],
  },
  tiny: wholes('TINYINT', -128n, 127n),
  unsigned: wholes('UINTEGER', 0n, 2n ** 32n - 1n),
  big: wholes('BIGINT', -(2n ** 63n), 2n ** 63n - 1n),
  ubig: wholes('UBIGINT', 0n, 2n ** 64n - 1n),
  money: decimals(18, 2),
  rate: decimals(9, 4),
  wide: decimals(38, 10),
  fine: decimals(38, 25),
  none: decimals(20, 0),
  double: doubles('DOUBLE'),
  float: doubles('FLOAT'),
};

const files = new Map<string, Promise<string>>();

/** The file of a column, written once. */
function written(name: string, column: FileColumn): Promise<string> {
  const file = files.get(name) ?? write(name, column);
  files.set(name, file);
  return file;
}

async function write(name: string, { type, cells }: FileColumn): Promise<string> {
  const path = join(folder, `${name}.parquet`);
  const rows = [...cells.map(([literal]) => literal), 'NULL'].map((literal, i) => `(${i}, ${literal})`).join(', ');
  await sql(`COPY (SELECT CAST(v AS ${type}) AS x FROM (VALUES ${rows}) AS t(i, v) ORDER BY i) TO '${path}'`);
  return path;
}

function oneInput(type: NumberType): RowInputs {
  return { features: ['x'], inputs: [{ name: 'x', type, shape: [], places: [0] }], isSingle: false };
}

/** The numbers of a file's column in a tensor; null: the row is refused, by a reason that names the column and the type. */
async function fileNumbers(path: string, type: NumberType, rows: number): Promise<readonly (number | bigint | null)[]> {
  const table = await duckScoreFiles.open({ path, features: ['x'], keep: [] }, oneInput(type));
  const read = await table.read(0, rows);
  table.close();
  return Array.from({ length: rows }, (_, row) => {
    const refused = read.unreadable.get(row);
    if (refused === undefined) return read.rows.data[0][row];
    expect(refused.reason).toMatch(new RegExp(`^column "x" .*${type}`));
    return null;
  });
}

/** The number of a value, or null where it is refused. */
function numberOr(number: () => number | bigint): number | bigint | null {
  try {
    return number();
  } catch (error) {
    expect(error).toBeInstanceOf(UnfitCell);
    return null;
  }
}

describe.each(Object.entries(COLUMNS))('a file with a column %s', (name, column) => {
  test.each(TYPES)('feeds a tensor of %s what exact arithmetic says', async (type) => {
    const path = await written(name, column);
    const cells = [...column.cells.map(([, cell]) => cell), null];
    expect(await fileNumbers(path, type, cells.length)).toEqual(cells.map((cell) => wanted(cell, type)));
  });

  test('trains with the numbers that it is scored with', async () => {
    const cells = [...column.cells.map(([, cell]) => cell), null];
    const read = await readNumbers(await written(name, column), { singles: ['x'], doubles: ['x'] });
    expect([...read.doubles[0]]).toEqual(cells.map((cell) => wanted(cell, 'FP64')));
    const finite = cells.map((cell) => wanted(cell, 'FP32') ?? expect.closeTo(Infinity));
    const singles = [...read.singles[0]].map((one, i) => (wanted(cells[i], 'FP32') === null ? finite[i] : one));
    expect(singles).toEqual(finite);
  });
});

test.each(TYPES)('texts of a file feed a tensor of %s what they say', async (type) => {
  const path = join(folder, 'texts.parquet');
  const rows = TEXTS.map(([one], i) => `(${i}, '${one.replaceAll("'", "''")}')`).join(', ');
  await sql(`COPY (SELECT v AS x FROM (VALUES ${rows}) AS t(i, v) ORDER BY i) TO '${path}'`);
  const found = await fileNumbers(path, type, TEXTS.length);
  const named = (numbers: readonly (number | bigint | null)[]) => numbers.map((one, i) => [TEXTS[i][0], one]);
  expect(named(found)).toEqual(named(TEXTS.map(([, cell]) => (cell === 'none' ? null : wanted(cell, type)))));
});

const decimal = (scale: number): ColumnSpec => ({ type: 'decimal', scale, nullable: true });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const number = fc.oneof(fc.double(), fc.constantFrom(...EDGE_DOUBLES));

/** Values of the columns of a declaration, with what each is. */
const VALUES: Readonly<Record<string, fc.Arbitrary<readonly [spec: ColumnSpec, value: Value, cell: ExactCell]>>> = {
  int: fc.maxSafeInteger().map((one) => [{ type: 'int', nullable: true }, one, one]),
  time: fc.maxSafeInteger().map((one) => [{ type: 'time', nullable: true }, one, one]),
  int64: fc
    .oneof(int64, fc.constantFrom(...EDGE_WHOLES.filter((one) => BigInt.asIntN(64, one) === one)))
    .map((one) => [{ type: 'int64', nullable: true }, one, { digits: one, scale: 0 }]),
  decimal: fc
    .tuple(fc.oneof(int64, fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n })), fc.nat(15))
    .map(([digits, scale]) => [decimal(scale), digits, { digits, scale }]),
  float: number.map((one) => [{ type: 'float', nullable: true }, one, one]),
  bool: fc.boolean().map((one) => [{ type: 'bool', nullable: true }, one, { digits: one ? 1n : 0n, scale: 0 }]),
  missing: fc
    .constantFrom('int', 'int64', 'decimal', 'float', 'bool', 'time')
    .map((type) => [{ type, nullable: true }, null, null]),
};

describe.each(Object.entries(VALUES))('a value of type %s of a request, an event or a set', (name, values) => {
  test.each(TYPES)('feeds a tensor of %s what exact arithmetic says, or is refused', (type) => {
    fc.assert(
      fc.property(values, ([spec, value, cell]) => {
        const found = numberOr(() => inputNumber({ type: spec, element: null }, type)(value));
        expect(found).toEqual(wanted(cell, type));
        // A training set has the same double.
        if (type === 'FP64') expect(Number(modelCell(spec)(value) ?? Number.NaN)).toEqual(found);
      }),
    );
  });
  if (name === 'float')
    test.each(TYPES)('feeds it as a number of an embedding too: %s', (type) => {
      fc.assert(
        fc.property(number, (one) => {
          const spec: ColumnSpec = { type: 'embedding', length: 2, nullable: true };
          const found = numberOr(() => inputNumber({ type: spec, element: 1 }, type)([0, one]));
          expect(found).toEqual(wanted(one, type));
        }),
      );
    });
});

test.each(TYPES)('a number of a tensor request in JSON feeds %s the same, or is refused', (type) => {
  const texts = [
    ...EDGE_WHOLES.map(String),
    ...EDGE_DOUBLES.filter((one) => Number.isFinite(one) && !Object.is(one, -0)).map(String),
  ];
  for (const one of texts) {
    const digits = /^-?\d+$/.test(one) ? { digits: BigInt(one), scale: 0 } : Number(one);
    const data = [parseJsonExact(one)];
    const found = numberOrRefused(() => parseTensorData({ name: 'x', type, shape: [1], data }).data[0]);
    expect([one, found]).toEqual([one, wanted(digits, type)]);
  }
});

function numberOrRefused(number: () => unknown): unknown {
  try {
    return number();
  } catch (error) {
    expect(error).toMatchObject({ code: 'OIP_REQUEST' });
    return null;
  }
}

test('a scaled integer is the same double in SQL and in values', async () => {
  const digits = fc.sample(fc.oneof(int64, fc.bigInt({ min: -(10n ** 10n), max: 10n ** 10n })), {
    numRuns: 300,
    seed: 4,
  });
  for (const scale of [0, 1, 2, 7, 15]) {
    const rows = digits.map((one, i) => `(${i}, CAST('${one}' AS BIGINT))`).join(', ');
    const found = await sql(`SELECT ${scaledDoubleSql('v', scale)} FROM (VALUES ${rows}) AS t(i, v) ORDER BY i`);
    expect(found.map(([one]) => one)).toEqual(digits.map((one) => wanted({ digits: one, scale }, 'FP64')));
    expect(digits.map((one) => decimalDouble(one, scale))).toEqual(found.map(([one]) => one));
  }
});

test('the numbers of the faults: money as training has it, 2^24 + 1, an epoch second, 1e-300', () => {
  const money = elementOf(decimal(2), 'FP32');
  expect(money(5_596_837_841n)).toBe(55_968_380);
  const whole = elementOf({ type: 'float', nullable: true }, 'INT64');
  expect(whole(16_777_217)).toBe(16_777_217n);
  expect(whole(1_700_000_063)).toBe(1_700_000_063n);
  expect(elementOf({ type: 'float', nullable: true }, 'FP64')(1e-300)).toBe(1e-300);
});
