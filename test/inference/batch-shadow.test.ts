import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Headrace, openHeadrace } from '../../src/index.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import type { BatchOptions } from '../../src/serving/batch/start-batch.ts';
import { rolloutLines, rolloutReport } from '../../src/serving/rollout/rollout-report.ts';
import { type Kind, registerVersions } from '../rollouts/versions.ts';
import { runs } from '../runs.ts';
import { until } from '../until.ts';
import { outputBytes, outputRows, writeInput } from './batch-site.ts';
import { sold, soldShop } from './sold-shop.ts';

const ROWS = 1_000;

/** Rows from −1 to 2: those beyond 1 are where bad versions fail. */
const INPUT = `SELECT CAST(i AS BIGINT) AS id, CAST((i * 37) % 101 AS DOUBLE) / 33.7 - 1 AS number FROM range(${ROWS}) AS t(i)`;

/** The job without a rollout: its bytes depend on input, champion and options alone. */
let plain: { readonly job: string; readonly bytes: ReturnType<typeof outputBytes> };
beforeAll(async () => {
  const { run } = await world('good');
  const { to, summary, shadow } = await run('plain');
  expect(shadow).toBeNull();
  plain = { job: summary.job, bytes: outputBytes(to) };
});

const open = new Set<Headrace>();
afterAll(async () => {
  for (const one of open) await one.close();
});

async function opened(directory: string, clock: () => number = Date.now): Promise<Headrace> {
  const headrace = await openHeadrace({ project: soldShop, environment: { directory }, clock });
  open.add(headrace);
  return headrace;
}

async function world(candidate: Kind) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-shadow-'));
  await registerVersions(directory, 'sold', ['good', candidate]);
  let now = 1_000;
  const headrace = await opened(directory, () => now);
  const from = await writeInput(INPUT, join(directory, 'in.parquet'));
  const control = headrace.rollout(sold);
  const run = async (name: string, more: Partial<BatchOptions> = {}) => {
    const to = join(directory, name);
    const job = await headrace.startBatch(sold, { from, to, workers: 1, ...more });
    return { to, summary: await job.result, shadow: await job.shadow };
  };
  const begin = async () => {
    await control.start(2, { by: 'ann', reason: 'retrained' });
    // The time of the shadow is over.
    now += 2_000;
  };
  const close = async () => {
    open.delete(headrace);
    await headrace.close();
  };
  return { directory, from, control, run, begin, close };
}

test('a good challenger scores the rows too, next to the result, and advances; the job again counts nothing twice', async () => {
  const { control, run, begin } = await world('good');
  await begin();
  const { to, shadow } = await run('scores');
  expect(shadow).toMatchObject({ version: 2, rows: ROWS, dropped: 0, errors: 0, meanDifference: 0, trouble: null });
  expect(outputBytes(to)).toEqual(plain.bytes);
  expect(readBatchManifest(shadow?.path ?? '')?.spec.input).toEqual(readBatchManifest(to)?.spec.input);
  expect((await outputRows(shadow?.path ?? '')).map(([row, , , version]) => [row, version])).toEqual(
    Array.from({ length: ROWS }, (_, row) => [row, 2]),
  );
  expect((await control.status())?.rollout.state).toBe('canary');
  await run('scores');
  const status = await control.status();
  if (status === null) throw new Error('no rollout');
  const report = rolloutReport(status);
  const jobs = report.places.filter(({ kind }) => kind === 'job');
  expect(jobs).toMatchObject([
    { name: plain.job, requests: { shadow: ROWS }, meanDifference: 0, output: shadow?.path },
  ]);
  expect(report.lanes.shadow.requests).toBe(ROWS);
  expect(rolloutLines(report).some((line) => line.includes(`job ${plain.job}: `))).toBe(true);
});

/** Versions that fail, and those whose scores are others. The rollouts of requests have one that throws too. */
const bad = [
  ['nan', 'nonFinite'],
  ['shifted', 'scoreShift'],
  ['erring', 'errors'],
] as const;

