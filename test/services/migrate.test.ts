// @module-tag deep

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import project, { clicks, purchases } from '../../examples/personalisation/declaration.ts';
import { shopTraffic } from '../../examples/personalisation/generator.ts';
import { seededRandom } from '../../examples/personalisation/seeded-random.ts';
import type { Slice } from '../../examples/personalisation/traffic.ts';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { ended, lastJson, spawnCli, startCli } from '../cli/run-cli.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { until } from './until.ts';

/** Enough for a copy to be killed during it. */
const EVENTS = 12_000;

const folder = mkdtempSync(join(tmpdir(), 'migrate-'));
const { prefix: namespace } = freshOptions(addressOf('REDIS_URL'));
const old: EnvironmentOptions = { directory: join(folder, 'old'), partitions: 1, sampleRate: 0.5 };
const cluster: EnvironmentOptions = {
  namespace,
  directory: join(folder, 'new'),
  partitions: 2,
  sampleRate: 0.5,
  log: { kind: 'kafka', brokers: [...addressOf('KAFKA_BROKERS')] },
  engine: {
    kind: 'flink',
    cluster: addressOf('FLINK_REST')[0],
    checkpoint: '2s',
    gateway: addressOf('FLINK_GATEWAY')[0],
  },
  online: { kind: 'redis', url: addressOf('REDIS_URL')[0], timeout: '10s' },
};
const traffic = shopTraffic({
  users: 2_000,
  items: 500,
  until: Date.now(),
  events: EVENTS,
  eventsPerSecond: 40,
  random: seededRandom(6),
});
const requests = () => Array.from({ length: 40 }, () => traffic.request());
let server: ChildProcess;
let killed: ChildProcess;
let url = '';

beforeAll(async () => {
  const path = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${path('../../src/index.ts')};
import project from ${path('../../examples/personalisation/declaration.ts')};
export default defineConfig({ project, environments: ${JSON.stringify({ local: old, cluster })} });`,
  );
  let now = 0;
  const headrace = await openHeadrace({ project, environment: old, clock: () => now });
  for await (const slice of traffic.history()) {
    now = slice.at;
    await headrace.ingest(clicks, slice.clicks);
    await headrace.ingest(purchases, slice.purchases);
  }
  await headrace.close();
  await serve('local');
});

afterAll(async () => {
  for (const child of [server, killed]) child?.kill('SIGKILL');
  await migrate('roll-back').catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
});

async function serve(environment: string): Promise<void> {
  server = startCli(folder, ['serve', '--env', environment, '--port', '0', '--json']);
  const [line]: unknown[] = await once(server.stdout ?? server, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
}

async function stop(): Promise<void> {
  const end = ended(server);
  server.kill('SIGTERM');
  expect(await end).toMatchObject({ code: 0 });
}

async function post(source: string, events: readonly object[]): Promise<void> {
  if (events.length === 0) return;
  const answer = await fetch(`${url}/v1/events/${source}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect(answer.status).toBe(200);
}

async function sendLive(): Promise<Slice> {
  const slice = traffic.live(Date.now());
  await post('clicks', slice.clicks);
  await post('purchases', slice.purchases);
  return slice;
}

async function migrate(step: string, ...more: readonly string[]) {
  const outcome = await spawnCli(folder, ['migrate', step, '--to', 'cluster', ...more]);
  if (outcome.code !== 0) throw new Error(`${outcome.out}\n${outcome.err}`);
  return outcome;
}

interface Answer {
  readonly features: Readonly<Record<string, unknown>>;
  readonly missing: Readonly<Record<string, unknown>>;
  /** null: it is not known yet. */
  readonly ages: { readonly streaming: number | null };
}

async function read(asked: readonly object[], at: number): Promise<readonly Answer[]> {
  const answer = await fetch(`${url}/v1/features/recommendation`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ requests: asked, at }),
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { readonly vectors: readonly Answer[] }).vectors;
}

/** What comes from the stores: the function of the on-demand view may be slower than its budget. */
function answerOf({ features, missing }: Answer) {
  const stored = (values: Readonly<Record<string, unknown>>) =>
    Object.entries(values).filter(([name]) => !name.startsWith('ratio_'));
  return { features: stored(features), missing: stored(missing) };
}

test('the personalisation example moves to Redis, Kafka and Flink while it takes events, over a kill, and back again', async () => {
  killed = startCli(folder, ['migrate', 'copy', '--to', 'cluster']);
  let said = '';
  killed.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await until(async () => said.includes('clicks: 10000 of ') || `it said ${said}`);
  killed.kill('SIGKILL');
  await once(killed, 'close');
  let live = (await sendLive()).clicks.length;
  const copying = migrate('copy', '--json');
  let copied = false;
  void copying.finally(() => {
    copied = true;
  });
  while (!copied) {
    live += (await sendLive()).clicks.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { sources, compared } = lastJson(await copying) as {
    sources: { source: string; deliveries: number }[];
    compared: { answers: number };
  };
  expect(live).toBeGreaterThan(0);
  expect(sources.find(({ source }) => source === 'clicks')?.deliveries).toBeLessThan(EVENTS);
  expect(compared.answers).toBeGreaterThan(1_500);

  const asked = requests();
  const at = Date.now();
  const before = (await read(asked, at)).map(answerOf);
  await stop();
  await migrate('cut-over');

  await serve('cluster');
  await until(async () => {
    expect((await read(asked, at)).map(answerOf)).toEqual(before);
    return true;
  });
  const slice = await sendLive();
  const users = slice.clicks.slice(0, 50).map(({ user, session, item, category, price }) => {
    return { user, session, item, category, price: Number(price) };
  });
  const later = Date.now();
  let after: readonly Answer[] = [];
  await until(async () => {
    // Ages count from within the request, so that what arrived before the instant is in every answer.
    const askedAt = Date.now();
    after = await read(users, later);
    const isWhole = ({ ages: { streaming } }: Answer) => streaming !== null && askedAt - streaming > later;
    return after.every(isWhole) || JSON.stringify(after[0]);
  });
  await stop();

  const back = lastJson(await migrate('roll-back', '--json')) as { sources: { deliveries: number }[] };
  expect(back.sources.map(({ deliveries }) => deliveries)).toEqual([slice.clicks.length, slice.purchases.length]);
  await serve('local');
  expect((await read(users, later)).map(answerOf)).toEqual(after.map(answerOf));
  await stop();
});
