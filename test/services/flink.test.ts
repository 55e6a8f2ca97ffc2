// @module-tag deep

import { afterEach, expect, test } from 'vitest';
import { GatewaySession } from '../../src/backends/flink/sql-gateway.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { viewOf } from '../sql/declare.ts';
import { view as rows } from '../sql/row-lives.ts';
import { everyAggregate, source } from '../sql/streams.ts';
import { addressOf } from './addresses.ts';
import { FlinkSite } from './flink-site.ts';
import { equal, expected, streams, tables, windows } from './site-streams.ts';

const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function opened(views: readonly StreamViewData[], partitions = 2): Promise<FlinkSite> {
  const site = new FlinkSite(views);
  ending.push(() => site.end());
  await site.open(partitions);
  return site;
}

test('tiles and parts of every aggregate are those of the engine, every column as text', async () => {
  const views = [viewOf(source, { k1: 'tenant', k2: 'user' }, everyAggregate, windows)];
  const all = streams(40, 7);
  const first = all.slice(0, all.length / 2);
  const site = await opened(views);
  await site.send(first);
  await equal(site, expected(views, first));
  // What was sent before comes once more, before what is new.
  await site.send(all);
  await equal(site, expected(views, all));
  expect(site.outcomes.conflict).toBe(0);
});

test('three views of different entities over one source of four partitions', async () => {
  const some = everyAggregate.filter(({ name }) => ['events', 'sum_l', 'last_i', 'top_2_t'].includes(name));
  const named = (name: string, view: StreamViewData): StreamViewData => ({ ...view, name });
  const views = [
    named('by_tenant', viewOf(source, { k: 'tenant' }, some, windows)),
    named('by_user', viewOf(source, { k: 'user' }, some, windows)),
    named('by_both', viewOf(source, { k1: 'tenant', k2: 'user' }, some, windows)),
  ];
  const deliveries = streams(40, 11);
  const site = await opened(views, 4);
  await site.send(deliveries);
  await equal(site, expected(views, deliveries));
  expect(site.outcomes.conflict).toBe(0);
});

test('tiles of rows that change and go are those of the engine, every column as text', async () => {
  const deliveries = tables(60, 3);
  const site = await opened([rows]);
  await site.send(deliveries.slice(0, deliveries.length / 2));
  await equal(site, expected([rows], deliveries.slice(0, deliveries.length / 2)));
  await site.send(deliveries);
  await equal(site, expected([rows], deliveries));
  expect(site.outcomes.conflict).toBe(0);
});

test('a statement that cannot be planned says why, and not by a stack trace', async () => {
  const session = await GatewaySession.open(addressOf('FLINK_GATEWAY')[0], {}, 30_000);
  ending.push(() => session.close());
  await expect(session.run('SELECT nothing FROM nowhere')).rejects.toMatchObject({
    code: 'FLINK_SQL',
    message: expect.stringContaining("Object 'nowhere' not found"),
  });
});

test('a gateway that is not there is said to be', async () => {
  await expect(GatewaySession.open('http://127.0.0.1:1', {}, 1_000)).rejects.toMatchObject({
    code: 'FLINK_UNREACHABLE',
  });
});
