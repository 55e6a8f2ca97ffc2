import { fail } from '../../../base/errors/fail.ts';
import type { ScoreJob } from '../../../ports/score-engine.ts';
import { quoted } from './plans.ts';
import type { ColumnKinds } from './spark-types.ts';

/** The column of partitions, which the folders of their files are called by. */
export const SCORE_SLICE = 'slice_';

const PLACE = /^(.+)\[(\d{1,9})\]$/s;

/** Every row of a file. */
export function fileSql({ input }: Pick<ScoreJob, 'input'>): string {
  // A path to read is a pattern: every character stands for itself.
  return `SELECT * FROM parquet.${quoted(input.replace(/[[\]{}*?,\\]/g, '\\$&'))}`;
}

/** The rows of a job's partitions: `_row`, the kept columns, `cells_`. Errors: PREDICT_COLUMN, PREDICT_TYPE. */
export function cellsSql(job: ScoreJob, kinds: ColumnKinds): string {
  const cells = job.features.map((name, place) => `'c${place}', ${cellOf(name, kinds, job)}`);
  return selected(job, `NAMED_STRUCT(${cells.join(', ')}) AS cells_`);
}

/** Rows of the type that scored rows begin with. */
export function scoredSql(job: ScoreJob): string {
  return selected(job, 'CAST(ARRAY() AS ARRAY<DOUBLE>) AS features_');
}

function selected(job: ScoreJob, last: string): string {
  const { keep, partitionRows, partitions } = job;
  const columns = ['_metadata.row_index AS _row', ...keep.map(quoted), last];
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

/** The cell of a feature, as it is: `headrace_score.py` makes its number. */
function cellOf(name: string, kinds: ColumnKinds, { input: path }: ScoreJob): string {
  const whole = kinds.get(name);
  const [, list = '', item = ''] = whole === undefined ? (PLACE.exec(name) ?? []) : [];
  const kind = whole ?? kinds.get(list);
  if (kind === undefined || (whole === undefined && typeof kind === 'string'))
    throw fail('PREDICT_COLUMN', { path, column: name, found: [...kinds.keys()] });
  const read = whole === undefined && typeof kind !== 'string' ? kind.listOf : kind;
  if (read !== 'cell')
    throw fail('PREDICT_TYPE', { path, column: name, type: 'column of another type than numbers, booleans and texts' });
  return whole === undefined ? `GET(${quoted(list)}, ${item})` : quoted(name);
}

/** A literal: quotes and backslashes are escaped by backslashes. */
function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
