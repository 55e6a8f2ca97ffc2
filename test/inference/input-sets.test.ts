import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { duckScoreFiles } from '../../src/backends/embedded/scores/score-files.ts';
import { inputFiles } from '../../src/serving/batch/input-files.ts';
import { sql } from './batch-site.ts';

/** Folders, patterns and several files as one input. */
const root = mkdtempSync(join(tmpdir(), 'headrace-sets-'));
let folders = 0;

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A new folder with files by their paths; a text that begins with SELECT is written as the format of the name. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  folders += 1;
  const folder = join(root, `f${folders}`);
  mkdirSync(folder);
  for (const [path, content] of Object.entries(files)) {
    const to = join(folder, path);
    mkdirSync(join(to, '..'), { recursive: true });
    if (content.startsWith('SELECT')) await sql(`COPY (${content}) TO '${to}' (FORMAT ${formatOf(path)})`);
    else writeFileSync(to, content);
  }
  return folder;
}

function formatOf(path: string): string {
  if (path.endsWith('.parquet')) return 'parquet';
  return path.endsWith('.jsonl') ? 'json' : 'csv, HEADER';
}

async function staged(asked: readonly string[], texts: ReadonlySet<string> = new Set()) {
  const to = join(root, 'staged.parquet');
  await duckScoreFiles.stage(inputFiles(asked, null), texts, to);
  return sql(`FROM read_parquet('${to}', hive_partitioning = false)`);
}

const namesOf = (folder: string, asked: readonly string[]) =>
  inputFiles(asked, null).files.map(({ path }) => path.slice(folder.length + 1));

test('a partitioned data set of DuckDB has the rows and columns that DuckDB reads from it', async () => {
  const folder = await folderOf({});
  const rows = `SELECT i AS id, i / 4.0 AS x, 'c' || i % 3 AS city, 2020 + i % 2 AS year, CAST('2026-01-0' || (1 + i % 3) AS DATE) AS day
    FROM range(60) t(i)`;
  await sql(`COPY (${rows}) TO '${folder}/set' (FORMAT parquet, PARTITION_BY (year, day, city))`);
  const expected = await sql(
    `SELECT id, x, year, day, city FROM read_parquet('${folder}/set/**/*.parquet', hive_partitioning = true) ORDER BY id`,
  );
  const byId = (found: readonly (readonly unknown[])[]) => [...found].sort((a, b) => Number(a[0]) - Number(b[0]));
  expect(JSON.stringify(byId(await staged([join(folder, 'set')])), shown)).toBe(JSON.stringify(expected, shown));
  // A pattern has the folders that it goes through.
  const pattern = join(folder, 'set', 'year=*', '*', '*', '*.parquet');
  expect(JSON.stringify(byId(await staged([pattern])), shown)).toBe(JSON.stringify(expected, shown));
});

function shown(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

test.each([
  ['whole numbers', ['1', '02', '-3'], 'BIGINT', ['1', '2', '-3']],
  ['numbers', ['1', '2.5', '1e3'], 'DOUBLE', [1, 2.5, 1000]],
  ['dates', ['2026-01-31', '2026-02-28'], 'DATE', null],
  ['no dates', ['2026-01-31', '2026-02-30'], 'VARCHAR', ['2026-01-31', '2026-02-30']],
  ['texts', ['a b', 'x/y', 'é=%'], 'VARCHAR', ['a b', 'x/y', 'é=%']],
  ['a missing value', ['4', '__HIVE_DEFAULT_PARTITION__'], 'BIGINT', ['4', null]],
] as const)('folders of %s make a column of their type', async (_, values, type, expected) => {
  const files = Object.fromEntries(
    values.map((value, i) => [`k=${encodeURIComponent(value)}/p${i}.csv`, `id\n${i}\n`]),
  );
  const folder = await folderOf(files);
  const set = inputFiles([folder], null);
  expect(set.folderColumns).toEqual([{ name: 'k', type }]);
  const found = (await staged([folder])).toSorted((a, b) => Number(a[0]) - Number(b[0])).map(([, value]) => value);
  if (expected !== null) expect(found.map((one) => (typeof one === 'bigint' ? String(one) : one))).toEqual(expected);
});

test('what Spark leaves out is left out, folders below are walked, and links that go round end', async () => {
  const folder = await folderOf({
    'b.csv': 'x\n1\n',
    'a/c.csv': 'x\n2\n',
    'a/_temporary/0/part.csv': 'x\n9\n',
    _SUCCESS: '',
    '_day=3/z.csv': 'x\n3\n',
    '.b.csv.crc': 'crc',
    '.hidden/y.csv': 'x\n9\n',
  });
  expect(() => inputFiles([folder], null)).toThrow(/PREDICT_SCHEMA|different columns/);
  rmSync(join(folder, '_day=3'), { recursive: true });
  symlinkSync(folder, join(folder, 'a', 'round'));
  expect(namesOf(folder, [folder])).toEqual(['a/c.csv', 'b.csv']);
  expect(namesOf(folder, [join(folder, '*.csv'), folder, join(folder, 'b.csv')])).toEqual(['b.csv', 'a/c.csv']);
});

test('a name with the characters of patterns stands for itself where it is there', async () => {
  const folder = await folderOf({ 'a[1].csv': 'x\n1\n', 'a1.csv': 'x\n2\n' });
  expect(namesOf(folder, [join(folder, 'a[1].csv')])).toEqual(['a[1].csv']);
  expect(await staged([join(folder, 'a[1].csv')])).toEqual([['1']]);
});

test.each(['csv', 'tsv', 'jsonl', 'parquet'])(
  'a %s file that is named alone has its own columns, whatever its folder',
  async (ending) => {
    const folder = await folderOf({});
    const path = join(folder, 'k=1', `a.${ending}`);
    mkdirSync(join(folder, 'k=1'));
    const form = { csv: 'csv, HEADER', tsv: "csv, HEADER, DELIM '\t'", jsonl: 'json', parquet: 'parquet' }[ending];
    await sql(`COPY (SELECT 5 AS id, 7 AS k) TO '${path}' (FORMAT ${form})`);
    const [row] = await staged([path]);
    expect(row.map(Number)).toEqual([5, 7]);
  },
);

test('rows keep the order of the files and of their rows', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, k) => [
      `p${String(k).padStart(2, '0')}.parquet`,
      `SELECT ${k} * 50 + i AS id FROM range(50) t(i)`,
    ]),
  );
  const folder = await folderOf(files);
  expect((await staged([folder])).map(([id]) => Number(id))).toEqual(Array.from({ length: 2000 }, (_, i) => i));
});

