import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import type { DataSetOptions } from '../../src/serving/batch/data-set.ts';
import { type BatchContext, type BatchOptions, startBatch } from '../../src/serving/batch/start-batch.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { small } from '../models/small-project.ts';
import { batchSite, inputRows, siteContext, sql, writeInput } from './batch-site.ts';
import { classifierFile } from './classifier-file.ts';
import { logModel } from './logged-onnx.ts';

/** Outputs that are folders which other programs read as they are. */
let site: string;
let context: BatchContext;
let from: string;

const PLAIN: DataSetOptions = { format: 'parquet', partitionBy: null, overwrite: false };

beforeAll(async () => {
  site = await batchSite();
  const registry = openSqliteRegistry(registryFile(site));
  const onnx = classifierFile(['a', 'b', 'c']);
  await logModel(registry, new FileArtifactStore(join(site, 'artifacts')), { model: 'abc', onnx, columns: ['x', 'y'] });
  await registry.close();
  context = siteContext(site);
  from = await writeInput(inputRows(700), join(site, 'rows.parquet'));
});

afterAll(() => rmSync(site, { recursive: true, force: true }));

async function run(to: string, options: Partial<BatchOptions> = {}) {
  const asked = { from, to, workers: 1, version: 1, dataSet: PLAIN, ...options };
  return (await startBatch(small, asked, context)).result;
}

/** A folder that no program wrote as a data set. */
function withThesis(to: string): void {
  mkdirSync(to);
  writeFileSync(join(to, 'thesis.txt'), 'x');
}

const into = (name: string) => join(site, name);

