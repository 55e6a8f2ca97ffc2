import type { ErrorCode } from '../base/errors/fail.ts';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Clock } from '../base/time.ts';
import type { ColumnSpec, Columns, Value } from './column.ts';
import { FIRST_EVENT, LAST_EVENT, unitFault } from './instant.ts';
import { parseJsonExact } from './json-exact.ts';
import { describeJson, expectedOf, type ValueParser, valueParser } from './value-parser.ts';

/** Turns an unknown value into a row: the values of the columns, in declared order. Throws a coded error naming the column. */
export type RowParser = (json: unknown) => readonly Value[];

/** The part of an event source that its parser needs. */
export interface EventShape {
  readonly name: string;
  readonly columns: Columns;
  /** The column of the event's id. */
  readonly id: string;
  /** The column of event time. */
  readonly time: string;
  /** Of a source of changes: the columns of the row's id and time, which order as those of events. */
  readonly changes?: { readonly id: string; readonly time: string };
}

/** The form of event ids: ASCII, so that bytes, code points and UTF-16 order alike and SQL pads it safely. */
const EVENT_ID = /^[0-9A-Za-z._-]{1,36}$/;
/** As a pattern of SQL. */
export const EVENT_ID_PATTERN = EVENT_ID.source;
const EVENT_ID_TEXT = '1 to 36 of 0-9 A-Z a-z . _ -';

const EVENT_TIME_TEXT = 'epoch milliseconds, an integer from -10^14 to 9·10^14 - 1';

/**
 * Makes the parser of an event source's events. Values are as in {@link Value}; an absent nullable column is
 * null. The unit of the event time is judged by who takes the event.
 * Errors: EVENT_SHAPE, EVENT_MISSING, EVENT_TYPE, EVENT_ID, EVENT_TIME, EVENT_UNKNOWN_COLUMN, INSTANT_UNIT.
 */
export function rowParser(source: EventShape, clock: Clock = Date.now): RowParser {
  const parsers = Object.entries(source.columns).map(([name, spec]) => {
    const column = columnParser(name, spec, EVENT_CODES);
    if (name === source.id || name === source.changes?.id)
      return { ...column, parse: parseEventId, codes: ID_CODES, expected: EVENT_ID_TEXT };
    return name === source.time || name === source.changes?.time
      ? { ...column, parse: parseEventTime, codes: TIME_CODES, expected: EVENT_TIME_TEXT, isInstant: false }
      : column;
  });
  return objectParser({ where: source.name, columns: parsers, codes: EVENT_CODES, clock });
}

/**
 * Makes the parser of a feature service's requests.
 * Errors: REQUEST_SHAPE, REQUEST_MISSING, REQUEST_TYPE, REQUEST_UNKNOWN_COLUMN, INSTANT_UNIT.
 */
export function requestParser(service: string, columns: Columns, clock: Clock = Date.now): RowParser {
  const parsers = Object.entries(columns).map(([name, spec]) => columnParser(name, spec, REQUEST_CODES));
  return objectParser({ where: service, columns: parsers, codes: REQUEST_CODES, clock });
}

/** Parses the JSON text of one event or of an array of them, numbers exact. Error: EVENT_JSON. */
export function parseEventText(text: string): unknown {
  try {
    return parseJsonExact(text);
  } catch (cause) {
    throw fail('EVENT_JSON', { reason: reasonOf(cause) }, cause);
  }
}

interface Codes {
  readonly shape: 'EVENT_SHAPE' | 'REQUEST_SHAPE';
  readonly missing: 'EVENT_MISSING' | 'REQUEST_MISSING';
  readonly type: 'EVENT_TYPE' | 'EVENT_TIME' | 'EVENT_ID' | 'REQUEST_TYPE';
  readonly unknown: 'EVENT_UNKNOWN_COLUMN' | 'REQUEST_UNKNOWN_COLUMN';
}

const EVENT_CODES: Codes = {
  shape: 'EVENT_SHAPE',
  missing: 'EVENT_MISSING',
  type: 'EVENT_TYPE',
  unknown: 'EVENT_UNKNOWN_COLUMN',
} satisfies Record<string, ErrorCode>;

