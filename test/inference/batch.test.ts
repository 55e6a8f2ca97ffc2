import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { fedRows } from '../models/fed-rows.ts';
import { small } from '../models/small-project.ts';
import { batchSite, inputRows, outputBytes, outputRows, siteContext, sql, writeInput } from './batch-site.ts';

const ROWS = 3_000;

/** The committed output of the first test, by which the others go. */
let plain: string;

let site: string;
let input: string;
beforeAll(async () => {
  site = await batchSite();
  input = await writeInput(inputRows(ROWS), join(site, 'in.parquet'));
  plain = join(site, 'plain');
  await run(input, plain);
});

async function run(from: string, to: string, more: object = {}) {
  const context = siteContext(site);
  const { result } = await startBatch(small, { from, to, workers: 1, ...more }, context);
  return { ...(await result), context };
}

/** The scores of one version for the rows of a file, one row a run. */
async function byHand(path: string, number: number): Promise<readonly number[]> {
  const { registry } = siteContext(site);
  const version = await registry.version('small', number);
  const file = readFileSync(join(site, 'artifacts', version.artifact.slice(0, 2), version.artifact));
  const loaded = await loadScorer(onnxRuntime, file, version.signature);
  const columns = version.signature.features.map((name) => `CAST("${name}" AS DOUBLE)`);
  const scores: number[] = [];
  for (const row of await sql(`SELECT ${columns.join(', ')} FROM '${path}'`)) {
    const numbers = row.map((cell) => (cell === null ? Number.NaN : Number(cell)));
    scores.push((await loaded.run(fedRows(loaded, numbers)))[0]);
  }
  await loaded.close();
  return scores;
}

test('every row has the score of one row alone, with its version, digest and job, in the order of the file', async () => {
  const { job, digest, files, isNew } = await run(input, plain);
  expect([files.length, isNew]).toEqual([12, false]);
  const rows = await outputRows(plain);
  const scores = await byHand(input, 1);
  expect(rows).toEqual(scores.map((score, i) => [i, i, score, 1, digest, job]));
});

test.each(['csv', 'jsonl'])('a file of %s has the scores of the same rows as Parquet', async (ending) => {
  const path = join(site, `in.${ending}`);
  await writeInput(inputRows(ROWS), path);
  await run(path, join(site, ending));
  const scores = (rows: readonly (readonly unknown[])[]) => rows.map(([row, id, score]) => [row, id, score]);
  expect(scores(await outputRows(join(site, ending)))).toEqual(scores(await outputRows(plain)));
});

test('workers leave the code that they compiled to the next ones, and only in the folder of the environment', async () => {
  const compiled = join(site, 'batch', 'compiled');
  vi.stubEnv('NODE_COMPILE_CACHE', undefined);
  await run(input, join(site, 'compiled'));
  vi.unstubAllEnvs();
  expect(readdirSync(compiled, { recursive: true }).length).toBeGreaterThan(100);
  expect(await outputBytes(join(site, 'compiled'))).toEqual(await outputBytes(plain));
});

describe('a job is its spec', () => {
  test('an alias is resolved once: another version is another job, and replaces an output only where asked', async () => {
    const to = join(site, 'other');
    const first = await run(input, to);
    await expect(run(input, to, { version: 2 })).rejects.toMatchObject({ code: 'PREDICT_OUTPUT' });
    expect(readBatchManifest(to)?.job).toBe(first.job);
    const { job } = await run(input, to, { version: 2, replace: true });
    expect(job).not.toBe(first.job);
    expect(readBatchManifest(to)?.job).toBe(job);
    expect((await outputRows(to)).map(([, , score]) => score)).toEqual(await byHand(input, 2));
  });

  test('the number of workers changes neither the job nor its bytes', async () => {
    await run(input, join(site, 'three'), { workers: 3 });
    expect(outputBytes(join(site, 'three'))).toEqual(outputBytes(plain));
  });
});