test('columns in another order are the same columns, and truth values of all files are one', async () => {
  const folder = await folderOf({ '1.csv': 'x,b\n1,True\n', '2.csv': 'b,x\nFalse,2\n', '3.csv': 'b,x\nmaybe,3\n' });
  const two = [join(folder, '1.csv'), join(folder, '2.csv')];
  expect(await staged(two)).toEqual([
    ['1', true],
    ['2', false],
  ]);
  expect(await staged(two, new Set(['b']))).toEqual([
    ['1', 'True'],
    ['2', 'False'],
  ]);
  expect((await staged([folder])).map(([, b]) => b)).toEqual(['True', 'False', 'maybe']);
});

test.each([
  ['no file', {}, 'PREDICT_EMPTY', /no file of rows is at/],
  ['hidden files alone', { _SUCCESS: '', '.a.csv': 'x\n1\n' }, 'PREDICT_EMPTY', /no file of rows is at/],
  [
    'two formats',
    { 'a.csv': 'x\n1\n', 'b.parquet': 'SELECT 1 AS x' },
    'PREDICT_MIXED',
    /b\.parquet" is "parquet", and .*a\.csv" is "csv"/,
  ],
  ['a file of no format', { 'a.csv': 'x\n1\n', 'readme.md': 'x' }, 'PREDICT_FORMAT', /readme\.md/],
  ['another column', { 'a.csv': 'x\n1\n', 'b.csv': 'y\n1\n' }, 'PREDICT_SCHEMA', /b\.csv has the column 'y'/],
  [
    'a column less',
    { 'a.csv': 'x,y\n1,2\n', 'b.csv': 'x\n1\n' },
    'PREDICT_SCHEMA',
    /a\.csv has the column 'y', and .*b\.csv has not/,
  ],
  [
    'another type',
    { 'a.parquet': 'SELECT 1 AS x', 'b.parquet': 'SELECT 1.5::DOUBLE AS x' },
    'PREDICT_SCHEMA',
    /'x' is DOUBLE in .*b\.parquet, and INTEGER/,
  ],
  ['a folder less', { 'y=1/a.csv': 'x\n1\n', 'b.csv': 'x\n1\n' }, 'PREDICT_SCHEMA', /in y=…, and .*in no such folder/],
  ['a column of file and folder', { 'x=1/a.csv': 'X\n1\n' }, 'PREDICT_SCHEMA', /name of its folder/],
] as const)('an input of %s is refused by its code', async (_, files, code, reason) => {
  const folder = await folderOf(files);
  await expect(staged([folder])).rejects.toMatchObject({ code, message: expect.stringMatching(reason) });
});

test('a pattern that fits nothing is refused', async () => {
  const folder = await folderOf({});
  await expect(staged([join(folder, '*.parquet')])).rejects.toMatchObject({ code: 'PREDICT_EMPTY' });
});

test.each(['parquet', 'csv.gz'])('each file of a folder is read to its end: a cut %s is named', async (ending) => {
  const folder = await folderOf({
    'a.csv': `id\n${'1\n'.repeat(5000)}`,
    'a.parquet': 'SELECT i AS id FROM range(5000) t(i)',
  });
  const set = await folderOf({});
  const bytes = ending === 'parquet' ? null : gzipSync(readFileSync(join(folder, 'a.csv')));
  for (const name of ['1', '2', '3']) {
    const path = join(set, `${name}.${ending}`);
    if (bytes === null) cpSync(join(folder, 'a.parquet'), path);
    else writeFileSync(path, bytes);
    if (name === '2') truncateSync(path, readFileSync(path).length - 5);
  }
  await expect(staged([set])).rejects.toMatchObject({
    code: expect.stringMatching(/^(PREDICT_INPUT|FILE_DAMAGED)$/),
    message: expect.stringContaining(join(set, `2.${ending}`)),
  });
});
