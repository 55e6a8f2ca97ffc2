import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import {
  apply,
  batchView,
  bool,
  defineProject,
  embedding,
  entity,
  eventSource,
  featureService,
  float,
  last,
  lookup,
  mean,
  model,
  nullable,
  onDemandView,
  over,
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { featuresReport } from '../../src/monitoring/features/features-report.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1, 12);
const LENGTH = 4;

const views = eventSource('views', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), item: embedding(LENGTH, { range: [-1, 1] }) },
});
const user = entity('user', { user: text() });
const taste = streamView('taste', {
  source: views,
  entity: user,
  key: { user: 'user' },
  windows: ['1d'],
  freshness: '1s',
  features: (e) => ({ mean: mean(e.item), latest: over(['ever'], last(e.item)) }),
});
const centre = batchView('centre', {
  entity: user,
  schedule: '0 * * * *',
  freshness: '2h',
  reads: { views },
  features: { first: embedding(LENGTH), short: embedding(LENGTH) },
  sql: ({ views: rows }) => sql`
    SELECT "user", ARG_MIN(item, "at") AS first, ARG_MIN(item, "at")[1:3] AS short FROM ${rows} GROUP BY "user"`,
});
const likeness = onDemandView('likeness', {
  inputs: { mean: nullable(embedding(LENGTH)), item: embedding(LENGTH) },
  features: { dot: nullable(float()), away: nullable(embedding(LENGTH)) },
  compute: ({ mean: of, item }) => ({
    dot: of === null ? null : of.reduce((sum, x, i) => sum + x * (item[i] ?? 0), 0),
    away: of === null ? null : of.map((x, i) => x - (item[i] ?? 0)),
  }),
});
const ranking = featureService('ranking', {
  request: { user: text(), item: embedding(LENGTH) },
  join: (r) => ({ taste: lookup(taste, { user: r.user }), centre: lookup(centre, { user: r.user }) }),
  compute: (r, f) => ({ item: r.item, like: apply(likeness, { mean: f.taste.mean_1d, item: r.item }) }),
});
const shown = eventSource('shown', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), item: embedding(LENGTH) },
});
const taken = eventSource('taken', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), shown: text(), took: bool() },
});
const takes = model('takes', {
  task: 'binary',
  service: ranking,
  spine: { from: shown, id: 'id' },
  label: { from: taken, id: 'shown', value: (e) => e.took, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const project = defineProject('shelf', { views, ranking, shown, taken, takes });

const directory = mkdtempSync(join(tmpdir(), 'headrace-embeddings-'));
let now = START;
let headrace: Headrace;
let server: RunningServer;

const itemOf = (n: number) => [Math.sin(n), Math.cos(n), ((n * 7) % 11) / 11, n % 3 === 0 ? -0.5 : 0.5];

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  for (let n = 0; n < 120; n += 1) {
    now += MINUTE_MS;
    await headrace.ingest(views, [{ id: `v${n}`, at: now, user: `u${n % 3}`, item: itemOf(n) }]);
    now += 1;
    await headrace.ingest(shown, [{ id: `s${n}`, at: now, user: `u${n % 3}`, item: itemOf(n + 1) }]);
    await headrace.ingest(taken, [{ id: `t${n}`, at: now + 1, shown: `s${n}`, took: itemOf(n + 1)[0] > 0.2 }]);
  }
  now += 60 * MINUTE_MS;
  await headrace.tick();
  await headrace.flush();
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const request = { user: 'u1', item: itemOf(50) };

test('embeddings are served as arrays by JSON, by the binary answer and in process, typed by the declaration', async () => {
  const client = createClient<typeof project>({ url: server.url });
  const { features, complete } = await client.vector('ranking', request, { at: now });
  expectTypeOf(features.taste_mean_1d).toEqualTypeOf<readonly number[] | null>();
  const mine = Array.from({ length: 40 }, (_, i) => itemOf(1 + 3 * i));
  const expected = mine[0].map(
    (_, d) => mine.reduce((sum, item) => sum + Math.floor(item[d] * 2 ** 32 + 0.5), 0) / (40 * 2 ** 32),
  );
  expect(complete).toBe(true);
  expect(features).toEqual({
    taste_mean_1d: expected,
    taste_latest: itemOf(118),
    centre_first: itemOf(1),
    centre_short: null,
    item: itemOf(50),
    like_dot: expected.reduce((sum, x, i) => sum + x * itemOf(50)[i], 0),
    like_away: expected.map((x, i) => x - itemOf(50)[i]),
  });
  expect((await headrace.vector(ranking, request, now)).features).toEqual(features);
  const [binary] = await client.vectors('ranking', [request], { at: now });
  expect(binary.features).toEqual(features);
});

test('an embedding of another length or with a number that is not finite is refused where it comes in', async () => {
  const client = createClient<typeof project>({ url: server.url });
  const refusal = await client.vector('ranking', { user: 'u1', item: [1, 2, 3] }).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'REQUEST_TYPE', status: 400 });
  const event = { id: 'w', at: now, user: 'u1' };
  const sent = await headrace.ingest(headrace.source('views'), [
    { ...event, item: [1, 2, 3] },
    { ...event, item: [1, 2, 3, Number.NaN] },
    { ...event, item: 'none' },
  ]);
  expect(sent.refused.map(({ error }) => error.code)).toEqual(['EVENT_TYPE', 'EVENT_TYPE', 'EVENT_TYPE']);
});

test('the history gives the embeddings that were served, and the report counts nulls and zeros', async () => {
  now += MINUTE_MS;
  for (const user of ['u0', 'u1', 'nobody']) await headrace.vector(ranking, { user, item: [0, 0, 0, 0] });
  now += 1;
  await headrace.flush();
  const audit = await headrace.auditSkew(ranking, START, now);
  expect(audit.vectors).toBeGreaterThan(3);
  expect(audit.mismatches).toEqual({ lateness: 0, staleness: 0, logic: 0 });
  const report = await featuresReport(project, insideOf(headrace).stores.offline, START, now);
  const byName = new Map(report.services[0].features.map((feature) => [feature.name, feature]));
  expect(byName.get('item')?.profile).toMatchObject({ nulls: 0, zeros: 3 });
  expect(byName.get('taste_latest')?.profile).toMatchObject({ nulls: 1, zeros: 0 });
  expect(byName.get('centre_short')?.nullRate).toBe(1);
});

test('a model reads an embedding number by number', async () => {
  const version = await headrace.train(takes, { to: now + 1 });
  expect(version.signature.features.slice(0, 5)).toEqual([
    'taste_mean_1d[0]',
    'taste_mean_1d[1]',
    'taste_mean_1d[2]',
    'taste_mean_1d[3]',
    'taste_latest[0]',
  ]);
  // The label hangs on the first number of the item.
  expect(version.metrics['auc']).toBeGreaterThan(0.95);
  await headrace.promote(takes, version.version);
  const scores = await headrace.predictMany(
    takes,
    [1, -1].map((x) => ({ id: `p${x}`, request: { user: 'u1', item: [x, 0, 0, 0.5] } })),
  );
  expect(scores[0].score).toBeGreaterThan(0.5);
  expect(scores[1].score).toBeLessThan(0.5);
  expect(now - START).toBeLessThan(DAY_MS);
});