test.each(bad.slice(0, runs(2, 3)))(
  'a challenger that is %s is rolled back by %s, and the result has the bytes of a job without rollout',
  async (kind, guardrail) => {
    const { control, run, begin } = await world(kind);
    await begin();
    const { to, shadow, summary } = await run('scores');
    expect(summary.quarantined).toBe(0);
    expect(outputBytes(to)).toEqual(plain.bytes);
    const status = await control.status();
    expect(status?.rollout).toMatchObject({ state: 'rolledBack' });
    expect(status?.rollout.reason).toContain(guardrail);
    const faults = (shadow?.errors ?? 0) + (shadow?.nonFinite ?? 0);
    expect(faults > 0).toBe(kind !== 'shifted');
    // It is over: the next job has no shadow.
    if (kind === 'nan') expect((await run('later')).shadow).toBeNull();
  },
);

test('a challenger that passes the shadow and fails in the canary is rolled back there, by the copies of a job', async () => {
  const { directory, control, run, begin } = await world('nan');
  await begin();
  const tame = await writeInput(`SELECT * FROM (${INPUT}) WHERE number < 1`, join(directory, 'tame.parquet'));
  await run('tame', { from: tame });
  expect((await control.active())?.state).toBe('canary');
  await run('unseen', { shadow: 'none' });
  expect((await control.active())?.state).toBe('canary');
  await run('scores');
  const status = await control.status();
  expect(status?.rollout).toMatchObject({ state: 'rolledBack' });
  expect(status?.rollout.reason).toContain('copies, nonFinite');
});

test('a challenger that takes too long is dropped and reported, and never counts as scored', async () => {
  const { control, run, begin } = await world('good');
  await begin();
  const { summary, shadow } = await run('scores', { shadowWithinMs: 1 });
  expect(summary.isNew).toBe(true);
  expect(shadow).toMatchObject({ rows: ROWS, dropped: ROWS, timeouts: 1, meanDifference: null });
  expect(shadow?.trouble).toContain('took longer than 1 ms');
  expect((await control.status())?.rollout.state).toBe('shadow');
  // The same job again, with time: it replaces what was seen.
  expect((await run('scores')).shadow).toMatchObject({ dropped: 0, timeouts: 0 });
  expect((await control.status())?.rollout.state).toBe('canary');
});

test('a named version shadows without a rollout; the version of the job cannot', async () => {
  const { control, run } = await world('shifted');
  const { shadow } = await run('scores', { shadow: 2 });
  expect(shadow).toMatchObject({ version: 2, rollout: null, dropped: 0 });
  expect(shadow?.meanDifference).toBeGreaterThan(0.1);
  expect(await control.status()).toBeNull();
  await expect(run('same', { shadow: 1 })).rejects.toMatchObject({ code: 'PREDICT_OPTION' });
});

test('killed in the job and in the shadow: the bytes of a job without rollout, and each row compared once', async () => {
  const { directory, from, begin, close } = await world('good');
  await begin();
  await close();
  const to = join(directory, 'scores');
  await killedWhen(directory, from, to, () => hasParts(to));
  await killedWhen(directory, from, to, () => hasParts(`${to}.shadow-2`));
  expect(outputBytes(to)).toEqual(plain.bytes);
  const again = await opened(directory);
  await (await again.startBatch(sold, { from, to, workers: 1 })).shadow;
  expect(outputBytes(to)).toEqual(plain.bytes);
  const status = await again.rollout(sold).status();
  expect(status?.evidence.shadow.requests).toBe(ROWS);
});

function hasParts(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const job = readdirSync(folder).find((name) => name.startsWith('job-'));
  return job !== undefined && readdirSync(join(folder, job, 'parts')).length > 0;
}

/** Runs the job in its own process that is killed at a sight. */
async function killedWhen(directory: string, from: string, to: string, isSeen: () => boolean): Promise<void> {
  const child = fork(new URL('./processes/shadowed-job.ts', import.meta.url), [directory, from, to], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--conditions=headrace-source'],
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  await until(() => isSeen() || child.exitCode !== null);
  child.kill('SIGKILL');
  await closed;
}
