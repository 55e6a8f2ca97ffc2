import { existsSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import {
  batchInference,
  batchView,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  lookup,
  model,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { checkBatchViews } from '../../src/site/file-reader.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { registerModel } from '../models/small-project.ts';
import { until } from '../until.ts';
import { sql as query } from './batch-site.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 1);

const rides = eventSource('rides', {
  id: 'id',
  time: 'at',
  lateness: '2d',
  columns: { id: text(), at: time(), name: text(), number: float(), category: int() },
});
const person = entity('person', { name: text() });
const usual = batchView('usual', {
  entity: person,
  schedule: '0 0 1 1 *',
  freshness: '400d',
  reads: { rides },
  features: { number: float(), gaps: float() },
  sql: ({ rides: all }) => sql`SELECT name, AVG(number) AS number, MIN(number) / 40 AS gaps FROM ${all} GROUP BY name`,
});
const service = featureService('usuals', {
  request: { name: text(), category: int() },
  join: (r) => ({ usual: lookup(usual, { name: r.name }) }),
  compute: (r, f) => ({ number: f.usual.number, gaps: f.usual.gaps, category: r.category }),
});
const rank = model('rank', {
  task: 'regression',
  service,
  spine: { from: rides, id: 'id' },
  label: { from: rides, id: 'id', value: (e) => e.number, within: '1d' },
  train: { with: { kind: 'command', command: ['true'] } },
});
const nightly = batchInference('nightly', {
  model: rank,
  entity: person,
  schedule: '0 3 * * *',
  freshness: '2d',
  reads: { rides },
  mostErrors: 0,
  rows: ({ rides: all }) => sql`SELECT name, MAX(category) AS category FROM ${all} GROUP BY name`,
});
const ranked = featureService('ranked', {
  request: { name: text() },
  join: (r) => ({ nightly: lookup(nightly, { name: r.name }) }),
});
const project = defineProject('p', { rides, rank, nightly, ranked });

let directory: string;
let now = START;
let headrace: Headrace;

const open = (): Promise<Headrace> => openHeadrace({ project, environment: { directory }, clock: () => now });
const names = Array.from({ length: 1_500 }, (_, i) => `n${i}`);
const ride = (i: number, at: number) => ({
  id: `r${i}-${at}`,
  at,
  name: names[i % names.length],
  number: ((i * 37) % 101) / 5 - 8,
  category: i % 6,
});

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headrace-views-'));
  now = START;
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  await registerModel('rank', registry, artifacts, 1);
  await registerModel('rank', registry, artifacts, 0.01);
  await registry.close();
  headrace = await open();
  await headrace.ingest(
    rides,
    Array.from({ length: 3_000 }, (_, i) => ride(i, now - (3_000 - i))),
  );
  await headrace.backfill(usual);
});

afterEach(() => headrace.close());

const health = () => {
  const { batch } = headrace.status();
  const found = batch.find(({ view }) => view === 'nightly@1');
  if (found === undefined) throw new Error('nightly is in no status');
  return found;
};

const scoreOf = async (name: string, at?: number) => {
  const { features } = await headrace.vector(ranked, { name }, at);
  return features;
};

