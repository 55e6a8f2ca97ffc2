import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTableFile } from '../../src/compose/table-files.ts';
import { type FileReplay, replayFile } from '../../src/running/file-replay/replay-file.ts';
import { type ReplayColumns, readReplayRows } from '../../src/running/file-replay/replay-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-replay-hostile-'));
const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 0, 1);
const ROWS = 240;

/** Rows a minute apart, a score, a label that it is right about, and their number. */
const BASE = `SELECT TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS t, ((i * 7919) % 1000) / 1000.0 AS score,
  CAST((i * 7919) % 1000 > 500 AS INTEGER) AS label, i FROM range(${ROWS}) AS of(i)`;

const COLUMNS: ReplayColumns = {
  time: 't',
  everyMs: MINUTE_MS,
  score: 'score',
  label: 'label',
  labelled: null,
  labelDelayMs: 0,
  features: [],
  ignore: [],
};

let number = 0;
let instance: DuckDBInstance;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
});
afterAll(() => {
  instance.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

async function written(select: string, order = 't'): Promise<string> {
  number += 1;
  const path = join(folder, `${number}.parquet`);
  const connection = await instance.connect();
  await connection.run(
    `COPY (WITH base AS (${BASE}) SELECT ${select} FROM base ORDER BY base.${order}) TO '${path}' (FORMAT parquet)`,
  );
  connection.closeSync();
  return path;
}

async function rowsOf(path: string, changes: Partial<ReplayColumns> = {}) {
  const table = await openTableFile(path);
  try {
    return await readReplayRows(table, { ...COLUMNS, ...changes });
  } finally {
    await table.close();
  }
}

async function replayed(
  path: string,
  changes: Partial<ReplayColumns> = {},
  windowMs: number | null = null,
): Promise<FileReplay> {
  const table = await openTableFile(path);
  try {
    return await replayFile(table, {
      ...COLUMNS,
      ...changes,
      directory: join(folder, `${number}-replay`),
      until: null,
      share: 0.4,
      windowMs,
      labelWithinMs: null,
      plan: { retrain: false, schedule: null, trainingWindowMs: null, rule: 'default', trees: 5 },
      injections: [],
    });
  } finally {
    await table.close();
  }
}

/** Numbers of a replay are finite, and no text says otherwise. */
function expectDefined({ log, windows, summary, predictions }: FileReplay): void {
  const seen = JSON.stringify([log, windows, summary, predictions], (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? 'NaN' : value,
  );
  expect(seen).not.toMatch(/NaN|Infinity|undefined/);
  expect(summary.faults).toEqual([]);
}

test.each([
  ['a timestamp', 't'],
  ['one with a zone', `timezone('UTC', t) AS t`],
  ['one in nanoseconds', 't::TIMESTAMP_NS AS t'],
  ['seconds', 'epoch(t) AS t'],
  ['milliseconds', 'epoch_ms(t) AS t'],
  ['microseconds', 'epoch_us(t) AS t'],
  ['nanoseconds', 'epoch_ns(t) AS t'],
  ['a decimal of seconds', 'CAST(epoch(t) AS DECIMAL(18, 3)) AS t'],
  ['a text', `strftime(t, '%Y-%m-%d %H:%M:%S') AS t`],
  ['a text of a database', `strftime(t, '%Y-%m-%d %H:%M:%S.%f') || '+00' AS t`],
  ['a text with an offset', `strftime(t + INTERVAL 330 MINUTE, '%Y-%m-%dT%H:%M:%S') || '+05:30' AS t`],
])('%s is the same instant', async (_, time) => {
  const { at } = await rowsOf(await written(`${time}, score, label`));
  expect([at[0], at[1], at[ROWS - 1]]).toEqual([START, START + MINUTE_MS, START + (ROWS - 1) * MINUTE_MS]);
});

test('an instant with a zone is the same on a machine of another zone', async () => {
  const path = join(folder, 'zoned.csv');
  writeFileSync(path, 't,score\n2026-01-01T05:30:00+05:30,0.5\n2026-01-01T00:01:00Z,0.5\n');
  const zone = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    const { at } = await rowsOf(path, { label: null });
    expect([...at]).toEqual([START, START + MINUTE_MS]);
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test.each<[string, string, Partial<ReplayColumns>?]>([
  ['a row without an instant', 'CASE WHEN i <> 9 THEN t END AS t, score, label'],
  ['an infinite instant', `CASE WHEN i = 9 THEN 'infinity'::TIMESTAMP ELSE t END AS t, score, label`],
  ['an instant before 1970', 't - INTERVAL 100 YEAR AS t, score, label'],
  ['a time of day', 't::TIME AS t, score, label'],
  ['a text that is no instant', `strftime(t, '%d.%m.%Y') AS t, score, label`],
  ['a label of three texts', `t, score, ['cat', 'dog', 'cow'][1 + i % 3] AS label`],
  ['a label that is an instant', 't, score, t AS label'],
  ['an infinite label', `t, score, CASE WHEN i = 9 THEN 'Infinity'::DOUBLE ELSE score * 9 END AS label`],
  ['no label at all', 't, score, NULL::INTEGER AS label'],
  ['labels that are never known', 't, score, label, NULL::TIMESTAMP AS known', { labelled: 'known' }],
  ['a score that is no probability', 't, score * 6 - 3 AS score, label'],
  ['nothing but the time', 't', { score: null, label: null }],
])('%s is refused by code', async (_, select, changes) => {
  await expect(rowsOf(await written(select), changes)).rejects.toMatchObject({ code: 'DRIFT_REPLAY' });
});

test.each([5, 10_000, 59_999])('windows of %s ms are refused by code', async (windowMs) => {
  const path = await written('t + INTERVAL (i) HOUR AS t, score, label, i');
  await expect(replayed(path, {}, windowMs)).rejects.toMatchObject({ code: 'DRIFT_OPTION' });
});

test('scores beyond 0 and 1 without labels, and labels of three numbers, are a regression', async () => {
  expect((await rowsOf(await written('t, score * 600 AS score'), { label: null })).task).toBe('regression');
  expect((await rowsOf(await written('t, i % 3 AS label, i'), { score: null })).task).toBe('regression');
});

test('every column has its own name, whatever it is called', async () => {
  const odd = ['constructor', '__proto__', 'kind_code', 'größe', '价格', '价位', 'id', 'file', '1st', 'with space'];
  const names = [...odd, 'n'.repeat(200), `${'n'.repeat(200)}m`].map((name) => `i AS "${name}"`).join(', ');
  const { features } = await rowsOf(await written(`t, score, label, 'k' || (i % 3) AS kind, ${names}`));
  const given = features.flatMap(({ name, code }) => (code === null ? [name] : [name, code]));
  expect(new Set(given).size).toBe(given.length);
  expect(given.every((name) => /^[a-z][a-z0-9_]{0,62}$/.test(name))).toBe(true);
  expect(given).toHaveLength(14);
});

test('numbers, lists, blobs and texts of every kind are replayed with finite numbers', async () => {
  const replay = await replayed(
    await written(`t, score, label, CAST(i * 1.25 AS DECIMAL(38, 10)) AS d, (9007199254740993 + i)::BIGINT AS big,
      i::HUGEINT * 170141183460469231731687303715884 AS huge, [i, i + 1] AS list, {'a': i} AS struct, '\\xAA'::BLOB AS bytes,
      CASE i % 3 WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN 'Infinity'::DOUBLE ELSE '-Infinity'::DOUBLE END AS odd, 1 AS one,
      NULL::DOUBLE AS none, NULL::VARCHAR AS blank, '' AS empty, repeat('x', 5000) AS long, 'r' || i AS own`),
  );
  expectDefined(replay);
  expect(replay.predictions.at).toHaveLength(0.6 * ROWS);
});

test('a row without its score is no prediction; the others are, whatever the order of the file', async () => {
  const replay = await replayed(
    await written(`t, CASE WHEN i % 2 > 0 THEN score END AS score, label, i, 7 AS id`, 'i % 7'),
  );
  expectDefined(replay);
  expect(replay.summary.months.map(({ predictions, labelled }) => [predictions, labelled])).toEqual([
    [0.3 * ROWS, 0.3 * ROWS],
  ]);
});

test('scores alone are replayed over a gap of eight thousand years', async () => {
  const last = `CASE WHEN i = ${ROWS - 1} THEN TIMESTAMP '9999-12-30' ELSE t END AS t`;
  const replay = await replayed(await written(`${last}, score, i`), { label: null });
  expectDefined(replay);
  expect(replay.summary.months.map(({ month, meanLabel }) => [month, meanLabel])).toEqual([
    ['2026-01', null],
    ['9999-12', null],
  ]);
});
