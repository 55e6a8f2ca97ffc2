// @module-tag deep

import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { driverStatus } from '../../src/backends/spark/tile-driver.ts';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { insideOf } from '../../src/running/inside.ts';
import { viewOf } from '../sql/declare.ts';
import { view as rows } from '../sql/row-lives.ts';
import { everyAggregate, source } from '../sql/streams.ts';
import { addressOf } from './addresses.ts';
import { equal, expected, streams, tables, windows } from './site-streams.ts';
import { localSpark, SparkTileSite } from './spark-tile-site.ts';
import { likeEmbedded, TileSite } from './tile-site.ts';
import { until } from './until.ts';

const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function opened(
  views: readonly StreamViewData[],
  partitions: number,
  options: { readonly realTime?: boolean } = {},
): Promise<SparkTileSite> {
  const site = new SparkTileSite(views, options);
  ending.push(() => site.end());
  await site.open(partitions);
  return site;
}

test('tiles and parts of every aggregate are those of the engine, every column as text, over a killed driver', async () => {
  const some = everyAggregate.filter(({ name }) => ['events', 'sum_l', 'last_i', 'top_2_t'].includes(name));
  const views = [
    viewOf(source, { k1: 'tenant', k2: 'user' }, everyAggregate, windows),
    { ...viewOf(source, { k: 'user' }, some, windows), name: 'by_user' },
  ];
  const all = streams(40, 7);
  const first = all.slice(0, all.length / 2);
  const site = await opened(views, 4);
  await site.send(first);
  await equal(site, expected(views, first));
  // What was sent before comes once more, before what is new; the driver dies during it.
  await site.send(all);
  await site.kill();
  await equal(site, expected(views, all));
  expect(site.outcomes.conflict).toBe(0);
});

test('tiles of rows that change and go are those of the engine, every column as text, event by event', async () => {
  const deliveries = tables(60, 3);
  const site = await opened([rows], 2, { realTime: true });
  await site.send(deliveries.slice(0, deliveries.length / 2));
  await equal(site, expected([rows], deliveries.slice(0, deliveries.length / 2)));
  await site.send(deliveries);
  await equal(site, expected([rows], deliveries));
  expect(site.outcomes.conflict).toBe(0);
});

test('a project whose tiles Spark makes answers as a scan of its events, over a stop, a killed driver and another start', async () => {
  const engine: EnvironmentOptions['engine'] = {
    kind: 'spark',
    ...localSpark(),
    jars: [...addressOf('SPARK_KAFKA_JARS')],
  };
  const site = new TileSite({ engine });
  ending.push(() => site.end());
  const headrace = await site.open();
  const first = await site.jobs((jobs) => jobs.deploy());
  expect(first).toMatchObject({ began: 'anew', from: null });
  expect(await site.jobs((jobs) => jobs.deploy())).toMatchObject({ began: 'before', jobId: first.jobId });
  await site.send(headrace, 300);
  await site.whole(headrace);
  const [stopped] = await site.jobs((jobs) => jobs.stop());
  expect(stopped).toMatchObject({ state: 'STOPPED', declared: true });
  await expect(site.jobs((jobs) => jobs.stop())).rejects.toMatchObject({ code: 'TILES_ABSENT' });
  // While no job runs; then what the checkpoint has counts once.
  await site.send(headrace, 300);
  const told: string[] = [];
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const watching = site.jobs(async (jobs) => {
    expect(await jobs.deploy()).toMatchObject({ began: 'restored', from: stopped.checkpoint?.path });
    await site.send(headrace, 300);
    const running = driverStatus(join(site.sparkJobs, stopped.key));
    process.kill(running?.pid ?? 0, 'SIGKILL');
    await jobs.watch(over, (line) => told.push(line));
  });
  watching.catch(() => undefined);
  await Promise.race([until(async () => told.some((line) => line.includes('was started again, from'))), watching]);
  await site.whole(headrace);
  end();
  await watching;
  expect((await site.jobs((jobs) => jobs.upgrade(() => undefined))).compared.keys).toBe(8);
  await likeEmbedded(site, headrace);
  expect(insideOf(headrace).features.facts.intake?.outcomes.conflict).toBe(0);
  expect(site.faults).toEqual([]);
});
