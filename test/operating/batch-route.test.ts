import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  batchView,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';

const clicks = eventSource('clicks', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });
const user = entity('user', { user: text() });
const usual = batchView('usual', {
  entity: user,
  schedule: '0 3 1 1 *',
  freshness: '26h',
  reads: { clicks },
  features: { n: int() },
  sql: ({ clicks }) => sql`SELECT "user", count(*) AS n FROM ${clicks} GROUP BY "user"`,
});
const visitor = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ usual: lookup(usual, { user: r.user }) }),
});

test('a batch view is run and rolled back while the server serves, and the audit log has who did it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-batch-route-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  let now = Date.UTC(2026, 0, 5);
  const headrace = await openHeadrace({
    project: defineProject('site', { visitor }),
    environment: { directory },
    clock: () => now,
  });
  onTestFinished(() => headrace.close());
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  onTestFinished(() => server.close());
  const post = async (path: string, body: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  const served = async () => (await headrace.vector(visitor, { user: 'ann' })).features.usual_n;
  const view = { view: 'usual' };
  const refusals: readonly (readonly [object, number, string])[] = [
    [{ ...view, rollBack: true }, 409, 'BATCH_GENERATION'],
    [{ view: 'visitor' }, 404, 'VIEW_UNKNOWN'],
    [{ ...view, rollBack: 'yes' }, 400, 'SERVER_BODY'],
    [{ ...view, at: 1 }, 400, 'SERVER_BODY'],
  ];
  for (const [body, status, code] of refusals)
    expect(await post('/v1/admin/batch', body)).toMatchObject({ status, body: { error: { code } } });
  for (const id of ['a', 'b', 'c']) {
    now += 60_000;
    await headrace.ingest(clicks, [{ id, at: now - 1, user: 'ann' }]);
    expect(await post('/v1/admin/batch', view)).toMatchObject({ status: 200, body: { ...view, rows: 1, nullKeys: 0 } });
  }
  expect(await served()).toBe(3);
  now += 60_000;
  // Sent at once they are done one after the other: each goes back one further.
  const back = { ...view, rollBack: true };
  const both = await Promise.all([post('/v1/admin/batch', back), post('/v1/admin/batch', back)]);
  expect(both.map(({ status }) => status)).toEqual([200, 200]);
  expect(await served()).toBe(1);
  const lines = readFileSync(join(directory, 'audit.jsonl'), 'utf8').trim().split('\n');
  expect(
    lines.map((line) => JSON.parse(line)).map(({ who, what, target, outcome }) => [who, what, target, outcome]),
  ).toEqual([
    ['this machine', 'roll back', 'usual', 'BATCH_GENERATION'],
    ...['VIEW_UNKNOWN', 'SERVER_BODY', 'SERVER_BODY'].map((code) => ['this machine', 'run', '', code]),
    ...Array(3).fill(['this machine', 'run', 'usual', 'done']),
    ...Array(2).fill(['this machine', 'roll back', 'usual', 'done']),
  ]);
});

test('a server refuses a run that lost its keys, says so in status and metrics, and switches when it is accepted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-batch-loss-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  let now = Date.UTC(2026, 0, 5);
  const recent = batchView('recent', {
    entity: user,
    schedule: '0 3 1 1 *',
    freshness: '26h',
    reads: { clicks },
    features: { n: int() },
    mayLose: 0.25,
    sql: (t) => sql`SELECT "user", count(*) AS n FROM ${t.clicks} WHERE "at" > ${t.asOf} - 3600000 GROUP BY "user"`,
  });
  const service = featureService('lately', {
    request: { user: text() },
    join: (r) => ({ recent: lookup(recent, { user: r.user }) }),
  });
  const headrace = await openHeadrace({
    project: defineProject('site', { service }),
    environment: { directory },
    clock: () => now,
  });
  onTestFinished(() => headrace.close());
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  onTestFinished(() => server.close());
  const run = async (acceptLoss: boolean) => {
    const answer = await fetch(`${server.url}/v1/admin/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ view: 'recent', acceptLoss }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const served = async () => (await headrace.vector(service, { user: 'ann' })).features.recent_n;
  await headrace.ingest(clicks, [
    { id: 'a', at: now, user: 'ann' },
    { id: 'b', at: now, user: 'bob' },
  ]);
  expect(await run(false)).toMatchObject({ status: 200, body: { rows: 2 } });
  now += 2 * 3_600_000;
  expect(await run(false)).toMatchObject({ status: 409, body: { error: { code: 'BATCH_LOSS' } } });
  expect(await served()).toBe(1);
  expect(headrace.degraded().join()).toMatch(/lacks 2 of the 2 keys/);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/headrace_batch_lost_share\{view="recent@1"\} 1\n/);
  expect(await run(true)).toMatchObject({ status: 200, body: { rows: 0 } });
  expect(await served()).toBe(null);
  expect(headrace.degraded().join()).not.toMatch(/keys/);
  const audit = readFileSync(join(directory, 'audit.jsonl'), 'utf8');
  expect(audit).toMatch(/loss accepted/);
});
