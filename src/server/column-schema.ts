import { z } from 'zod';
import type { ColumnSpec, Columns, ScalarType } from '../schema/column.ts';
import { INT64_MAX, INT64_MIN, scaledToText } from '../schema/decimal.ts';
import { rawNumber } from '../schema/json-exact.ts';

/**
 * Values that clients send and get, column by column, as schemas of the description. They take no more than the parsers of
 * src/schema do: a value of a schema is never rejected for its form.
 */

/** Digits of the longest number in a text. */
const MOST_DIGITS = 60;

/** Digits that a double holds, whatever they are. */
const SAFE_DIGITS = 15;

/** Times reach this far on both sides of 1970, ms. */
const LAST_TIME = 8.64e15;

export const instantSchema = z.int().describe('epoch milliseconds (UTC)');

/** The request of a service. */
export function requestSchema(columns: Columns): z.ZodType {
  return rowSchema(columns, () => null);
}

/** An event of a source: its ids and times have narrower forms than other columns. */
export function eventSchema(source: {
  readonly columns: Columns;
  readonly id: string;
  readonly time: string;
  readonly changes?: { readonly id: string; readonly time: string };
}): z.ZodType {
  return rowSchema(source.columns, (name) => {
    if (name === source.id || name === source.changes?.id) return eventId;
    return name === source.time || name === source.changes?.time ? eventTime : null;
  });
}

/** The features of a vector by name, as they are answered. */
export function featuresSchema(features: readonly { readonly name: string; readonly type: ColumnSpec }[]): z.ZodType {
  return z.object(Object.fromEntries(features.map(({ name, type }) => [name, answered(type).nullable()])));
}

const eventId = z.string().meta({ pattern: '^[0-9A-Za-z._-]{1,36}$' });
const eventTime = z
  .int()
  .min(-1e14)
  .max(9e14 - 1)
  .describe('epoch milliseconds (UTC)');

function rowSchema(columns: Columns, special: (name: string) => z.ZodType | null): z.ZodType {
  return z.strictObject(
    Object.fromEntries(
      Object.entries(columns).map(([name, spec]) => [name, columnSchema(spec, special(name) ?? typeSchema(spec))]),
    ),
  );
}

function columnSchema({ nullable, unit, deprecated }: ColumnSpec, schema: z.ZodType): z.ZodType {
  const optional = nullable ? schema.nullable().optional() : schema;
  if (unit === undefined && deprecated === undefined) return optional;
  return optional.meta({
    ...(unit === undefined ? {} : { 'x-unit': unit }),
    ...(deprecated === undefined ? {} : { deprecated: true }),
  });
}

function typeSchema({ type, scale = 0, element = 'text', length = 1 }: ColumnSpec): z.ZodType {
  if (type === 'embedding') return z.array(float).length(length);
  return type === 'list' ? z.array(scalars[element](scale)) : scalars[type](scale);
}

const float = z.number().min(-Number.MAX_VALUE).max(Number.MAX_VALUE);

const scalars: Readonly<Record<ScalarType, (scale: number) => z.ZodType>> = {
  text: () => z.string(),
  int: () => z.int(),
  int64: () =>
    z.union([
      z.number().meta({ type: 'integer', format: 'int64', minimum: String(INT64_MIN), maximum: String(INT64_MAX) }),
      z.string().meta({ pattern: INT64_PATTERN }),
    ]),
  decimal: (scale) => z.union([decimalNumber(scale), z.string().meta({ pattern: decimalPattern(scale) })]),
  float: () => float,
  bool: () => z.boolean(),
  time: () => z.int().min(-Number.MAX_SAFE_INTEGER).max(LAST_TIME).describe('epoch milliseconds (UTC)'),
};

function decimalNumber(scale: number): z.ZodType {
  const most = mostOf(scale);
  return z.number().meta({ minimum: `-${most}`, maximum: most, multipleOf: Number(`1e-${scale}`) });
}

/** A bound that readers with doubles do not round up: as long as the integer part has no digits after the point in a double, none. */
function mostOf(scale: number): string {
  const [whole = '', fraction = ''] = scaledToText(INT64_MAX, scale).split('.');
  const digits = Math.max(0, SAFE_DIGITS - whole.length);
  return digits === 0 ? whole : `${whole}.${fraction.slice(0, digits)}`;
}

/** Bounds that are texts as numbers of all their digits, which JSON.stringify writes. */
export function exactBounds(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    (key === 'minimum' || key === 'maximum') && typeof value === 'string' ? rawNumber(value) : value,
  );
}

/** Decimal text of an int64: up to 18 digits, or 19 that are not beyond its bounds. */
const INT64_PATTERN = `^(-?(\\d{1,18}|${upTo(String(INT64_MAX))})|${INT64_MIN})$`;

/** Texts of as many digits that are no larger number, as alternatives. */
function upTo(most: string): string {
  const smaller = [...most].flatMap((digit, i) => {
    const rest = most.length - i - 1;
    return digit === '0' ? [] : [`${most.slice(0, i)}[0-${Number(digit) - 1}]${rest === 0 ? '' : `\\d{${rest}}`}`];
  });
  return [...smaller, most].join('|');
}

/** Decimal text within int64: few enough digits before the point that no digit after it can pass the bound. */
function decimalPattern(scale: number): string {
  const whole = Math.min(MOST_DIGITS, 18 - scale);
  return scale === 0 ? `^-?\\d{1,${whole}}$` : `^-?\\d{1,${whole}}(\\.\\d{1,${scale}})?$`;
}

function answered({ type, element = 'text', length = 1 }: ColumnSpec): z.ZodType {
  if (type === 'embedding') return z.array(z.number()).length(length);
  return type === 'list' ? z.array(answers[element]) : answers[type];
}

const answers: Readonly<Record<ScalarType, z.ZodType>> = {
  text: z.string(),
  int: z.int(),
  int64: z.number().meta({ type: 'integer', format: 'int64' }),
  decimal: z.string().describe('a decimal number as text'),
  float: z.number(),
  bool: z.boolean(),
  time: z.int().describe('epoch milliseconds (UTC)'),
};
