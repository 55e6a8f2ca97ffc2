// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, Producer } from '@platformatic/kafka';
import { afterEach, expect, test } from 'vitest';
import { startFlink, startJobManager } from '../../scripts/services/flink.ts';
import { stopServer } from '../../scripts/services/server.ts';
import { openTopicReader } from '../../src/backends/kafka/topic-reader.ts';
import {
  bool,
  changeSource,
  count,
  defineProject,
  entity,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { Deployed } from '../../src/ports/tile-jobs.ts';
import { addressOf } from './addresses.ts';
import { changedProject } from './tile-project.ts';
import { likeEmbedded, type SiteOptions, TileSite } from './tile-site.ts';
import { until } from './until.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function newSite(options: SiteOptions = {}): TileSite {
  const site = new TileSite(options);
  ending.push(() => site.end());
  return site;
}

test('a job that was stopped with a savepoint continues from it, and the tiles are those of all events', async () => {
  const site = newSite();
  const headrace = await site.open();
  const first = await site.jobs((jobs) => jobs.deploy());
  expect(first).toMatchObject({ began: 'anew', from: null });
  await site.send(headrace, 400);
  const behind = (reader: string) =>
    headrace
      .status()
      .lag.flatMap((lag) => (lag.reader === reader ? lag.behind : []))
      .reduce((sum, n) => sum + n, 0);
  await site.whole(headrace);
  await until(async () => behind('engine') === 0);
  expect(await site.jobs((jobs) => jobs.deploy())).toMatchObject({ began: 'before', jobId: first.jobId });
  const [stopped] = await site.jobs((jobs) => jobs.stop());
  expect(stopped).toMatchObject({ jobId: first.jobId, state: 'STOPPED', declared: true });
  expect(stopped.checkpoint?.path).toContain('savepoint');
  // While no job runs; then what the savepoint has counts once.
  await site.send(headrace, 400);
  await expect(site.jobs((jobs) => jobs.stop())).rejects.toMatchObject({ code: 'TILES_ABSENT' });
  expect([behind('engine'), behind('applied')]).toEqual([400, 0]);
  const again = await site.jobs((jobs) => jobs.deploy());
  expect(again).toMatchObject({ began: 'restored', from: stopped.checkpoint?.path });
  await site.whole(headrace);
  await until(async () => behind('engine') === 0);
  expect(behind('applied')).toBe(0);
  const [status] = await site.jobs((jobs) => jobs.status());
  expect(status).toMatchObject({ jobId: again.jobId, state: 'RUNNING', declared: true });
  await likeEmbedded(site, headrace);
  expect(site.faults).toEqual([]);
});

test('a job that its job manager forgot continues from its newest checkpoint, and the tiles are those of all events', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flink-jobs-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  const servers = await startFlink(directory);
  let { jobManager } = servers;
  ending.push(async () => {
    for (const server of [servers.gateway, servers.taskManager, jobManager]) await stopServer(server);
  });
  const site = newSite({
    flink: [`http://127.0.0.1:${jobManager.port}`, `http://127.0.0.1:${servers.gateway.port}`],
  });
  const headrace = await site.open();
  const told: string[] = [];
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  let deployed: Deployed | undefined;
  const watching = site.jobs(async (jobs) => {
    deployed = await jobs.deploy();
    await jobs.watch(stopped, (line) => told.push(line));
  });
  // What fails there is reported where it is waited for.
  watching.catch(() => undefined);
  await Promise.race([until(async () => deployed !== undefined), watching]);
  await expect(site.jobs((jobs) => jobs.deploy())).rejects.toMatchObject({ code: 'TILES_LOCKED' });
  await site.send(headrace, 400);
  await site.whole(headrace);
  await site.send(headrace, 400);
  await stopServer(jobManager, 'SIGKILL');
  await site.send(headrace, 400);
  await until(async () => told.some((line) => line.includes('waiting for it')));
  jobManager = await startJobManager(directory, jobManager.port);
  await until(
    async () => told.some((line) => /submitted again, from file:.*chk-\d+/.test(line)) || told.join('\n'),
    300_000,
  );
  await site.whole(headrace);
  stop();
  await watching;
  await likeEmbedded(site, headrace);
  expect(site.faults).toEqual([]);
});

test('the job of a changed declaration catches up next to the previous one, which then ends', async () => {
  const site = newSite();
  const headrace = await site.open();
  const before = await site.jobs((jobs) => jobs.deploy());
  await site.send(headrace, 300);
  const after = await site.jobs((jobs) => jobs.upgrade(() => undefined), changedProject);
  expect(after.began).toBe('anew');
  expect(after.compared.keys).toBe(12);
  expect(after.compared.tiles).toBeGreaterThan(12);
  expect(await site.jobs((jobs) => jobs.status(), changedProject)).toMatchObject([
    { jobId: after.jobId, state: 'RUNNING', declared: true },
    { jobId: before.jobId, state: 'RUNNING', declared: false },
  ]);
  await site.whole(headrace);
  await headrace.close();
  const next = await site.open(changedProject);
  await site.whole(next);
  const ended = await site.jobs((jobs) => jobs.stop({ others: true }), changedProject);
  expect(ended).toMatchObject([{ jobId: before.jobId, state: 'STOPPED' }]);
  await site.send(next, 300);
  await site.whole(next);
  expect(site.faults).toEqual([]);
});

