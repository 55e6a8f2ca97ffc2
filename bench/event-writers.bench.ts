import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  defineProject,
  type EnvironmentOptions,
  featureService,
  type Headrace,
  lookup,
  openHeadrace,
  text,
} from 'headrace';
import { createClient } from 'redis';
import { kafka } from '../scripts/services/kafka.ts';
import { redis } from '../scripts/services/redis.ts';
import { openKafkaLog } from '../src/backends/kafka/event-log.ts';
import { partitionOf } from '../src/base/hash/partition-of.ts';
import { seededRandom } from '../src/base/rng.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { topicOf } from '../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../src/featurestore/ingest/source-rows.ts';
import { EventWriter } from '../src/featurestore/materialise/event-writer.ts';
import type { LogRecord } from '../src/ports/event-log.ts';
import { openTileWriter } from '../src/site/tile-writing.ts';
import { printFigure } from './figure.ts';
import { withServices } from './services.ts';
import { purchases, scratchDirectory, spend } from './shop.ts';

/**
 * CPU time of an event that processes of `headrace tiles write` put into the tiles of a Redis: of one process, and of each of two that
 * share the log. Two processes scale as far as an event costs them no more than one. The log is full before they start, with as many
 * events for each process. A process counts from its `WARM`th event on: a start costs the same however long the process lives. Then
 * one of the two is killed.
 */
const EVENTS = Number(process.env['HEADRACE_BENCH_EVENTS'] ?? 60_000);
const WARM = EVENTS / 3;
const USERS = process.env['HEADRACE_BENCH_USERS'];
const PARTITIONS = 4;
const AT_ONCE = 2_000;

const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
const project = defineProject('writers_bench', { only });
const topic = topicOf(purchases);

interface Cost {
  /** Deliveries that a process put into tiles since it was warm, and its CPU time, µs. */
  readonly events: number;
  readonly cpuUs: number;
  /** CPU time before, µs. */
  readonly startUs: number;
}

if (process.send !== undefined) await writeTiles();
else await withServices([kafka, redis], ({ KAFKA_BROKERS, REDIS_URL }) => main([KAFKA_BROKERS], REDIS_URL));

/** Of its own process: writes tiles, and reports its cost when it is asked. */
async function writeTiles(): Promise<void> {
  const [message] = await once(process, 'message');
  const environment = resolveEnvironment('bench', JSON.parse(String(message)) as EnvironmentOptions, project.name);
  const { writer, close } = await openTileWriter(project, environment, { onFault: (error) => console.error(error) });
  if (!(writer instanceof EventWriter)) throw new Error('an engine makes the tiles');
  let warm: { readonly at: NodeJS.CpuUsage; readonly judged: number } | null = null;
  const looking = setInterval(() => {
    if (warm === null && writer.judged >= WARM) warm = { at: process.cpuUsage(), judged: writer.judged };
  }, 10);
  process.on('message', async (asked) => {
    if (asked === 'end') {
      await close();
      return process.disconnect();
    }
    clearInterval(looking);
    const { user, system } = process.cpuUsage(warm?.at);
    const startUs = (warm?.at.user ?? 0) + (warm?.at.system ?? 0);
    const events = writer.judged - (warm?.judged ?? 0);
    process.send?.({ events, cpuUs: user + system, startUs } satisfies Cost);
  });
}

async function main(brokers: readonly string[], url: string): Promise<void> {
  for (const users of USERS === undefined ? [1_000, 100_000] : [Number(USERS)]) {
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
    printFigure({
      name: `from kill -9 of one of two processes until the tiles of a Redis have new events of its partitions, ${users.toLocaleString('en')} users`,
      unit: 's',
      value: two.takeoverMs / 1_000,
      yardstick: 'the lease of a share',
      yardstickValue: 3,
      aim: { of: 'value', atMost: 5 },
    });
    console.log(
      `the Redis: ${one.server.toFixed(1)} µs of its core an event with one, ${two.server.toFixed(1)} with two`,
    );
  }
}