describe('a batch inference', () => {
  test('runs when it is due, serves the online scores of its instant, and moves to the champion of its next run', async () => {
    await headrace.promote(rank, 1);
    now = START + 3 * HOUR_MS;
    await until(async () => {
      await headrace.tick();
      return health().succeeded === 1;
    });
    const asOf = health().asOf ?? 0;
    expect(asOf).toBe(now);
    now += 1_000;
    for (const i of [0, 7, 1_499]) {
      const request = { name: names[i], category: Math.max(i % 6, (i + 1_500) % 6) };
      const { score } = await headrace.predict(rank, `p${i}`, request, { at: asOf });
      expect(await scoreOf(names[i])).toEqual({ nightly_score: score, nightly_model_version: 1 });
    }
    expect(await scoreOf('nobody')).toEqual({ nightly_score: null, nightly_model_version: null });
    await headrace.promote(rank, 2);
    expect((await scoreOf('n0')).nightly_model_version).toBe(1);
    now = START + DAY_MS + 3 * HOUR_MS;
    await until(async () => {
      await headrace.tick();
      return health().succeeded === 2;
    });
    now += 1_000;
    expect((await scoreOf('n0')).nightly_model_version).toBe(2);
  });

  test('without a champion it fails, says so, and what was scored before is served', async () => {
    await expect(headrace.backfill(nightly)).rejects.toMatchObject({ code: 'MODEL_NONE' });
    expect(health().failure?.reason).toContain('rank');
    expect(headrace.status().degraded).toContainEqual(expect.stringContaining('batch view nightly@1 failed'));
  });

  test('a run that was cancelled resumes after a restart, with its instant and what it had published', async () => {
    await headrace.promote(rank, 1);
    now = START + 3 * HOUR_MS;
    const stop = new AbortController();
    const signal = stop.signal;
    const run = headrace.backfill(nightly, undefined, { signal, onProgress: () => stop.abort() });
    await expect(run).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    await headrace.close();
    const scores = join(directory, 'batch', 'views', 'nightly@1', 'scores');
    const [job = ''] = readdirSync(scores).filter((name) => name.startsWith('job-'));
    const published = readdirSync(join(scores, job, 'parts')).map((name) => join(scores, job, 'parts', name));
    expect(published.length).toBeGreaterThan(0);
    const inodes = published.map((path) => statSync(path).ino);
    now += HOUR_MS;
    headrace = await open();
    await until(async () => {
      await headrace.tick();
      return health().succeeded === 1;
    });
    expect(health().asOf).toBe(START + 3 * HOUR_MS);
    expect(published.map((path) => statSync(path).ino)).toEqual(inodes);
    now += 1_000;
    expect((await scoreOf('n5')).nightly_model_version).toBe(1);
  });

  test('forgetting an entity removes its rows from the copies and scores on the disk', async () => {
    await headrace.promote(rank, 1);
    await headrace.backfill(nightly);
    expect(existsSync(join(directory, 'batch', 'views'))).toBe(true);
    await headrace.forget('person', { name: 'n1' });
    expect(existsSync(join(directory, 'batch', 'views'))).toBe(false);
    expect(await scoreOf('n1')).toEqual({ nightly_score: null, nightly_model_version: null });
  });
});

test('a spine job that resumes after a run of a batch view has the features of the new generation', async () => {
  await headrace.promote(rank, 1);
  const at = START + 10_000;
  const from = join(directory, 'asked.csv');
  writeFileSync(from, ['name,category,_at', ...names.map((name) => `${name},2,${at}`)].join('\n'));
  const stop = new AbortController();
  const options = { from, to: join(directory, 'out'), spine: {}, workers: 1 };
  const first = await headrace.startBatch(rank, { ...options, signal: stop.signal, onProgress: () => stop.abort() });
  await expect(first.result).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  now += 1_000;
  await headrace.ingest(rides, [{ id: 'late', at: now - 1, name: 'n3', number: 1_000, category: 0 }]);
  await headrace.backfill(usual);
  const second = await headrace.startBatch(rank, options);
  const { files } = await second.result;
  expect(second.id).not.toBe(first.id);
  const list = files.map((file) => `'${file}'`).join(', ');
  const [[score]] = await query(`SELECT score FROM read_parquet([${list}]) WHERE name = 'n3'`);
  const online = await headrace.predict(rank, 'p', { name: 'n3', category: 2 }, { at });
  expect(score).toBe(online.score);
});

describe('a wrong declaration', () => {
  test('SQL without a column of the request, or with two rows for a key, is refused', async () => {
    const inference = (rows: Parameters<typeof batchInference<{ name: 'text' }, { rides: typeof rides }>>[1]['rows']) =>
      batchInference('wrong', {
        model: rank,
        entity: person,
        schedule: '0 3 * * *',
        freshness: '2d',
        reads: { rides },
        rows,
      });
    const narrow = inference(({ rides: all }) => sql`SELECT DISTINCT name FROM ${all}`);
    const checked = checkBatchViews(defineProject('p', { narrow }));
    await expect(checked).rejects.toMatchObject({ code: 'BATCH_COLUMN', facts: { wanted: ['name', 'category'] } });
    const double = inference(({ rides: all }) => sql`SELECT name, category FROM ${all}`);
    await headrace.promote(rank, 1);
    await headrace.close();
    const wrong = defineProject('p', { rides, rank, double });
    headrace = await openHeadrace({ project: wrong, environment: { directory }, clock: () => now });
    await expect(headrace.backfill(double)).rejects.toMatchObject({ code: 'BATCH_DUPLICATE_KEY' });
  });
});
