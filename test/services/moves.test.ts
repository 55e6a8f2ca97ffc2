// @module-tag deep

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import {
  approxDistinct,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { addressOf, freshOptions } from './addresses.ts';

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '10m',
  columns: { id: text(), at: time(), user: text(), page: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '30d'],
  freshness: '1s',
  features: ({ ms, page }) => ({ n: count(), ms: sum(ms), pages: approxDistinct(page) }),
});
const visitor = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ user: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('moving', { visitor });
const USERS = ['ann', 'bob', 'eve'];

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

test('the tiles of a directory move to a Redis and back, with the windows that the log reaches no longer', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'moves-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  let now = Date.UTC(2026, 0, 1);
  let sent = 0;
  const faults: unknown[] = [];
  const embedded: EnvironmentOptions = { directory, partitions: 1, log: { kind: 'embedded', age: '1h' } };
  const { prefix: namespace } = freshOptions(addressOf('REDIS_URL'));
  const [url] = addressOf('REDIS_URL');
  const inRedis: EnvironmentOptions = { ...embedded, online: { kind: 'redis', url } };
  const open = (environment: EnvironmentOptions, name: string) =>
    openHeadrace({
      project: { ...project, name },
      environment,
      clock: () => now,
      onFault: (error) => faults.push(error),
    });
  const send = async (headrace: Headrace, amount: number) => {
    const events = Array.from({ length: amount }, (_, i) => {
      const n = sent + i;
      return { id: `e${n}`, at: now + i * 1_000, user: USERS[n % 3], page: `${n % 50}`.padEnd(2_000, '.'), ms: n };
    });
    sent += amount;
    now += amount * 1_000;
    const { accepted, pending } = await headrace.ingest(clicks, events);
    expect(accepted + pending).toBe(amount);
  };
  const answers = (headrace: Headrace) =>
    Promise.all(
      USERS.map(async (user) => {
        const { values, missing, stale } = await headrace.read(visitor, { user }, now);
        return { values, missing, stale };
      }),
    );

  const before = await open(embedded, namespace);
  for (let i = 0; i < 90; i += 1) await send(before, 500);
  await before.flush();
  await insideOf(before).features.retainLog();
  const segments = readdirSync(join(directory, 'log'), { recursive: true, encoding: 'utf8' });
  const ofClicks = segments.filter((path) => path.includes('clicks') && path.endsWith('.log'));
  expect(ofClicks.filter((path) => path.endsWith('/0000000000000000.log'))).toEqual([]);
  expect(ofClicks).not.toEqual([]);
  await send(before, 300);
  const first = await answers(before);
  // Of the window of thirty days the log has the end.
  expect(first.map(({ values }) => values[1])).toEqual([15_100, 15_100, 15_100]);
  await before.close();

  const moved = await open(inRedis, namespace);
  expect(await answers(moved)).toEqual(first);
  await send(moved, 300);
  const second = await answers(moved);
  expect(second.map(({ values }) => values[1])).toEqual([15_200, 15_200, 15_200]);
  await moved.close();

  const back = await open(embedded, namespace);
  expect(await answers(back)).toEqual(second);
  await back.close();
  expect(faults).toEqual([]);
});