const ID_CODES: Codes = { ...EVENT_CODES, type: 'EVENT_ID' };
const TIME_CODES: Codes = { ...EVENT_CODES, type: 'EVENT_TIME' };

const REQUEST_CODES: Codes = {
  shape: 'REQUEST_SHAPE',
  missing: 'REQUEST_MISSING',
  type: 'REQUEST_TYPE',
  unknown: 'REQUEST_UNKNOWN_COLUMN',
} satisfies Record<string, ErrorCode>;

interface ColumnParser {
  readonly name: string;
  readonly spec: ColumnSpec;
  readonly parse: ValueParser;
  readonly codes: Codes;
  /** The accepted values of the column, in words. */
  readonly expected: string;
  /** Whether its values are instants, whose unit can be wrong. */
  readonly isInstant: boolean;
}

function columnParser(name: string, spec: ColumnSpec, codes: Codes): ColumnParser {
  const isInstant = spec.type === 'time' || (spec.type === 'list' && spec.element === 'time');
  return { name, spec, parse: valueParser(spec), codes, expected: expectedOf(spec), isInstant };
}

function parseEventId(json: unknown): string | null {
  return typeof json === 'string' && EVENT_ID.test(json) ? json : null;
}

function parseEventTime(json: unknown): number | null {
  const isTime = typeof json === 'number' && Number.isInteger(json) && json >= FIRST_EVENT && json <= LAST_EVENT;
  return isTime ? json + 0 : null;
}

interface ObjectShape {
  readonly where: string;
  readonly columns: readonly ColumnParser[];
  readonly codes: Codes;
  readonly clock: Clock;
}

/** Hot path. */
function objectParser(shape: ObjectShape): RowParser {
  const { where, columns, codes } = shape;
  const width = columns.length;
  return (json) => {
    if (!isObject(json)) throw fail(codes.shape, { where, found: describeJson(json) });
    const row: Value[] = new Array(width);
    let present = 0;
    for (let i = 0; i < width; i++) {
      const column = columns[i];
      const found = json[column.name];
      if (found === undefined || found === null) {
        if (!column.spec.nullable) throw refusal(shape, column, json);
        if (found === null || Object.hasOwn(json, column.name)) present += 1;
        row[i] = null;
        continue;
      }
      const value = column.parse(found);
      if (value === null) throw refusal(shape, column, json);
      if (column.isInstant) refuseUnit(shape, column, value);
      row[i] = value;
      present += 1;
    }
    if (countKeys(json) !== present) throw unknownColumn(where, columns, codes, json);
    return row;
  };
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function countKeys(json: Readonly<Record<string, unknown>>): number {
  let count = 0;
  for (const key in json) if (Object.hasOwn(json, key)) count += 1;
  return count;
}

/** Refuses instants in another unit than milliseconds. Error: INSTANT_UNIT. */
function refuseUnit(
  { where, clock }: Pick<ObjectShape, 'where' | 'clock'>,
  { name, spec }: Pick<ColumnParser, 'name' | 'spec'>,
  value: unknown,
): void {
  for (const one of Array.isArray(value) ? value : [value]) {
    const fault = unitFault({ where, column: name }, one, clock(), spec);
    if (fault !== null) throw fault;
  }
}

function refusal(
  { where, clock }: ObjectShape,
  { name, spec, codes, expected, isInstant }: ColumnParser,
  json: Readonly<Record<string, unknown>>,
): Error {
  const found = Object.hasOwn(json, name) ? json[name] : undefined;
  if (found === undefined) return fail(codes.missing, { where, column: name });
  // Nanoseconds are past every time.
  if (isInstant) refuseUnit({ where, clock }, { name, spec }, found);
  return fail(codes.type, { where, column: name, found: describeJson(found), expected });
}

function unknownColumn(
  where: string,
  columns: readonly ColumnParser[],
  codes: Codes,
  json: Readonly<Record<string, unknown>>,
): Error {
  const known = columns.map(({ name }) => name);
  const column = Object.keys(json).find((key) => !known.includes(key)) ?? '';
  return fail(codes.unknown, { where, column, known });
}
