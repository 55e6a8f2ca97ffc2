import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { small } from '../models/small-project.ts';
import { batchSite, inputRows, outputBytes, outputRows, siteContext, writeInput } from './batch-site.ts';

const ROWS = 1_200;

let site: string;
beforeAll(async () => {
  site = await batchSite();
});

test('a write that takes longer than a run may is no hang: no worker is killed, no row rejected', async () => {
  const slow = await batchSite();
  const from = await writeInput(inputRows(ROWS), join(slow, 'in.parquet'));
  const [writing, go] = [join(slow, 'writing'), join(slow, 'go')];
  let ahead = 0;
  // Each reading of the clock is 5 s later than the previous one, while the first partition is written.
  const monotonic = () => {
    if (existsSync(writing) && !existsSync(go)) ahead += 5_000;
    if (ahead > 100_000 && !existsSync(go)) writeFileSync(go, '');
    return ahead;
  };
  const program = { path: new URL('./processes/slow-writer.ts', import.meta.url), args: [slow] };
  const to = join(slow, 'out');
  const options = { from, to, workers: 1, runTimeoutMs: 20_000 };
  const { result } = await startBatch(small, options, { ...siteContext(slow, program), monotonic });
  expect((await result).quarantined).toBe(0);
  expect(new Set(readFileSync(writing, 'utf8').trim().split('\n')).size).toBe(1);
  expect((await outputRows(to)).length).toBe(ROWS);
});

test('of two jobs over one CSV file the first to finish takes the copy away from neither', async () => {
  const from = await writeInput(inputRows(ROWS), join(site, 'shared.csv'));
  // The second job waits in its first partition until the first job has finished.
  const slow = { path: new URL('./processes/slow-writer.ts', import.meta.url), args: [site] };
  const options = { from, to: join(site, 'second'), workers: 1, version: 2 };
  const second = await startBatch(small, options, siteContext(site, slow));
  const first = await startBatch(small, { from, to: join(site, 'first'), workers: 1 }, siteContext(site));
  await first.result;
  writeFileSync(join(site, 'go'), '');
  await second.result;
  expect((await outputRows(join(site, 'second'))).map(([row]) => row)).toEqual(
    Array.from({ length: ROWS }, (_, i) => i),
  );
  expect(readdirSync(join(site, 'batch', 'inputs'))).toEqual([]);
  // An unfinished job leaves the copy to the next run, under the shared name alone.
  const stop = new AbortController();
  stop.abort();
  const third = await startBatch(
    small,
    { from, to: join(site, 'third'), workers: 1, signal: stop.signal },
    siteContext(site),
  );
  await expect(third.result).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  const left = readdirSync(join(site, 'batch', 'inputs'));
  expect(left).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.parquet$/)]);
});

test.each([
  ['deleted', (path: string) => rmSync(path)],
  ['cut', (path: string) => truncateSync(path, 10)],
])('files of a committed job that were %s are written again, and no others', async (_, damage) => {
  const from = await writeInput(inputRows(ROWS), join(site, 'in.parquet'));
  const to = join(site, 'whole');
  const run = async () => (await startBatch(small, { from, to, workers: 1 }, siteContext(site))).result;
  await run();
  expect((await run()).isNew).toBe(false);
  const before = outputBytes(to);
  const manifest = readBatchManifest(to);
  const jobPath = join(to, manifest?.folder ?? '');
  const paths = (manifest?.parts ?? []).map(({ output }) => join(jobPath, output?.file ?? ''));
  const inodes = () => paths.map((path) => statSync(path).ino);
  const [first, , , ...others] = inodes();
  for (const path of paths.slice(1, 3)) damage(path);
  expect((await run()).isNew).toBe(true);
  expect(outputBytes(to)).toEqual(before);
  expect(inodes()).toEqual([first, expect.anything(), expect.anything(), ...others]);
});
