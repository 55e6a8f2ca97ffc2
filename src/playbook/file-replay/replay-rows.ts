import { fail } from '../../base/errors/fail.ts';
import type { ColumnValues, TableFile } from '../../ports/table-file.ts';

/** Which columns of a file are which. */
export interface ReplayColumns {
  /** The instant of each row; null: rows are `everyMs` apart, in the order of the file. */
  readonly time: string | null;
  readonly everyMs: number;
  /** A score that the file brings; null: a model is trained on the first rows. */
  readonly score: string | null;
  /** Null: no label ever comes. */
  readonly label: string | null;
  /** When the label is known; null: `labelDelayMs` after the row. An empty cell: it never comes. */
  readonly labelled: string | null;
  readonly labelDelayMs: number;
  /** Empty: every other column. */
  readonly features: readonly string[];
  readonly ignore: readonly string[];
}

/** A feature of the file: its values in the order of time. */
export interface ReplayFeature {
  /** The name in the declaration: letters, digits and underscores. */
  readonly name: string;
  readonly column: string;
  readonly values: ColumnValues;
  /** Values of a text that the model reads by number, and the name of that number; null: it is a number. */
  readonly codes: ReadonlyMap<string, number> | null;
  readonly code: string | null;
}

/** The rows of a file, in the order of their instants. */
export interface ReplayRows {
  readonly count: number;
  /** Epoch ms. */
  readonly at: Float64Array;
  readonly score: Float64Array | null;
  /** NaN: the row has no label. */
  readonly label: Float64Array | null;
  /** When the label is known, epoch ms; NaN: never. */
  readonly labelledAt: Float64Array;
  readonly task: 'binary' | 'regression';
  readonly features: readonly ReplayFeature[];
}

/** Values of a text that a model reads; rarer ones are missing to it. */
const MOST_CODES = 63;

/** Reads the rows of a file and sorts them by time; rows of one instant keep their order. Errors: DRIFT_COLUMN, DRIFT_REPLAY. */
export async function readReplayRows(table: TableFile, of: ReplayColumns): Promise<ReplayRows> {
  const { path, rows } = table;
  checkColumns(table, of);
  const times = of.time === null ? null : numbersOf(path, of.time, await table.column(of.time));
  const at =
    times === null
      ? Float64Array.from({ length: rows }, (_, i) => i * of.everyMs)
      : times.map(epochMs(table, of.time ?? '', times));
  checkInstants(path, of.time ?? '', at);
  const order = Uint32Array.from({ length: rows }, (_, i) => i).sort((a, b) => at[a] - at[b] || a - b);
  const sorted = (values: Float64Array) => Float64Array.from(order, (i) => values[i]);
  const number = async (column: string | null) =>
    column === null ? null : sorted(numbersOf(path, column, await table.column(column)));
  const [score, written] = [await number(of.score), await number(of.label)];
  const times2 = await number(of.labelled);
  const ordered = sorted(at);
  const toMs = times2 === null ? (time: number) => time : epochMs(table, of.labelled ?? '', times2);
  const labelledAt = ordered.map((time, i) =>
    written === null || Number.isNaN(written[i])
      ? Number.NaN
      : times2 === null
        ? time + of.labelDelayMs
        : toMs(times2[i]),
  );
  // A label that is never known is none.
  const label = written?.map((value, i) => (Number.isNaN(labelledAt[i]) ? Number.NaN : value)) ?? null;
  return {
    count: rows,
    at: ordered,
    score,
    label,
    labelledAt,
    task: taskOf(table, of, score, label),
    features: await readFeatures(table, of, order),
  };
}

/** Labels of 0 and 1, or scores within 0 and 1 without a label, are binary. Error: DRIFT_REPLAY. */
function taskOf(
  { path, columns }: TableFile,
  of: ReplayColumns,
  score: Float64Array | null,
  label: Float64Array | null,
): ReplayRows['task'] {
  const refuse = (reason: string) => fail('DRIFT_REPLAY', { path, reason });
  const declared = columns.find(({ name }) => name === of.label)?.declared ?? '';
  if (/^(DATE|TIME)/.test(declared)) throw refuse(`column "${of.label}" is an instant, and a label is a number`);
  if (label?.every((value) => Number.isNaN(value)) === true)
    throw refuse(`column "${of.label}" has no label that is ever known`);
  const beyond = score?.find((value) => Number.isFinite(value) && (value < 0 || value > 1));
  if (label === null) return beyond === undefined ? 'binary' : 'regression';
  if (label.some((value) => Math.abs(value) === Number.POSITIVE_INFINITY))
    throw refuse(`column "${of.label}" has a label that is infinite`);
  if (!label.every((value) => value === 0 || value === 1 || Number.isNaN(value))) return 'regression';
  if (beyond !== undefined)
    throw refuse(`column "${of.score}" has the value ${beyond}: with labels of 0 and 1 it is a probability`);
  return 'binary';
}

