import { BOOLEAN_TEXTS, textLiteral } from '../../files/row-file.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { embeddingSql, wholeEmbedding } from '../embedding-sql.ts';

/**
 * SQL that reads a cell of a spine as a value of a declared column, in the form it has inside: null where the cell is null
 * or is no such value. Only what keeps every value is read: a number is not taken for text, nor text of a number with more
 * digits than the declaration has. Null as a whole: the column's type has no such values.
 */
export function spineValueSql(cell: string, type: string, spec: ColumnSpec): string | null {
  if (type === 'JSON') return jsonValue(cell, spec);
  if (type === 'VARCHAR' || /^ENUM/.test(type)) return textValue(`CAST(${cell} AS VARCHAR)`, spec);
  switch (spec.type) {
    case 'text':
      return null;
    case 'bool':
      return type === 'BOOLEAN' ? cell : null;
    case 'int':
      return within(wholeValue(cell, type), LARGEST_INT);
    case 'int64':
      return wholeValue(cell, type);
    case 'time':
      return TIMESTAMP.test(type) ? floorMs(`EPOCH_US(${cell})`) : within(wholeValue(cell, type), LAST_TIME);
    case 'float':
      return NUMBER.test(type) ? finite(`TRY_CAST(${cell} AS DOUBLE)`) : null;
    case 'decimal':
      return decimalValue(cell, type, spec.scale ?? 0);
    case 'list':
      return listValue(cell, type, spec);
    case 'embedding':
      return embeddingSql(cell, type, spec);
    default:
      return spec.type satisfies never;
  }
}

const WHOLE = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
const FLOATING = /^(FLOAT|DOUBLE)$/;
const NUMBER = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,\d+\)|FLOAT|DOUBLE)$/;
const TIMESTAMP = /^(TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?|DATE)$/;
const LARGEST_INT = '9007199254740991';
const LAST_TIME = '8640000000000000';

/** Zoneless times are read as UTC. */
const TIME_TEXT = "'^\\d{4}-\\d{2}-\\d{2}([T ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?)?'";
const ZONE_TEXT = "'(Z|[+-]\\d{2}(:?\\d{2})?)$'";

const BOOLEANS = BOOLEAN_TEXTS.map(textLiteral).join(', ');

function textValue(text: string, spec: ColumnSpec): string | null {
  switch (spec.type) {
    case 'text':
      return text;
    case 'bool':
      return `CASE WHEN ${text} IN (${BOOLEANS}) THEN CAST(${text} AS BOOLEAN) END`;
    case 'int':
      return within(wholeText(text), LARGEST_INT);
    case 'int64':
      return wholeText(text);
    case 'time':
      return `CASE WHEN ${matches(text, "'-?\\d+(\\.0+)?'")} THEN ${within(wholeText(text), LAST_TIME)} ELSE ${timeText(text)} END`;
    case 'float':
      return finite(`TRY_CAST(${text} AS DOUBLE)`);
    case 'decimal':
      return decimalText(text, spec.scale ?? 0);
    case 'list':
      return jsonList(`TRY_CAST(${text} AS JSON)`, spec);
    case 'embedding':
      return jsonEmbedding(`TRY_CAST(${text} AS JSON)`, spec);
    default:
      return spec.type satisfies never;
  }
}

/** A JSON number is no text and a JSON text is no number, but for int64, decimals and times, as in a request. */
function jsonValue(cell: string, spec: ColumnSpec): string | null {
  if (spec.type === 'list') return jsonList(cell, spec);
  if (spec.type === 'embedding') return jsonEmbedding(cell, spec);
  const kinds = {
    text: "'VARCHAR'",
    bool: "'BOOLEAN'",
    int: NUMBERS,
    int64: `'VARCHAR', ${NUMBERS}`,
    time: `'VARCHAR', ${NUMBERS}`,
    float: NUMBERS,
    decimal: `'VARCHAR', ${NUMBERS}`,
  }[spec.type];
  const value = textValue(`(${cell}->>'$')`, spec);
  return value === null ? null : `CASE WHEN JSON_TYPE(${cell}) IN (${kinds}) THEN ${value} END`;
}

const NUMBERS = "'BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE'";

function wholeValue(cell: string, type: string): string | null {
  if (WHOLE.test(type) || /^DECIMAL\(\d+,0\)$/.test(type)) return `TRY_CAST(${cell} AS BIGINT)`;
  // Tools that have no null whole numbers write such a column as doubles.
  if (FLOATING.test(type))
    return `CASE WHEN ${cell} = FLOOR(${cell}) AND ABS(${cell}) <= ${LARGEST_INT} THEN CAST(${cell} AS BIGINT) END`;
  return null;
}

