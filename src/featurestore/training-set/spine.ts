import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { SPINE_AT, SPINE_ID } from '../../features/plan/scan.ts';
import { BOOLEAN_TEXTS, textLiteral } from '../../files/row-file.ts';
import { modelCellSql } from '../../model/model-value.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { askedSpan, type InstantPlace, instantFault, unitFault, wrongUnitSql } from '../../schema/instant.ts';
import { expectedOf } from '../../schema/value-parser.ts';
import {
  openSpineFile,
  quoted,
  readingSpine,
  type SpineColumn,
  type SpineFile,
  type SpineFormat,
} from './spine-file.ts';
import { spineValueSql } from './spine-value.ts';

const NUMBER_TEXT = `'"?-?\\d+(\\.0+)?"?'`;

/** A number that stands alone in a text: no part of a date. */
const NUMBER = /(?<![\w.:+-])-?\d{1,30}(?:\.\d{1,30})?(?![\w.:+-])/g;

/** Whether instants of a column can be in another unit: a timestamp says its own. */
function hasUnit({ type }: SpineColumn, spec: ColumnSpec): boolean {
  const isInstant = spec.type === 'time' || (spec.type === 'list' && spec.element === 'time');
  return isInstant && !/^(TIMESTAMP|DATE)/.test(type);
}

/** SQL that is true where a value read from a cell is in another unit. Of texts, those that are numbers: a date says its own unit. */
function unitTest(value: string, cell: string, { type }: SpineColumn, spec: ColumnSpec, now: number): string {
  if (spec.type !== 'time') return `LEN(LIST_FILTER(${value}, LAMBDA e: ${wrongUnitSql('e', now, spec)})) > 0`;
  const wrong = wrongUnitSql(value, now, spec);
  const isText = type === 'JSON' || type === 'VARCHAR' || type.startsWith('ENUM');
  return isText ? `(REGEXP_FULL_MATCH(CAST(${cell} AS VARCHAR), ${NUMBER_TEXT}) AND ${wrong})` : wrong;
}

/** Why a number of a cell's text is in another unit; null: none is. */
function unitIn(text: string, place: InstantPlace, now: number, spec: ColumnSpec): HeadraceError | null {
  for (const [number] of text.matchAll(NUMBER)) {
    const unit = unitFault(place, Number(number), now, spec);
    if (unit !== null) return unit;
  }
  return null;
}

/** Whether the text of a cell is a whole number. */
function isWholeText(text: string): boolean {
  return /^"?-?\d+"?$/.test(text);
}

/** A file of rows that a training set is made for: entities, an instant each, and any further columns. */
export interface SpineOptions {
  readonly path: string;
  /** By the ending of the name where it is left out. */
  readonly format?: SpineFormat;
  /** The column of the instant that a row asks for: epoch ms, a timestamp, or its ISO text (UTC without a zone). */
  readonly time?: string;
  /** Column of the spine by request column of the service, where the names differ. */
  readonly columns?: Readonly<Record<string, string>>;
}

/** A spine as it was read: every value checked, in the types of the declaration. */
export interface Spine {
  /** SQL of `_id` (the number of the row, from 1), `_at` and the request columns. */
  readonly asked: string;
  /** SQL of `_id`, the file's own columns and the values read from them. */
  readonly carried: string;
  /** The file's own columns: name, and SQL over `carried` as alias c. */
  readonly own: readonly { readonly name: string; readonly sql: string }[];
  readonly rows: number;
  /** Rows without an entity for at least one lookup. */
  readonly nullKeys: number;
}

/** The cell with the instant that a row asks for. */
const AS_OF = 0;

const TIME = { type: 'time', nullable: false } as const;

/**
 * Reads a spine once, into a Parquet file at `scratch`. Every row is kept, one that another equals too; a row that is not
 * what the service takes is refused with its number. Instants that are numbers are judged as those of requests are.
 * Errors: SPINE_FILE, SPINE_FORMAT, SPINE_COLUMN, SPINE_TYPE, SPINE_VALUE, SPINE_NULL, INSTANT_*.
 */
export async function readSpine(
  offline: OfflineStore,
  service: FeatureServiceData,
  { path, format, time = SPINE_AT, columns = {} }: SpineOptions,
  { scratch, now }: { readonly scratch: string; readonly now: number },
): Promise<Spine> {
  const names = Object.keys(service.request);
  const ofRequest = (name: string) => columns[name] ?? name;
  const file = await openSpineFile(offline, path, format ?? null, new Set([time, ...names.map(ofRequest)]));
  const cells = [
    cellOf(file, time, 'the instant of a row', SPINE_AT, TIME),
    ...names.map((name) => cellOf(file, ofRequest(name), `service ${service.name}`, name, service.request[name])),
  ];
  const rows = await readingSpine(path, () => offline.exportParquet(readSql(file, cells, now), scratch));
  const relation = `read_parquet(${textLiteral(scratch)}, hive_partitioning = false)`;
  await refuseFaults(offline, relation, cells, now);
  return {
    asked: `SELECT ${[SPINE_ID, SPINE_AT, ...names.map((_, i) => `v_${i + 1} AS ${quoted(names[i])}`)].join(', ')} FROM ${relation}`,
    carried: `SELECT * FROM ${relation}`,
    own: await ownColumns(offline, file, cells, relation),
    rows,
    nullKeys: await countNullKeys(offline, service, relation),
  };
}

/** A declared value that is read from a column of the spine. */
interface Cell {
  readonly column: SpineColumn;
  readonly spec: ColumnSpec;
  readonly value: string;
}