async function readFeatures(
  table: TableFile,
  of: ReplayColumns,
  order: Uint32Array,
): Promise<readonly ReplayFeature[]> {
  const others = [of.time, of.score, of.label, of.labelled, ...of.ignore];
  const columns =
    of.features.length > 0
      ? of.features
      : table.columns.map(({ name }) => name).filter((name) => !others.includes(name));
  if (columns.length === 0 && of.score === null && of.label === null)
    throw fail('DRIFT_REPLAY', { path: table.path, reason: 'it has no column to watch but the time' });
  const features: ReplayFeature[] = [];
  const taken = new Set(RESERVED);
  for (const column of columns) {
    const all = await table.column(column);
    const values =
      all instanceof Float64Array ? Float64Array.from(order, (i) => all[i]) : Array.from(order, (i) => all[i]);
    const codes = values instanceof Float64Array ? null : codesOf(values);
    const name = nameOf(column, taken);
    const code = codes === null ? null : nameOf(`${name}_code`, taken);
    features.push({ name, column, values, codes, code });
  }
  return features;
}

/** Numbers for the most frequent values of a text, from 1; ties by value. */
function codesOf(values: readonly (string | null)[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const frequent = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, MOST_CODES);
  return new Map(frequent.map(([value], i) => [value, i + 1]));
}

/** A name may have more: there is room for a suffix. */
const LONGEST_NAME = 40;

/** A column as the name of a feature, which is taken from then on. */
function nameOf(column: string, taken: Set<string>): string {
  const plain = column
    .replaceAll(/[^A-Za-z0-9_]/g, '_')
    .replace(/^(\d|_)/, 'c$1')
    .toLowerCase()
    .slice(0, LONGEST_NAME);
  let name = plain;
  for (let i = 2; taken.has(name); i += 1) name = `${plain}_${i}`;
  taken.add(name);
  return name;
}

/** Columns of the replay's own. */
const RESERVED = ['id', 'at', 'file', 'given_score', 'unused_events_1h', ''];

function checkColumns({ path, columns, rows }: TableFile, of: ReplayColumns): void {
  const known = columns.map(({ name }) => name);
  const asked = [
    ['the time', of.time],
    ['the score', of.score],
    ['the label', of.label],
    ['the instant of the label', of.labelled],
    ...[...of.features, ...of.ignore].map((name) => ['the feature', name] as const),
  ] as const;
  for (const [what, column] of asked)
    if (column !== null && !known.includes(column)) throw fail('DRIFT_COLUMN', { what, column, path, known });
  if (rows < 2) throw fail('DRIFT_REPLAY', { path, reason: `it has ${rows} rows` });
}

const LAST = Date.UTC(9999, 11, 31);

/** Every row has an instant from 1970 to 9999. Error: DRIFT_REPLAY. */
function checkInstants(path: string, column: string, at: Float64Array): void {
  const without = at.findIndex((time) => !(time >= 0 && time <= LAST));
  if (without < 0) return;
  const time = at[without];
  const is = Number.isNaN(time) ? 'no instant' : Math.abs(time) > 8.64e15 ? String(time) : new Date(time).toISOString();
  const reason = `column "${column}" of row ${without + 1} is ${is}; a row needs an instant from 1970 to 9999`;
  throw fail('DRIFT_REPLAY', { path, reason });
}

/** A column as numbers: texts that say true or false, and instants, are numbers as well. Error: DRIFT_REPLAY. */
function numbersOf(path: string, column: string, values: ColumnValues): Float64Array {
  if (values instanceof Float64Array) return values;
  return Float64Array.from(values, (value) => {
    const number = value === null || value.trim() === '' ? Number.NaN : numberOf(value.trim());
    if (number === null)
      throw fail('DRIFT_REPLAY', {
        path,
        reason: `column "${column}" has the value "${value}", which is neither a number nor an instant`,
      });
    return number;
  });
}

function numberOf(text: string): number | null {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true' ? 1 : 0;
  const number = Number(text);
  if (!Number.isNaN(number)) return number;
  const [, day, clock = '00:00', zone = 'Z'] = INSTANT.exec(text) ?? [];
  const at = Date.parse(`${day}T${clock}${/^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone}`);
  return Number.isNaN(at) ? null : at;
}

/** ISO 8601, or as databases write it. Others are ambiguous: 02.01.2026 is in January or in February. */
const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** Greatest number of a column of instants, and ms of one: seconds up to the year 5138 are below 1e11, which is 1973 in milliseconds. */
const UNITS: readonly (readonly [number, number])[] = [
  [1e11, 1000],
  [1e14, 1],
  [1e17, 1e-3],
  [Number.POSITIVE_INFINITY, 1e-6],
];

/** Numbers are seconds, milliseconds, microseconds or nanoseconds: the whole column by its size. */
function epochMs(table: TableFile, column: string, times: Float64Array): (time: number) => number {
  const declared = table.columns.find(({ name }) => name === column)?.declared ?? '';
  if (!/^(TINY|SMALL|BIG|HUGE|U|INT|FLOAT|DOUBLE|DEC)/.test(declared)) return Math.round;
  const greatest = times.reduce((most, time) => Math.max(most, Number.isNaN(time) ? 0 : time), 0);
  const [, ms] = UNITS.find(([below]) => greatest < below) ?? [0, 1];
  return (time) => Math.round(time * ms);
}
