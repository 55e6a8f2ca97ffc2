import { fail } from '../../../base/errors/fail.ts';
import type { ScoreJob } from '../../../ports/score-engine.ts';
import { quoted } from './plans.ts';
import type { ColumnKind, ColumnKinds } from './spark-types.ts';

/** The column of partitions, which the folders of their files are called by. */
export const SCORE_SLICE = 'slice_';

const DIGITS = '[0-9]+(_[0-9]+)*';
const SPECIAL = '[nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?';

/** A text that DuckDB, which worker processes read by, takes for a number; as `score-runner/ScoreRows.java` has it. */
const NUMBER = `^[ \\t-\\r]*(-|[+]-?)?(((${DIGITS})[.]?(${DIGITS})?|[.]${DIGITS})([eE][-+]?${DIGITS})?|${SPECIAL})[ \\t-\\r]*$`;
const SPACES = ' \t\n\v\f\r';

const PLACE = /^(.+)\[(\d{1,9})\]$/s;

/** Every row of a file. */
export function fileSql({ input }: Pick<ScoreJob, 'input'>): string {
  // A path to read is a pattern: every character stands for itself.
  return `SELECT * FROM parquet.${quoted(input.replace(/[[\]{}*?,\\]/g, '\\$&'))}`;
}

/** The rows of a job's partitions: `_row`, the kept columns, `features_`, `fault_`. Errors: PREDICT_COLUMN, PREDICT_TYPE. */
export function featuresSql(job: ScoreJob, kinds: ColumnKinds): string {
  const { keep, features, partitionRows, partitions } = job;
  const cells = features.map((name, place) => cellOf(name, place, kinds, job));
  const numbers = cells.map(({ number }) => `COALESCE(${number}, CAST('NaN' AS FLOAT))`);
  const faults = cells.flatMap(({ fault }) => fault ?? []);
  const columns = [
    '_metadata.row_index AS _row',
    ...keep.map(quoted),
    `ARRAY(${numbers.join(', ')}) AS features_`,
    `${faults.length === 0 ? 'CAST(NULL AS STRING)' : `COALESCE(${faults.join(', ')})`} AS fault_`,
  ];
  const from = fileSql(job).slice('SELECT * '.length);
  const where = `_metadata.row_index DIV ${partitionRows} IN (${partitions.join(', ')})`;
  return `SELECT ${columns.join(', ')} ${from} WHERE ${where}`;
}

/** The scored rows, split by partition and in order. */
export function rowsSql({ keep, version, digest, job, partitionRows }: ScoreJob, scored: string): string {
  const stamp = `${version} AS model_version, ${text(digest)} AS artifact_digest, ${text(job)} AS job_id`;
  const slice = `CAST(_row DIV ${partitionRows} AS INT) AS ${SCORE_SLICE}`;
  const columns = ['_row', ...keep.map(quoted), 'score', stamp, slice].join(', ');
  const rows = `SELECT ${columns} FROM ${scored} WHERE code_ IS NULL`;
  return `SELECT * FROM (${rows}) DISTRIBUTE BY ${SCORE_SLICE} SORT BY ${SCORE_SLICE}, _row`;
}

/** The rejected rows. */
export function rejectedSql(scored: string): string {
  const columns = '_row, code_ AS code, reason_ AS reason, features_ AS features';
  return `SELECT /*+ COALESCE(1) */ ${columns} FROM ${scored} WHERE code_ IS NOT NULL`;
}

/** A feature: its number, null where the cell is, and the reason why a cell is none. */
interface Cell {
  readonly number: string;
  readonly fault: string | null;
}

function cellOf(name: string, place: number, kinds: ColumnKinds, { input: path }: ScoreJob): Cell {
  const missing = () => fail('PREDICT_COLUMN', { path, column: name, found: [...kinds.keys()] });
  const whole = kinds.get(name);
  if (whole !== undefined) return numberOf({ name, place, value: quoted(name), path }, whole);
  const [, list = '', item = ''] = PLACE.exec(name) ?? [];
  const kind = kinds.get(list);
  if (kind === undefined || typeof kind === 'string') throw missing();
  return numberOf({ name, place, value: `GET(${quoted(list)}, ${item})`, path }, kind.listOf);
}

/** A feature of a file, and the SQL of its cells. */
interface Feature {
  readonly name: string;
  readonly place: number;
  readonly value: string;
  readonly path: string;
}

function numberOf({ name, place, value, path }: Feature, kind: ColumnKind): Cell {
  const number = `CAST(${value} AS FLOAT)`;
  if (kind === 'number') return { number, fault: null };
  if (kind === 'text') return textCell(value, place);
  if (kind !== 'decimal')
    throw fail('PREDICT_TYPE', { path, column: name, type: 'column of another type than numbers, booleans and texts' });
  const bad = `COALESCE(${isInfinite(number)} AND NOT ${isInfinite(value)}, FALSE)`;
  return { number: `CASE WHEN NOT ${bad} THEN ${number} END`, fault: faultOf(bad, value, `${place}n`) };
}

/** Spark reads a NaN without a sign alone, and no digits with underscores. */
function textCell(value: string, place: number): Cell {
  const plain = `REPLACE(REPLACE(TRIM(BOTH ${text(SPACES)} FROM ${value}), '_', ''), '+-', '-')`;
  const parsed = `CASE WHEN LOWER(${plain}) LIKE '%nan' THEN CAST('NaN' AS FLOAT) ELSE CAST(${plain} AS FLOAT) END`;
  const number = `CASE WHEN ${value} RLIKE ${text(NUMBER)} THEN ${parsed} END`;
  const tooLarge = `${isInfinite(number)} AND NOT CONTAINS(LOWER(${value}), 'inf')`;
  const bad = `COALESCE(${value} IS NOT NULL AND (${number} IS NULL OR ${tooLarge}), FALSE)`;
  return { number, fault: faultOf(bad, value, `${place}t`) };
}

/** The cell after its feature's place: the process that commits the job says why. */
function faultOf(bad: string, value: string, place: string): string {
  return `CASE WHEN ${bad} THEN CONCAT(${text(`${place} `)}, SUBSTRING(CAST(${value} AS STRING), 1, 60)) END`;
}

function isInfinite(number: string): string {
  return `(ABS(CAST(${number} AS DOUBLE)) = CAST('Infinity' AS DOUBLE))`;
}

/** A literal: quotes and backslashes are escaped by backslashes. */
function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