function cellOf(file: SpineFile, name: string, use: string, declared: string, spec: ColumnSpec): Cell {
  const column = file.columns.find((one) => one.name === name);
  if (column === undefined) {
    const wanted = name === declared ? name : `${name} (for ${declared})`;
    throw fail('SPINE_COLUMN', { column: wanted, use, found: file.columns.map((one) => one.name) });
  }
  const value = spineValueSql(quoted(name), column.type, spec);
  if (value === null) throw fail('SPINE_TYPE', { column: name, found: column.type, wanted: expectedOf(spec) });
  return { column, spec, value };
}

/** The first cell of a row that is wrong comes out as its number and text. */
function readSql({ relation, columns }: SpineFile, cells: readonly Cell[], now: number): string {
  const own = columns.map(({ name }, i) => `${quoted(name)} AS x_${i}`);
  const values = cells.map(({ value }, i) => `${value} AS v_${i}`);
  const { from, to } = askedSpan(now);
  const faults = cells.map(({ column, spec }, i) => {
    const cell = `x_${columns.indexOf(column)}`;
    const present = column.type === 'JSON' ? `COALESCE(JSON_TYPE(${cell}), 'NULL') <> 'NULL'` : `${cell} IS NOT NULL`;
    const tests = [`v_${i} IS NULL${spec.nullable ? ` AND ${present}` : ''}`];
    if (hasUnit(column, spec)) tests.push(unitTest(`v_${i}`, cell, column, spec, now));
    if (i === AS_OF) tests.push(`NOT v_${i} BETWEEN ${from} AND ${to}`);
    return `WHEN ${tests.join(' OR ')} THEN ${i}`;
  });
  const found = cells.map(({ column }, i) => `WHEN ${i} THEN CAST(x_${columns.indexOf(column)} AS VARCHAR)`);
  return `SELECT ROW_NUMBER() OVER () AS ${SPINE_ID}, v_0 AS ${SPINE_AT}, *, CASE fault ${found.join(' ')} END AS found
FROM (
  SELECT *, CASE ${faults.join(' ')} END AS fault
  FROM (SELECT ${[...own, ...values].join(', ')} FROM ${relation}) AS t
) AS u`;
}

/** Refuses the first row with a cell that is no value of its column. Errors: SPINE_NULL, SPINE_VALUE, INSTANT_*. */
async function refuseFaults(
  offline: OfflineStore,
  relation: string,
  cells: readonly Cell[],
  now: number,
): Promise<void> {
  const first = `SELECT ${SPINE_ID}, fault, found, v_${AS_OF} FROM ${relation} WHERE fault IS NOT NULL ORDER BY ${SPINE_ID} LIMIT 1`;
  for await (const [fault] of offline.query(first)) {
    const [number, at, found, asOf] = fault;
    const { column, spec } = cells[Number(at)];
    const row = Number(number);
    if (found === null || found === 'null') throw fail('SPINE_NULL', { row, column: column.name });
    const place = { where: `row ${row} of the spine`, column: column.name };
    const text = String(found).slice(0, 100);
    const unit = hasUnit(column, spec) ? unitIn(text, place, now, spec) : null;
    if (unit !== null) throw unit;
    if (Number(at) === AS_OF && (asOf !== null || isWholeText(text))) throw instantFault(place, text);
    throw fail('SPINE_VALUE', { row, column: column.name, found: text, wanted: expectedOf(spec) });
  }
}

/**
 * The types of text in a file without types: whole numbers, numbers or truth values if all of a column are written so. Texts of
 * more digits than the type holds stay texts.
 */
const READINGS = [
  { type: 'BIGINT', pattern: '-?(0|[1-9][0-9]{0,17})' },
  { type: 'DOUBLE', pattern: '-?(0|[1-9][0-9]{0,14})(\\.[0-9]+)?([eE][-+]?[0-9]{1,2})?' },
  { type: 'BOOLEAN', pattern: BOOLEAN_TEXTS.join('|') },
] as const;

async function ownColumns(
  offline: OfflineStore,
  { columns, untyped }: SpineFile,
  cells: readonly Cell[],
  relation: string,
): Promise<Spine['own']> {
  const asItIs = columns.map((column, i) => {
    const read = column.type === 'JSON' ? cells.findIndex((cell) => cell.column === column) : -1;
    return { name: column.name, sql: read < 0 ? `c.x_${i}` : modelCellSql(`c.v_${read}`, cells[read].spec) };
  });
  if (!untyped) return asItIs;
  const tests = columns.flatMap((_, i) =>
    READINGS.map(({ pattern }) => `BOOL_AND(REGEXP_FULL_MATCH(x_${i}, ${textLiteral(pattern)}))`),
  );
  const [found] = await firstRow(offline, `SELECT ${tests.join(', ')} FROM ${relation}`);
  return asItIs.map(({ name, sql }, i) => {
    const reading = READINGS.find((_, r) => found[i * READINGS.length + r] === true);
    return { name, sql: reading === undefined ? sql : `CAST(${sql} AS ${reading.type})` };
  });
}

async function countNullKeys(offline: OfflineStore, service: FeatureServiceData, relation: string): Promise<number> {
  const names = Object.keys(service.request);
  const keys = [...new Set(service.lookups.flatMap(({ key }) => Object.values(key)))];
  const tests = keys.map((key) => `v_${names.indexOf(key) + 1} IS NULL`);
  const [[count]] = await firstRow(offline, `SELECT COUNT(*) FROM ${relation} WHERE ${tests.join(' OR ')}`);
  return Number(count);
}

async function firstRow(offline: OfflineStore, sql: string): Promise<readonly (readonly OfflineValue[])[]> {
  for await (const rows of offline.query(sql)) return rows.slice(0, 1);
  return [];
}
