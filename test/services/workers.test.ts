// @module-tag deep

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startCli } from '../cli/run-cli.ts';
import { project, purchases } from '../server/shop.ts';
import { until as eventually } from './until.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-workers-'));
const directory = join(folder, 'data');
let group: ChildProcess;
let url = '';
let said = '';
let ids = 0;
/** Purchases of ann that were acknowledged, and all that were sent. */
const [acknowledged, sent] = [new Set<string>(), new Set<string>()];

beforeAll(async () => {
  const [index, shop] = ['../../src/index.ts', '../server/shop.ts'].map(
    (path) => new URL(path, import.meta.url).pathname,
  );
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(shop)};
export default defineConfig({ project, environments: { local: { directory: 'data', partitions: 2, sampleRate: 1 } } });`,
  );
  group = startCli(folder, ['serve', '--workers', '2', '--port', '0', '--json']);
  group.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const [line]: unknown[] = await once(group.stdout ?? group, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
});

afterAll(() => {
  group?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One call, each on its own connection, so that the processes share them out; null where it got no answer. */
function call(path: string, body?: unknown): Promise<Answer | null> {
  return new Promise((resolve) => {
    const asked = request(
      `${url}${path}`,
      {
        method: body === undefined ? 'GET' : 'POST',
        agent: new Agent(),
        headers: { 'content-type': 'application/json' },
        timeout: 5_000,
      },
      (answer) => {
        let text = '';
        answer.on('data', (bytes: Buffer) => {
          text += bytes.toString();
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', () => resolve(null));
      },
    );
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function buy(count: number, user = 'ann'): Promise<void> {
  const events = Array.from({ length: count }, () => {
    ids += 1;
    return { id: `e-${ids}`, at: Date.now() - 1_000, user, price: 1, number: ids };
  });
  if (user === 'ann') for (const { id } of events) sent.add(id);
  const answer = await call('/v1/events/purchases', events);
  if (answer?.status === 200 && user === 'ann') for (const { id } of events) acknowledged.add(id);
}

interface Told {
  readonly features: { readonly spend_purchases_7d: number };
  readonly ages: { readonly streaming: number };
  readonly degraded: boolean;
}

async function told(user = 'ann'): Promise<Told | null> {
  const answer = await call('/v1/features/shopper', { request: { user, price: 1 } });
  return answer?.status === 200 ? (JSON.parse(answer.text) as Told) : null;
}

function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  return eventually(async () => holds());
}

/** Value of a sample of the group's metrics. */
async function sample(name: string): Promise<number> {
  const answer = await call('/metrics');
  const line = (answer?.text ?? '').split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

function pidOf(worker: string): number {
  for (const task of readFileSync(`/proc/${group.pid}/task/${group.pid}/children`, 'utf8').trim().split(' '))
    if (readFileSync(`/proc/${task}/environ`, 'utf8').includes(`HEADRACE_WORKER={"name":"${worker}"`))
      return Number(task);
  throw new Error(`no process is ${worker}`);
}

test('what is acknowledged is read from every reader soon after, whatever it had read before', async () => {
  for (let round = 1; round <= 5; round += 1) {
    await buy(3);
    await until(async () => {
      const seen = await Promise.all(Array.from({ length: 6 }, () => told()));
      return seen.every((one) => one?.features.spend_purchases_7d === acknowledged.size);
    });
  }
  const { ages, degraded } = (await told()) ?? { ages: { streaming: -1 }, degraded: true };
  expect(ages.streaming).toBeGreaterThanOrEqual(0);
  expect(degraded).toBe(false);
  await until(async () => (await told())?.ages.streaming !== undefined);
});

test('what is not a read is the writer’s, refusals included, and one address speaks for all', async () => {
  expect(await call('/v1/events/nothing', { id: 'a' })).toMatchObject({ status: 404 });
  expect((await call('/v1/events/nothing', { id: 'a' }))?.text).toContain('EVENT_SOURCE');
  expect((await call('/no/route'))?.text).toContain('SERVER_ROUTE');
  expect((await call('/v1/predictions/risk', { id: 'p', request: { user: 'ann', price: 1 } }))?.text).toContain(
    'MODEL_NONE',
  );
  const status = JSON.parse((await call('/v1/status'))?.text ?? '');
  expect(status).toMatchObject({ project: 'shop', degraded: ['model risk has no champion'] });
  expect(status.sources[0]).toMatchObject({ source: 'purchases', accepted: acknowledged.size });
  expect(JSON.parse((await call('/v1/slo'))?.text ?? '').project).toBe('shop');
  for (const worker of ['writer', 'reader-1', 'reader-2'])
    expect(await sample(`headrace_worker_up{worker="${worker}"}`)).toBe(1);
});

test('over the death of a reader and of the writer under load no acknowledged event is lost, and both come back', async () => {
  let isOver = false;
  let answers = 0;
  const before = acknowledged.size;
  const seen: boolean[] = [];
  const send = async () => {
    while (!isOver) await buy(10);
  };
  const read = async () => {
    while (!isOver) {
      const one = await told();
      if (one === null) continue;
      answers += 1;
      seen.push(one.degraded);
    }
  };
  const clients = [send(), send(), read(), read()];
  await until(() => answers > 20 && acknowledged.size > before + 20);
  process.kill(pidOf('reader-1'), 'SIGKILL');
  await until(() => said.includes('reader-1 ended (SIGKILL)'));
  const answered = answers;
  await until(() => answers > answered + 20);
  process.kill(pidOf('writer'), 'SIGKILL');
  await until(() => said.includes('writer ended (SIGKILL)'));
  const after = acknowledged.size;
  await until(() => acknowledged.size > after + 50);
  isOver = true;
  await Promise.all(clients);
  for (const worker of ['writer', 'reader-1']) {
    await until(async () => (await sample(`headrace_worker_up{worker="${worker}"}`)) === 1);
    expect(await sample(`headrace_worker_restarts_total{worker="${worker}"}`)).toBe(1);
  }
  await until(async () => {
    const now = await told();
    return now?.degraded === false && now.features.spend_purchases_7d >= acknowledged.size;
  });
  const found = (await told())?.features.spend_purchases_7d;
  expect(found).toBeLessThanOrEqual(sent.size);
});

test('a process that only reads stands next to the group, and refuses to write', async () => {
  const beside = startCli(folder, ['serve', '--read-only', '--port', '0', '--json']);
  try {
    const [line]: unknown[] = await once(beside.stdout ?? beside, 'data');
    const groupUrl = url;
    const expected = (await told())?.features;
    url = (JSON.parse(String(line)) as { url: string }).url;
    expect((await told())?.features).toEqual(expected);
    expect((await call('/v1/events/purchases', { id: 'x' }))?.text).toContain('SERVER_READ_ONLY');
    url = groupUrl;
  } finally {
    beside.kill('SIGKILL');
  }
});

test('asked to stop, the group ends in order: what was acknowledged and what readers logged is in the history', async () => {
  group.kill('SIGTERM');
  await once(group, 'exit');
  expect(group.exitCode).toBe(0);
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 2 } });
  let kept = 0;
  const deliveries = headrace.deliveries(headrace.source(purchases.name));
  for await (const rows of headrace.history.query(`SELECT count(*) FROM ${deliveries}`)) kept = Number(rows[0]?.[0]);
  expect(kept).toBeGreaterThanOrEqual(acknowledged.size);
  const { vectors, mismatches } = await headrace.auditSkew(headrace.service('shopper'), 0, Date.now());
  expect(vectors).toBeGreaterThan(20);
  expect(mismatches.logic).toBe(0);
  await headrace.close();
});
