import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { ColumnSpec, ScalarType } from '../../src/schema/column.ts';
import { INT64_MAX, INT64_MIN, scaledToText } from '../../src/schema/decimal.ts';
import { parseJsonExact, stringifyExact } from '../../src/schema/json-exact.ts';
import { requestParser, rowParser } from '../../src/schema/row-parser.ts';
import { eventSchema, exactBounds, requestSchema } from '../../src/server/column-schema.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** Whether a JSON Schema takes the JSON text of a value: the keywords that columns use, numbers exact. */
function takes(schema: Schema, text: string): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => takes(one, text));
  if (Array.isArray(schema.type)) return schema.type.some((type) => takes({ ...schema, type }, text));
  const value: unknown = JSON.parse(text);
  const isInteger = typeof value === 'number' && /^-?\d+$/.test(text);
  switch (schema.type) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string' && new RegExp(schema.pattern ?? '').test(value);
    case 'integer':
      return isInteger && within(schema, text);
    case 'number':
      return typeof value === 'number' && within(schema, text);
    case 'array': {
      const items = parseJsonExact(text);
      return (
        Array.isArray(items) &&
        items.length >= (schema.minItems ?? 0) &&
        items.length <= (schema.maxItems ?? Number.POSITIVE_INFINITY) &&
        items.every((item) => takes(schema.items ?? {}, stringifyExact(item)))
      );
    }
    default:
      throw new Error(`a keyword that the test does not know: ${JSON.stringify(schema)}`);
  }
}

/** Bounds and multiples by all digits of the text. */
function within({ minimum, maximum, multipleOf }: Schema, text: string): boolean {
  const value = digitsOf(text);
  if (minimum !== undefined && value < digitsOf(JSON.stringify(minimum))) return false;
  if (maximum !== undefined && value > digitsOf(JSON.stringify(maximum))) return false;
  return multipleOf === undefined || value % digitsOf(JSON.stringify(multipleOf)) === 0n;
}

const PLACES = 400;

/** A JSON number times 10^400. */
function digitsOf(text: string): bigint {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const shift = PLACES + Number(exponent) - fraction.length;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  return shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
}

const scalarTypes: readonly ScalarType[] = ['text', 'int', 'int64', 'decimal', 'float', 'bool', 'time'];

const spec: fc.Arbitrary<ColumnSpec> = fc
  .record({
    type: fc.constantFrom(...scalarTypes, 'list' as const, 'embedding' as const),
    element: fc.constantFrom(...scalarTypes),
    scale: fc.nat(15),
    length: fc.integer({ min: 1, max: 4 }),
    nullable: fc.boolean(),
  })
  .map(({ type, element, scale, length, nullable }): ColumnSpec => {
    if (type === 'embedding') return { type, length, nullable };
    const scaled = (type === 'list' ? element : type) === 'decimal' ? { scale } : {};
    return type === 'list' ? { type, element, nullable, ...scaled } : { type, nullable, ...scaled };
  });

/** Those of every type, and numbers between them. */
const bounds = [
  ...[0n, 2n ** 53n, INT64_MAX, INT64_MIN, 864n * 10n ** 13n, 9n * 10n ** 14n, -(10n ** 14n)],
  ...[88n * 10n ** 14n, 95n * 10n ** 17n, 10n ** 17n],
];

/** Numbers around every bound there is, of every form. */
const number: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...bounds), fc.bigInt(-1_500n, 1_500n), fc.nat(16))
    .map(([bound, more, scale]) => scaledToText(bound + more, scale)),
  fc.bigInt(-(10n ** 22n), 10n ** 22n).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.tuple(fc.integer(), fc.nat(6)).map(([digits, scale]) => scaledToText(BigInt(digits), scale)),
  fc.constantFrom('1.7976931348623157e308', '1e309', '-1e400', '5e-324', '-0', '0.1'),
);

/** Every bound with its neighbours, with as many digits after the point as the column has. */
function edgesOf({ type, scale = 0 }: ColumnSpec): readonly string[] {
  const edges = bounds.flatMap((bound) => [-1n, 0n, 1n].map((more) => scaledToText(bound + more, scale)));
  const scalars = edges.flatMap((text) => [text, JSON.stringify(text)]);
  return type === 'list' ? scalars.map((text) => `[${text}]`) : scalars;
}

const scalar: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: number },
  { weight: 6, arbitrary: number.map((text) => JSON.stringify(text)) },
  fc.stringMatching(/^-?0{0,3}\d{1,20}(\.\d{0,16})?$/).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
  fc.constantFrom('null', 'true', 'false', '""', '{}'),
);

const json = fc.oneof(
  { weight: 3, arbitrary: scalar },
  fc.array(scalar, { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
);

const columnOf = (schema: z.ZodType): Schema =>
  (exactBounds(z.toJSONSchema(schema, { io: 'input' })) as { readonly properties: { readonly c: Schema } }).properties
    .c;

function isParsed(parse: (json: unknown) => unknown, text: string): boolean {
  try {
    parse({ c: parseJsonExact(text) });
    return true;
  } catch (error) {
    // Its unit is judged by the clock, which no schema has.
    return isHeadraceError(error, 'INSTANT_UNIT');
  }
}

test('a value that the schema of a column takes, its parser takes: no schema is looser than the server', () => {
  const taken = new Map<string, number>();
  fc.assert(
    fc.property(spec, fc.array(json, { minLength: 20, maxLength: 20 }), (column, texts) => {
      const schema = columnOf(requestSchema({ c: column }));
      const parse = requestParser('service', { c: column });
      for (const text of [...texts, ...edgesOf(column)]) {
        if (!takes(schema, text)) continue;
        taken.set(column.type, (taken.get(column.type) ?? 0) + 1);
        expect(isParsed(parse, text), `${JSON.stringify(column)} ${text}`).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
  expect(new Set(taken.keys())).toEqual(new Set([...scalarTypes, 'list', 'embedding']));
});

test('texts of an int64 are described exactly, and other texts, bools and integers too', () => {
  const exact: readonly ColumnSpec[] = (['int64', 'text', 'bool'] as const).map((type) => ({ type, nullable: false }));
  fc.assert(
    fc.property(fc.constantFrom(...exact), scalar, (column, text) => {
      if (!text.startsWith('"')) return;
      const parse = requestParser('service', { c: column });
      expect(takes(columnOf(requestSchema({ c: column })), text), text).toBe(isParsed(parse, text));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['id', { type: 'text', nullable: false }],
  ['time', { type: 'time', nullable: false }],
] as const)('a value that the schema of an event takes as its %s, its parser takes', (role, column) => {
  const source = {
    name: 'source',
    columns: { c: column },
    id: role === 'id' ? 'c' : '',
    time: role === 'time' ? 'c' : '',
  };
  const schema = columnOf(eventSchema(source));
  const parse = rowParser(source);
  const id = fc.stringMatching(/^[ -z]{0,40}$/).map((text) => JSON.stringify(text));
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(json, id, fc.constantFrom(...edgesOf(column))), (text) => {
      if (!takes(schema, text)) return;
      taken += 1;
      expect(isParsed(parse, text), text).toBe(true);
    }),
    { numRuns: 3_000 },
  );
  expect(taken).toBeGreaterThan(0);
});