interface Measured {
  /** CPU µs an event, of the processes and of the server. */
  readonly writers: number;
  readonly server: number;
  /** From the kill of a process until the others have written new events of all partitions, ms; NaN of one process. */
  readonly takeoverMs: number;
}

/** What some processes cost that share a full log; then one of several is killed. */
async function costOf(writers: number, users: number, brokers: readonly string[], url: string): Promise<Measured> {
  const namespace = `writers${Date.now()}`;
  const events = EVENTS * writers;
  const environment = {
    directory: scratchDirectory(),
    namespace,
    partitions: PARTITIONS,
    sampleRate: 0,
    log: { kind: 'kafka' as const, brokers: [...brokers], timeout: '30s' },
    online: { kind: 'redis' as const, url, writers: 'many' as const, timeout: '30s' },
  };
  await fill(brokers, `${namespace}.`, { users, events, first: 0 });
  const headrace = await openHeadrace({ project, environment });
  const client = await createClient({ url }).connect();
  const serverUs = async () => {
    const info = await client.info('cpu');
    return [...info.matchAll(/used_cpu_(?:user|sys):([\d.]+)/g)].reduce((sum, [, s]) => sum + Number(s) * 1e6, 0);
  };
  const before = await serverUs();
  const children = Array.from({ length: writers }, () => fork(import.meta.filename));
  for (const child of children) child.send(JSON.stringify(environment));
  await written(headrace);
  const server = ((await serverUs()) - before) / events;
  const all = await Promise.all(children.map(costOfChild));
  for (const { events: own, cpuUs, startUs } of all)
    console.log(`${own} events, ${(cpuUs / own).toFixed(1)} µs each; start ${(startUs / 1e6).toFixed(1)} s`);
  const takeoverMs =
    writers === 1
      ? Number.NaN
      : await killed(children[0], async () => {
          await fill(brokers, `${namespace}.`, { users, events: 1_000, first: events });
          await written(headrace);
        });
  for (const child of children.filter(({ connected }) => connected)) {
    child.send('end');
    await once(child, 'close');
  }
  client.destroy();
  await headrace.close();
  const sum = (of: 'events' | 'cpuUs') => all.reduce((total, one) => total + one[of], 0);
  return { writers: sum('cpuUs') / sum('events'), server, takeoverMs };
}

async function costOfChild(child: ChildProcess): Promise<Cost> {
  const answered = once(child, 'message');
  child.send('cost');
  const [cost] = (await answered) as [Cost];
  return cost;
}

/** How long some work takes that begins with the end of a process, ms. */
async function killed(child: ChildProcess, work: () => Promise<void>): Promise<number> {
  child.kill('SIGKILL');
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Waits until all events of the log are in the tiles. */
async function written(headrace: Headrace): Promise<void> {
  const isBehind = async () => {
    await headrace.tick();
    const tiles = headrace.status().lag.filter(({ reader }) => reader === 'tiles');
    return tiles.length === 0 || tiles.some((lag) => lag.behind.some((events) => events > 0));
  };
  while (await isBehind()) await sleep(100);
}

/** Appends events to a log; `first` numbers them. */
async function fill(
  brokers: readonly string[],
  prefix: string,
  { users, events, first }: { readonly users: number; readonly events: number; readonly first: number },
): Promise<void> {
  const random = seededRandom(1 + first);
  const { encode } = sourceRows({}, 'json')(purchases);
  const log = await openKafkaLog({ brokers, prefix, replicas: 1, timeoutMs: 30_000 });
  await log.openTopic(topic, PARTITIONS);
  const now = Date.now();
  const records: LogRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  for (let i = first; i < first + events; i += 1) {
    const [id, ts, user] = [`p${i}`, now - Math.floor(random() * 600_000), `u${Math.floor(random() * users)}`];
    const row = [id, ts, user, i % 997, i % 7];
    records[partitionOf(id, PARTITIONS)].push({ id, ts, ingestTs: now, payload: encode(row, ts) });
  }
  for (const [partition, all] of records.entries())
    for (let at = 0; at < all.length; at += AT_ONCE) await log.append(topic, partition, all.slice(at, at + AT_ONCE));
  await log.close();
}