function wholeText(text: string): string {
  return `CASE WHEN ${matches(text, "'-?\\d{1,19}(\\.0+)?'")} THEN TRY_CAST(REGEXP_REPLACE(${text}, '\\..*$', '') AS BIGINT) END`;
}

function timeText(text: string): string {
  const zoned = `CASE WHEN REGEXP_MATCHES(${text}, ${ZONE_TEXT}) AND LENGTH(${text}) > 10 THEN EPOCH_US(TRY_CAST(${text} AS TIMESTAMPTZ)) ELSE EPOCH_US(TRY_CAST(${text} AS TIMESTAMP)) END`;
  return `CASE WHEN REGEXP_MATCHES(${text}, ${TIME_TEXT}) THEN ${floorMs(zoned)} END`;
}

function floorMs(micros: string): string {
  return `(${micros} - (((${micros}) % 1000) + 1000) % 1000) // 1000`;
}

function decimalValue(cell: string, type: string, scale: number): string | null {
  const decimal = /^DECIMAL\(\d+,(\d+)\)$/.exec(type);
  if (WHOLE.test(type) || (decimal !== null && Number(decimal[1]) <= scale)) return scaled(cell, scale);
  if (!FLOATING.test(type)) return null;
  const unit = `CAST(1e${scale} AS DOUBLE)`;
  const nearest = `ROUND(CAST(${cell} AS DOUBLE) * ${unit})`;
  return `CASE WHEN ABS(${nearest}) <= ${LARGEST_INT} AND ${nearest} / ${unit} = ${cell} THEN CAST(${nearest} AS BIGINT) END`;
}

function decimalText(text: string, scale: number): string {
  const shape = scale === 0 ? "'-?\\d{1,19}(\\.0*)?'" : `'-?\\d{1,19}(\\.\\d{0,${scale}}0*)?'`;
  return `CASE WHEN ${matches(text, shape)} THEN ${scaled(text, scale)} END`;
}

function scaled(value: string, scale: number): string {
  return `TRY_CAST(TRY_CAST(${value} AS DECIMAL(${19 + scale},${scale})) * CAST(${10 ** scale} AS DECIMAL(${scale + 1},0)) AS BIGINT)`;
}

function listValue(cell: string, type: string, { element = 'text' }: ColumnSpec): string | null {
  if (!type.endsWith('[]')) return null;
  const of = type.slice(0, -2);
  const fits = { text: of === 'VARCHAR', bool: of === 'BOOLEAN', float: NUMBER.test(of), decimal: false };
  const whole = WHOLE.test(of);
  if (!(element === 'int' || element === 'int64' || element === 'time' ? whole : fits[element])) return null;
  return wholeList(`TRY_CAST(${cell} AS ${LIST_TYPES[element]})`, element);
}

function jsonList(json: string, { element = 'text' }: ColumnSpec): string | null {
  if (element === 'decimal') return null;
  return `CASE WHEN JSON_TYPE(${json}) = 'ARRAY' THEN ${wholeList(`TRY_CAST(${json} AS ${LIST_TYPES[element]})`, element)} END`;
}

function jsonEmbedding(json: string, spec: ColumnSpec): string {
  return `CASE WHEN JSON_TYPE(${json}) = 'ARRAY' THEN ${wholeEmbedding(`TRY_CAST(${json} AS DOUBLE[])`, spec)} END`;
}

const LIST_TYPES = {
  text: 'VARCHAR[]',
  bool: 'BOOLEAN[]',
  int: 'BIGINT[]',
  int64: 'BIGINT[]',
  time: 'BIGINT[]',
  float: 'DOUBLE[]',
  decimal: 'DOUBLE[]',
} as const;

/** A list with a null among its elements is none. */
function wholeList(list: string, element: string): string {
  const good = element === 'float' ? 'NOT COALESCE(ISFINITE(e), false)' : 'e IS NULL';
  return `CASE WHEN LEN(LIST_FILTER(${list}, LAMBDA e: ${good})) = 0 THEN ${list} END`;
}

/** Minus zero is zero. */
function finite(double: string): string {
  return `CASE WHEN ISFINITE(${double}) THEN ${double} + 0.0 END`;
}

function within(whole: string | null, limit: string): string | null {
  return whole === null ? null : `CASE WHEN ${whole} BETWEEN -${limit} AND ${limit} THEN ${whole} END`;
}

function matches(text: string, pattern: string): string {
  return `REGEXP_FULL_MATCH(${text}, ${pattern})`;
}