test('a job whose tiles are not what the events make is not switched to', async () => {
  const site = newSite();
  const headrace = await site.open();
  await site.jobs((jobs) => jobs.deploy());
  await site.send(headrace, 200);
  await site.whole(headrace);
  await site.jobs((jobs) => jobs.upgrade(() => undefined));
  const brokers = [...addressOf('KAFKA_BROKERS')];
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers });
  ending.push(() => admin.close());
  const name = (await admin.listTopics()).find((topic) => topic.includes(`${site.namespace}.tiles.`)) ?? '';
  const topics = [{ name, keptMs: Number.POSITIVE_INFINITY }];
  const reader = await openTopicReader({
    brokers,
    clientId: 'test',
    timeoutMs: 10_000,
    topics,
    partitions: 2,
    replicas: 1,
  });
  ending.push(() => reader.close());
  const { records } = await reader.read((await reader.ends()).begins);
  const last = Buffer.from(records.at(-1)?.value ?? []).toString();
  // What only somebody else could write: a tile with more events than there are.
  const value = last.replaceAll(/"(n|version)":(\d+)/g, (_, field, n) => `"${field}":${Number(n) + 1_000}`);
  expect(value).not.toBe(last);
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: brokers });
  ending.push(() => producer.close());
  await producer.send({
    messages: [{ topic: name, partition: 0, key: Buffer.from('x'), value: Buffer.from(value) }],
    acks: -1,
  });
  const refused = () =>
    expect(site.jobs((jobs) => jobs.upgrade(() => undefined))).rejects.toMatchObject({
      code: 'TILES_DIFFERS',
      facts: { differing: 1, reason: expect.stringContaining('in place of') },
    });
  await refused();
  // It ran before, and may be what answers come from.
  expect(await site.jobs((jobs) => jobs.status())).toMatchObject([{ state: 'RUNNING' }]);
  await site.jobs((jobs) => jobs.stop());
  await refused();
  expect(await site.jobs((jobs) => jobs.status())).toMatchObject([{ state: 'STOPPED', checkpoint: null }]);
});

test('a job over changes is not begun again where the log has lost the first of them', async () => {
  const stock = changeSource('stock', {
    id: 'id',
    time: 'at',
    row: { id: 'row', time: 'since' },
    before: 'gone',
    columns: { id: text(), at: time(), row: text(), since: time(), gone: bool(), place: text() },
  });
  const byPlace = streamView('by_place', {
    source: stock,
    entity: entity('place', { place: text() }),
    key: { place: 'place' },
    windows: ['1h'],
    freshness: '5s',
    features: () => ({ n: count() }),
  });
  const places = featureService('places', {
    request: { place: text() },
    join: (r) => ({ p: lookup(byPlace, { place: r.place }) }),
  });
  const changes = defineProject('site', { places });
  const site = newSite();
  const headrace = await site.open(changes);
  const at = Date.now();
  const rows = ['a', 'b', 'c', 'd'].map((row) => ({ id: row, at, row, since: at, gone: false, place: 'x' }));
  await headrace.ingest(stock, rows);
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...addressOf('KAFKA_BROKERS')] });
  ending.push(() => admin.close());
  const name = `${site.namespace}.stock.1`;
  const partitions = [0, 1].map((partition) => ({ partition, offset: 1n }));
  await admin.deleteRecords({ topics: [{ name, partitions }] });
  await expect(site.jobs((jobs) => jobs.deploy(), changes)).rejects.toMatchObject({
    code: 'TILES_CHANGES_TRIMMED',
    facts: { source: 'stock', begin: 1 },
  });
  expect(await site.jobs((jobs) => jobs.status(), changes)).toEqual([]);
});

test('what is not Flink, or is not there, is said', async () => {
  const [rest, gateway] = [addressOf('FLINK_REST')[0], addressOf('FLINK_GATEWAY')[0]];
  const nothing = newSite({ flink: ['http://127.0.0.1:1', gateway] });
  await expect(nothing.jobs((jobs) => jobs.deploy())).rejects.toMatchObject({ code: 'FLINK_UNREACHABLE' });
  const noGateway = newSite({ flink: [rest, 'http://127.0.0.1:1'] });
  await expect(noGateway.jobs((jobs) => jobs.deploy())).rejects.toMatchObject({ code: 'FLINK_UNREACHABLE' });
});
