import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { ScoreEngine } from '../../src/ports/score-engine.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { small } from '../models/small-project.ts';
import { batchSite, inputRows, outputRows, siteContext, sql, writeInput } from './batch-site.ts';

const ROWS = 1_200;

let site: string;
let input: string;

beforeAll(async () => {
  site = await batchSite();
  input = await writeInput(inputRows(ROWS), join(site, 'in.parquet'));
  await run('own', null);
});

async function run(to: string, engine: ScoreEngine | null) {
  const context = { ...siteContext(site), scores: () => engine ?? 'embedded' };
  const options = { from: input, to: join(site, to), workers: 1, engine: engine !== null };
  return (await startBatch(small, options, context)).result;
}

/** An engine whose files are those of the job in worker processes, as `change` rewrites them. */
function engine(change: (rows: string) => string): ScoreEngine {
  return {
    score: async ({ partitions }) => {
      const manifest = readBatchManifest(join(site, 'own'));
      const rows = new Map<number, readonly string[]>();
      for (const { partition, output } of manifest?.parts ?? []) {
        if (output === null || !partitions.includes(partition)) continue;
        const path = join(site, `engine-${partition}.parquet`);
        const own = `SELECT * FROM read_parquet('${join(site, 'own', manifest?.folder ?? '', output.file)}')`;
        await sql(`COPY (${partition === 2 ? change(own) : own}) TO '${path}' (FORMAT parquet)`);
        rows.set(partition, [path]);
      }
      return { rows, rejected: [], drop: () => undefined };
    },
  };
}

test('a job by an engine is the job in worker processes: one id, the same rows', async () => {
  const own = await run('own', null);
  const theirs = await run(
    'theirs',
    engine((rows) => rows),
  );
  expect([theirs.job, theirs.isNew]).toEqual([own.job, true]);
  expect(await outputRows(join(site, 'theirs'))).toEqual(await outputRows(join(site, 'own')));
});

test('an engine reads a folder as one Parquet file, and its rows are written as a data set', async () => {
  const folder = join(site, 'cut');
  mkdirSync(folder);
  const half = (from: number) =>
    `SELECT * FROM (${inputRows(ROWS)}) WHERE id >= ${from} AND id < ${from + ROWS / 2} ORDER BY id`;
  await writeInput(half(0), join(folder, '0.parquet'));
  await writeInput(half(ROWS / 2), join(folder, '1.parquet'));
  const given: (readonly unknown[])[] = [];
  const { score } = engine((rows) => rows);
  const reading: ScoreEngine = {
    score: async (job, ...others) => {
      given.push(...(await sql(`SELECT COUNT(*), MIN(id), MAX(id) FROM '${job.input}'`)));
      return score(job, ...others);
    },
  };
  const to = join(site, 'set');
  const dataSet = { format: 'parquet', partitionBy: null, overwrite: false } as const;
  const options = { from: folder, to, workers: 1, engine: true, dataSet };
  await (await startBatch(small, options, { ...siteContext(site), scores: () => reading })).result;
  expect(given).toEqual([[BigInt(ROWS), 0n, BigInt(ROWS - 1)]]);
  const found = await sql(`SELECT CAST(_row AS INTEGER), score FROM '${to}/*.parquet' ORDER BY _row`);
  expect(found).toEqual((await outputRows(join(site, 'own'))).map(([row, , value]) => [row, value]));
});

test.each([
  ['loses a row', (rows: string) => `${rows} LIMIT 100`],
  ['doubles a row', (rows: string) => `(${rows}) UNION ALL (${rows} LIMIT 1)`],
  ['has one row twice and another never', (rows: string) => `(${rows} OFFSET 1) UNION ALL (${rows} LIMIT 1 OFFSET 1)`],
  ['changes the order', (rows: string) => `${rows} ORDER BY _row DESC`],
])('an engine that %s is refused, and nothing is committed', async (what, change) => {
  const to = `refused-${what.replaceAll(' ', '-')}`;
  await expect(run(to, engine(change))).rejects.toMatchObject({
    code: 'PREDICT_ENGINE_ROWS',
    facts: { partition: 2 },
  });
  expect(readBatchManifest(join(site, to))).toBeNull();
});

test('an environment without an engine that scores is named', async () => {
  const context = siteContext(site);
  const { result } = await startBatch(small, { from: input, to: join(site, 'none'), engine: true }, context);
  await expect(result).rejects.toMatchObject({ code: 'PREDICT_ENGINE', facts: { kind: 'embedded' } });
});
