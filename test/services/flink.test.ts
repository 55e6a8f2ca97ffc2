import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { GatewaySession } from '../../src/backends/flink/sql-gateway.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { viewOf } from '../sql/declare.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { source as changes, lives, view as rows } from '../sql/row-lives.ts';
import { everyAggregate, source, stream } from '../sql/streams.ts';
import { engineTables, type Tables } from '../sql/tables-of.ts';
import { addressOf } from './addresses.ts';
import { FlinkSite } from './flink-site.ts';
import { until } from './until.ts';

const windows = [
  { name: 'short', windowMs: 300_000, hopMs: 1_000 },
  { name: 'long', windowMs: 20 * 86_400_000, hopMs: 1_209_600_000 },
];

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

/** Several random streams one after the other, with ids and keys of their own. */
function streams(count: number, seed: number): readonly LoggedDelivery[] {
  return fc.sample(stream, { numRuns: count, seed }).flatMap((deliveries, i) =>
    deliveries.map((delivery): LoggedDelivery => {
      const [id, ts, tenant, ...rest] = delivery.row;
      const name = `${i}-${String(id)}`;
      const row = [name, ts, tenant === null ? null : `${i}:${String(tenant)}`, ...rest];
      return { ...delivery, id: name, row };
    }),
  );
}

function expected(views: readonly StreamViewData[], deliveries: readonly LoggedDelivery[]): Tables {
  return Object.assign({}, ...views.map((view) => engineTables(view, deliveries)));
}

async function equal(site: FlinkSite, tables: Tables): Promise<void> {
  await until(async () => {
    expect(site.tables()).toEqual(tables);
    return true;
  }, 120_000);
}

test('tiles and parts of every aggregate are those of the engine, every column as text', {
  timeout: 240_000,
}, async () => {
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

test('three views of different entities over one source of four partitions', { timeout: 240_000 }, async () => {
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

/** The changes of many tables one after the other, their rows and keys of their own. */
function tables(count: number, seed: number): readonly LoggedDelivery[] {
  const [KEY, ROW] = ['key', 'row'].map((name) => Object.keys(changes.columns).indexOf(name));
  return fc.sample(lives, { numRuns: count, seed }).flatMap((deliveries, i) =>
    deliveries.map((delivery): LoggedDelivery => {
      const id = `${i}-${delivery.id}`;
      const named = new Map<number, string>([
        [0, id],
        [KEY, `${i}:${String(delivery.row[KEY])}`],
        [ROW, `${i}:${String(delivery.row[ROW])}`],
      ]);
      return { ...delivery, id, row: delivery.row.map((value, c) => named.get(c) ?? value) };
    }),
  );
}

test('tiles of rows that change and go are those of the engine, every column as text', {
  timeout: 240_000,
}, async () => {
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