describe('bad input', () => {
  test('a cell that is no number is in quarantine by its row; the others are scored', async () => {
    const path = join(site, 'cells.csv');
    const lines = ['id,number,gaps,category', '0,1.5,,3', '1,one,2,3', '2,1e300,2,3', '3,2.5,0.5,1'];
    writeFileSync(path, `${lines.join('\n')}\n`);
    const to = join(site, 'cells');
    await expect(run(path, to)).rejects.toMatchObject({ code: 'PREDICT_REJECTED' });
    expect(readBatchManifest(to)).toBeNull();
    const { quarantined } = await run(path, to, { mostErrors: 0.5 });
    expect(quarantined).toBe(2);
    expect((await outputRows(to)).map(([row]) => row)).toEqual([0, 3]);
    const manifest = readBatchManifest(to);
    const listed = (manifest?.parts ?? []).flatMap(({ quarantine }) => quarantine ?? []);
    const rejected = listed.flatMap(({ file }) =>
      readFileSync(join(to, manifest?.folder ?? '', file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
    expect(rejected.map(({ row, code, reason }) => [row, code, reason])).toEqual([
      [1, 'PREDICT_CELL', 'column "number" holds "one", which is no FP32 number'],
      [2, 'PREDICT_CELL', 'column "number" holds "1e300", which is no FP32 number'],
    ]);
  });

  test('a missing column, an unknown format, a file that is not one and a foreign folder are named', async () => {
    const path = await writeInput('SELECT 1 AS number, 2 AS category', join(site, 'narrow.parquet'));
    await expect(run(path, join(site, 'x1'))).rejects.toMatchObject({ code: 'PREDICT_COLUMN' });
    writeFileSync(join(site, 'rows.txt'), 'number\n1\n');
    await expect(run(join(site, 'rows.txt'), join(site, 'x2'))).rejects.toMatchObject({ code: 'PREDICT_FORMAT' });
    writeFileSync(join(site, 'no.parquet'), 'number\n1\n');
    await expect(run(join(site, 'no.parquet'), join(site, 'x3'))).rejects.toMatchObject({ code: 'PREDICT_INPUT' });
    await expect(run(join(site, 'absent.parquet'), join(site, 'x4'))).rejects.toMatchObject({ code: 'PREDICT_INPUT' });
    mkdirSync(join(site, 'foreign'));
    writeFileSync(join(site, 'foreign', 'notes.txt'), 'mine');
    await expect(run(input, join(site, 'foreign'))).rejects.toMatchObject({ code: 'PREDICT_FOLDER' });
  });

  test('a file without rows is a job without parts', async () => {
    const path = await writeInput(inputRows(0), join(site, 'empty.parquet'));
    const { rows, files } = await run(path, join(site, 'empty'));
    expect([rows, files]).toEqual([0, []]);
  });

  test('an input that changes while it is read commits nothing', async () => {
    const path = await writeInput(inputRows(ROWS), join(site, 'changing.parquet'));
    const to = join(site, 'changing');
    let isChanged = false;
    const onProgress = () => {
      if (!isChanged) appendFileSync(path, 'x');
      isChanged = true;
    };
    await expect(run(path, to, { onProgress })).rejects.toMatchObject({ code: 'PREDICT_CHANGED' });
    expect(readBatchManifest(to)).toBeNull();
  });

  test('a full disk stops the job with its name; the same call then resumes to the same bytes', async () => {
    const { job } = await run(input, plain);
    const to = join(site, 'full');
    const scratch = join(to, `job-${job}`, 'tmp');
    mkdirSync(scratch, { recursive: true });
    mkdirSync(join(to, '_runs'));
    for (let attempt = 1; attempt < 100; attempt += 1)
      symlinkSync('/dev/full', join(scratch, `000005.1-${attempt}.parquet`));
    await expect(run(input, to)).rejects.toMatchObject({ code: 'PREDICT_FULL' });
    expect(readBatchManifest(to)).toBeNull();
    rmSync(scratch, { recursive: true });
    await run(input, to);
    expect(outputBytes(to)).toEqual(outputBytes(plain));
  });

  test('a cancelled job leaves nothing that is listed, and resumes', async () => {
    const to = join(site, 'cancelled');
    const stop = new AbortController();
    await expect(run(input, to, { signal: stop.signal, onProgress: () => stop.abort() })).rejects.toMatchObject({
      code: 'JOB_CANCELLED',
    });
    expect(readBatchManifest(to)).toBeNull();
    await run(input, to);
    expect((await outputRows(to)).length).toBe(ROWS);
  });
});

test.each([
  ['mostErrors', Number.NaN],
  ['mostErrors', -0.1],
  ['mostErrors', 2],
  ['workers', 0],
  ['workers', 1.5],
])('%s = %d is refused before anything is written', async (option, value) => {
  const to = join(site, 'refused');
  await expect(run(input, to, { [option]: value })).rejects.toMatchObject({ code: 'PREDICT_OPTION' });
  expect(existsSync(to)).toBe(false);
});
