import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineProject, type EnvironmentOptions, featureService, lookup, openHeadrace, text } from 'headrace';
import { createClient } from 'redis';
import { kafka } from '../scripts/services/kafka.ts';
import { redis } from '../scripts/services/redis.ts';
import { openKafkaLog } from '../src/backends/kafka/event-log.ts';
import { partitionOf } from '../src/base/hash/partition-of.ts';
import { seededRandom } from '../src/base/rng.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { topicOf } from '../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../src/featurestore/ingest/source-rows.ts';
import type { LogRecord } from '../src/ports/event-log.ts';
import { openTileWriter } from '../src/site/tile-writing.ts';
import { printFigure } from './figure.ts';
import { withServices } from './services.ts';
import { purchases, scratchDirectory, spend } from './shop.ts';

/**
 * CPU time of an event that processes of `headrace tiles write` put into the tiles of a Redis: of one process, and of each of two that
 * share the log. Two processes scale as far as an event costs them no more than one. The log is full before they start.
 */
const EVENTS = 40_000;
const PARTITIONS = 4;
const AT_ONCE = 2_000;

const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
const project = defineProject('writers_bench', { only });
const topic = topicOf(purchases);

interface Cost {
  /** Deliveries that a process put into tiles, and its CPU time, µs. */
  readonly events: number;
  readonly cpuUs: number;
}

if (process.send !== undefined) await writeTiles();
else await withServices([kafka, redis], ({ KAFKA_BROKERS, REDIS_URL }) => main([KAFKA_BROKERS], REDIS_URL));

/** Of its own process: writes tiles, and reports its cost when it is asked. */
async function writeTiles(): Promise<void> {
  const [message] = await once(process, 'message');
  const environment = resolveEnvironment('bench', JSON.parse(String(message)) as EnvironmentOptions, project.name);
  const before = process.cpuUsage();
  const { writer, close } = await openTileWriter(project, environment, { onFault: (error) => console.error(error) });
  process.on('message', async () => {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ events: 'judged' in writer ? writer.judged : 0, cpuUs: user + system } satisfies Cost);
    await close();
    process.disconnect();
  });
}

async function main(brokers: readonly string[], url: string): Promise<void> {
  for (const users of [1_000, 100_000]) {
    const one = await costOf(1, users, brokers, url);
    const two = await costOf(2, users, brokers, url);
    printFigure({
      name: `events of ${users.toLocaleString('en')} users put into the tiles of a Redis, CPU of each of two processes`,
      unit: 'µs/event',
      value: two.writers,
      yardstick: 'one process',
      yardstickValue: one.writers,
      aim: { of: 'ratio', atMost: 1.18 },
    });
    console.log(
      `the Redis: ${one.server.toFixed(1)} µs of its core an event with one, ${two.server.toFixed(1)} with two`,
    );
  }
}

/** CPU µs an event, of some processes that share a full log, and of the server. */
async function costOf(
  writers: number,
  users: number,
  brokers: readonly string[],
  url: string,
): Promise<{ readonly writers: number; readonly server: number }> {
  const namespace = `writers${Date.now()}`;
  const environment = {
    directory: scratchDirectory(),
    namespace,
    partitions: PARTITIONS,
    sampleRate: 0,
    log: { kind: 'kafka' as const, brokers: [...brokers], timeout: '30s' },
    online: { kind: 'redis' as const, url, writers: 'many' as const, timeout: '30s' },
  };
  await fill(brokers, `${namespace}.`, users);
  const headrace = await openHeadrace({ project, environment });
  const client = await createClient({ url }).connect();
  const serverUs = async () => {
    const info = await client.info('cpu');
    return [...info.matchAll(/used_cpu_(?:user|sys):([\d.]+)/g)].reduce((sum, [, s]) => sum + Number(s) * 1e6, 0);
  };
  const before = await serverUs();
  const children = Array.from({ length: writers }, () => fork(import.meta.filename));
  for (const child of children) child.send(JSON.stringify(environment));
  const behind = async () => {
    await headrace.tick();
    const tiles = headrace.status().lag.filter(({ reader }) => reader === 'tiles');
    return tiles.length === 0 || tiles.some((lag) => lag.behind.some((events) => events > 0));
  };
  while (await behind()) await sleep(100);
  const server = ((await serverUs()) - before) / EVENTS;
  const costs = children.map(async (child) => {
    const told = once(child, 'message');
    child.send('end');
    const [cost] = (await told) as [Cost];
    await once(child, 'close');
    return cost;
  });
  const all = await Promise.all(costs);
  client.destroy();
  await headrace.close();
  console.log(all.map(({ events, cpuUs }) => `${events} events, ${(cpuUs / events).toFixed(1)} µs each`).join('; '));
  const [events, cpuUs] = [all.reduce((sum, one) => sum + one.events, 0), all.reduce((sum, one) => sum + one.cpuUs, 0)];
  return { writers: cpuUs / events, server };
}

/** Appends all events to a log. */
async function fill(brokers: readonly string[], prefix: string, users: number): Promise<void> {
  const random = seededRandom(1);
  const { encode } = sourceRows({}, 'json')(purchases);
  const log = await openKafkaLog({ brokers, prefix, replicas: 1, timeoutMs: 30_000 });
  await log.openTopic(topic, PARTITIONS);
  const now = Date.now();
  const records: LogRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  for (let i = 0; i < EVENTS; i += 1) {
    const [id, ts, user] = [`p${i}`, now - Math.floor(random() * 600_000), `u${Math.floor(random() * users)}`];
    const row = [id, ts, user, i % 997, i % 7];
    records[partitionOf(id, PARTITIONS)].push({ id, ts, ingestTs: now, payload: encode(row, ts) });
  }
  for (const [partition, all] of records.entries())
    for (let at = 0; at < all.length; at += AT_ONCE) await log.append(topic, partition, all.slice(at, at + AT_ONCE));
  await log.close();
}