test('a data set has the rows of the job, appears whole, and is not written again', async () => {
  const to = into('plain');
  const listed = await run(into('listed'), { dataSet: undefined });
  const first = await run(to);
  expect(first).toMatchObject({ job: listed.job, rows: 700, quarantined: 0, isNew: true, path: to });
  const rows = (files: string) => sql(`SELECT * FROM read_parquet(${files}) ORDER BY _row`);
  const list = `[${listed.files.map((file) => `'${file}'`).join()}]`;
  expect(String(await rows(`'${to}/*.parquet'`))).toBe(String(await rows(list)));
  expect(first.files.map((file) => file.slice(to.length + 1))).toEqual(
    readdirSync(to).filter((name) => !name.startsWith('_')),
  );
  expect(statSync(join(to, '_SUCCESS')).size).toBe(0);
  expect(readdirSync(site).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(await run(to)).toMatchObject({ job: first.job, isNew: false, files: first.files });
});

test('a data set whose file was cut is written again, and one of another job only with overwrite', async () => {
  const to = into('again');
  const { files, job } = await run(to);
  writeFileSync(files[0], 'cut');
  expect(await run(to)).toMatchObject({ job, isNew: true });
  const [[rows]] = await sql(`SELECT COUNT(*) FROM '${to}/*.parquet'`);
  expect(rows).toBe(700n);
  await expect(run(to, { version: 2 })).rejects.toMatchObject({
    code: 'PREDICT_OUT',
    message: expect.stringContaining(job),
  });
  const other = await run(to, { version: 2, dataSet: { ...PLAIN, overwrite: true } });
  expect(other).toMatchObject({ version: 2, isNew: true });
  expect(await sql(`SELECT DISTINCT model_version FROM '${to}/*.parquet'`)).toEqual([[2]]);
});

test('a run that was stopped leaves no folder, and the next one resumes its parts', async () => {
  const to = into('stopped');
  const stop = new AbortController();
  const stopped = run(to, { signal: stop.signal, onProgress: ({ rows }) => rows > 0 && stop.abort() });
  await expect(stopped).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  expect(existsSync(to)).toBe(false);
  const parts = () => readdirSync(into('.stopped.headrace/job')).filter((name) => name.startsWith('job-'));
  const [job] = parts();
  const published = readdirSync(into(`.stopped.headrace/job/${job}/parts`)).length;
  expect(published).toBeGreaterThan(0);
  const seen: number[] = [];
  await run(to, { onProgress: ({ rows }) => seen.push(rows) });
  expect(Math.min(...seen)).toBeGreaterThan(0);
  expect(await sql(`SELECT COUNT(DISTINCT _row) FROM '${to}/*.parquet'`)).toEqual([[700n]]);
});

test('a run that ended between the two renames of an overwrite is finished by the next one', async () => {
  const to = into('between');
  await run(to);
  const other = { version: 2, dataSet: { ...PLAIN, overwrite: true } };
  await run(to, other);
  // As a process leaves it that ends after the first rename.
  mkdirSync(into('.between.headrace'));
  renameSync(to, into('.between.headrace/old-1'));
  expect(await run(to, other)).toMatchObject({ version: 2, isNew: true });
  expect(await sql(`SELECT COUNT(*), MIN(model_version) FROM '${to}/*.parquet'`)).toEqual([[700n, 2]]);
  expect(existsSync(into('.between.headrace'))).toBe(false);
});

test.each([
  ['a folder of other files', 'PREDICT_OUT', withThesis, false],
  ['such a folder, even to overwrite', 'PREDICT_OUT', withThesis, true],
  ['a file', 'PREDICT_OUT', (to: string) => writeFileSync(to, 'x'), false],
])('%s is not replaced', async (what, code, make, overwrite) => {
  const to = into(what.replaceAll(/\W/g, ''));
  make(to);
  await expect(run(to, { dataSet: { ...PLAIN, overwrite } })).rejects.toMatchObject({ code });
  expect(existsSync(to)).toBe(true);
});

test('a data set of another program is replaced with overwrite', async () => {
  const to = into('spark');
  mkdirSync(to);
  for (const name of ['_SUCCESS', 'part-00000-x.snappy.parquet']) writeFileSync(join(to, name), '');
  await expect(run(to)).rejects.toMatchObject({ code: 'PREDICT_OUT' });
  await run(to, { dataSet: { ...PLAIN, overwrite: true } });
  expect(readdirSync(to)).not.toContain('part-00000-x.snappy.parquet');
});

test('an output in its input, and an input in the output, are refused: the same call would be another job', async () => {
  const folder = into('around');
  mkdirSync(folder);
  await writeInput(inputRows(10), join(folder, 'a.parquet'));
  const inside = { from: folder, dataSet: { ...PLAIN, overwrite: true } };
  await expect(run(join(folder, 'out'), inside)).rejects.toMatchObject({ code: 'PREDICT_OUT' });
  await expect(run(folder, inside)).rejects.toMatchObject({ code: 'PREDICT_OUT' });
});

test.each(['parquet', 'csv', 'jsonl'] as const)(
  'folders of a column, as %s, are read back as a partitioned data set',
  async (format) => {
    const to = into(`parts-${format}`);
    const values = `['fr', 'a b', 'x/y=1', 'é%', NULL]`;
    const rows = `SELECT * REPLACE (${values}[1 + CAST(id % 5 AS INTEGER)] AS name) FROM (${inputRows(300)})`;
    const input = await writeInput(rows, into('named.parquet'));
    await run(to, { from: input, keep: ['id', 'name'], dataSet: { format, partitionBy: 'name', overwrite: false } });
    const reader = { parquet: 'read_parquet', csv: 'read_csv', jsonl: 'read_json' }[format];
    const found = await sql(
      `SELECT CAST(id AS INTEGER), name FROM ${reader}('${to}/*/*.${format}', hive_partitioning = true) ORDER BY CAST(_row AS INTEGER)`,
    );
    const expected = await sql(`SELECT CAST(id AS INTEGER), name FROM '${input}'`);
    expect(found).toEqual(expected);
    expect(readdirSync(to)).toContain('name=x%2Fy%3D1');
  },
);

test('lists and classes are kept by each format; CSV has JSON of lists, and JSON has null for no number', async () => {
  const input = await writeInput('SELECT 1.0 AS x, i / 3.0 AS y FROM range(5) t(i)', into('xy.parquet'));
  const model = { kind: 'registered', name: 'abc' } as const;
  for (const format of ['csv', 'jsonl'] as const) {
    const to = into(`abc-${format}`);
    const asked = { from: input, to, version: 1, workers: 1, dataSet: { format, partitionBy: null, overwrite: false } };
    await (await startBatch(model, asked, context)).result;
    const [first] = readFileSync(join(to, `part-00000.${format}`), 'utf8').split('\n');
    for (const name of ['label', 'probabilities_a', 'probabilities_c']) expect(first).toContain(name);
  }
});

test.each([
  ['a column that is absent', 'none', 'PREDICT_PARTITION'],
  ['doubles', 'score', 'PREDICT_PARTITION'],
])('folders of %s are refused', async (_, partitionBy, code) => {
  const to = into(`no-${partitionBy}`);
  await expect(run(to, { dataSet: { ...PLAIN, partitionBy } })).rejects.toMatchObject({ code });
  expect(existsSync(to)).toBe(false);
});

test('an empty text, for which no folder can stand, is refused', async () => {
  const input = await writeInput(`SELECT * REPLACE ('' AS name) FROM (${inputRows(10)})`, into('empty.parquet'));
  const asked = run(into('empty'), { from: input, keep: ['name'], dataSet: { ...PLAIN, partitionBy: 'name' } });
  await expect(asked).rejects.toMatchObject({ code: 'PREDICT_PARTITION' });
});
