// @module-tag deep

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { newBroker, startBroker } from '../../scripts/services/kafka.ts';
import { type Server, stopServer } from '../../scripts/services/server.ts';
import { openKafkaLog } from '../../src/backends/kafka/event-log.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { loggedIn } from '../../src/featurestore/ingest/ingest-report.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { addressOf } from './addresses.ts';
import { clicks, project, service } from './clicks.ts';
import { writePoison } from './poison.ts';
import { until } from './until.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** Processes of one project on one Kafka, and what every user's answer must be. */
class Site {
  readonly namespace = `site-${randomUUID().slice(0, 8)}`;
  readonly brokers: readonly string[];
  readonly users = Array.from({ length: 20 }, (_, i) => `user ${i}`);
  readonly faults: unknown[] = [];
  readonly #sums = new Map<string, { n: number; ms: number }>();
  #ids = 0;

  constructor(brokers: readonly string[]) {
    this.brokers = brokers;
  }

  directory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'kafka-site-'));
    ending.push(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
  }

  async open(directory: string, online?: { kind: 'redis'; url: string }): Promise<Headrace> {
    const { namespace, brokers } = this;
    const headrace = await openHeadrace({
      project,
      environment: {
        directory,
        namespace,
        partitions: 2,
        log: { kind: 'kafka', brokers: [...brokers] },
        ...(online === undefined ? {} : { online }),
      },
      onFault: (error) => this.faults.push(error),
    });
    ending.push(() => headrace.close().catch(() => undefined));
    return headrace;
  }

  events(count: number): readonly { id: string; at: number; user: string; ms: number }[] {
    return Array.from({ length: count }, () => {
      this.#ids += 1;
      const user = this.users[this.#ids % this.users.length];
      return { id: `e${this.#ids}`, at: Date.now() - (this.#ids % 90) * 1_000, user, ms: this.#ids % 97 };
    });
  }

  async ingest(headrace: Headrace, events: ReturnType<Site['events']>): Promise<void> {
    expect(loggedIn(await headrace.ingest(clicks, events))).toBe(events.length);
    for (const { user, ms } of events) {
      const sums = this.#sums.get(user) ?? { n: 0, ms: 0 };
      this.#sums.set(user, { n: sums.n + 1, ms: sums.ms + ms });
    }
  }

  expected(): readonly unknown[] {
    return this.users.map((user) => this.#sums.get(user) ?? { n: 0, ms: null });
  }

  told(headrace: Headrace): Promise<readonly unknown[]> {
    return Promise.all(
      this.users.map(async (user) => {
        const { features } = await headrace.vector(service, { user });
        return { n: features.u_n_1h, ms: features.u_ms_1h };
      }),
    );
  }

  /** Waits until a process answers with every event. */
  whole(headrace: Headrace): Promise<unknown> {
    return until(async () => {
      expect(await this.told(headrace)).toEqual(this.expected());
      return true;
    });
  }
}

async function delivered(headrace: Headrace): Promise<unknown> {
  await headrace.flush();
  const sql = `SELECT COUNT(*), COUNT(DISTINCT (_partition, _offset)) FROM ${headrace.deliveries(clicks)}`;
  const batches = await Array.fromAsync(headrace.history.query(sql));
  return batches.flat()[0];
}

test('every process answers with the events that any of them took', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const [one, other] = [await site.open(site.directory()), await site.open(site.directory())];
  for (let round = 0; round < 10; round += 1)
    await Promise.all([site.ingest(one, site.events(150)), site.ingest(other, site.events(150))]);
  for (const headrace of [one, other]) await site.whole(headrace);
  for (const headrace of [one, other]) expect(await delivered(headrace)).toEqual([3_000n, 3_000n]);
  expect(site.faults).toEqual([]);
});

test('what each reader has still to read is reported by partition, in the metrics and in the status', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const [one, other] = [await site.open(site.directory()), await site.open(site.directory())];
  await site.ingest(one, site.events(300));
  await site.whole(other);
  // Nothing is committed yet: all is to be read again after a crash.
  const behind = () =>
    Object.fromEntries(other.status().lag.map((lag) => [lag.reader, lag.behind.reduce((sum, n) => sum + n, 0)]));
  expect(other.status().lag.map(({ topic }) => topic)).toEqual(['clicks@1', 'clicks@1']);
  expect(behind()).toEqual({ applied: 0, committed: 300 });
  const { text } = await other.metrics();
  const samples = [...text.matchAll(/^headrace_reader_lag_records\{(.*)\} (\d+)$/gm)];
  expect(samples.map(([, labels]) => labels)).toEqual(
    ['applied', 'committed'].flatMap((reader) =>
      [0, 1].map((partition) => `topic="clicks@1",reader="${reader}",partition="${partition}"`),
    ),
  );
  expect(samples.reduce((sum, [, , value]) => sum + Number(value), 0)).toBe(300);
  await other.flush();
  expect(behind()).toEqual({ applied: 0, committed: 0 });
});

test('records that nobody can read are named, kept and left out, and the stream continues, also after a restart', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const directory = site.directory();
  const one = await site.open(directory);
  await site.ingest(one, site.events(100));
  const poison = await writePoison(site.brokers, `${site.namespace}.clicks.1`, 1);
  await site.ingest(one, site.events(100));
  await site.whole(one);
  await until(async () => site.faults.length === poison);
  for (const fault of site.faults) expect(fault).toMatchObject({ code: 'LOG_FOREIGN' });
  const places = site.faults.map((fault) => isHeadraceError(fault) && fault.facts);
  const { offset: first } = places[0] as { offset: number };
  expect(places).toMatchObject(
    Array.from({ length: poison }, (_, i) => ({ topic: 'clicks@1', partition: 1, offset: first + i })),
  );
  const named = `${poison} records of clicks@1 cannot be read and are left out, the last at partition 1, offset ${first + poison - 1}`;
  expect(one.status().degraded).toEqual([named]);
  expect((await one.metrics()).text).toContain(`headrace_records_unreadable_total{source="clicks"} ${poison}`);
  expect(await delivered(one)).toEqual([200n, 200n]);
  const { sources } = await one.featuresReport(0, Date.now() + 1);
  expect(sources[0].quarantined).toMatchObject([{ code: 'LOG_FOREIGN', events: poison }]);
  await one.close();
  const again = await site.open(directory);
  await site.ingest(again, site.events(100));
  await site.whole(again);
  expect(site.faults.length).toBe(poison);
});

test('an event that two processes take counts once', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const [one, other] = [await site.open(site.directory()), await site.open(site.directory())];
  const events = site.events(500);
  await Promise.all([site.ingest(one, events), other.ingest(clicks, events)]);
  for (const headrace of [one, other]) await site.whole(headrace);
});

test('a process that comes back reads what was appended while it was away', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const directory = site.directory();
  const other = await site.open(site.directory());
  for (let life = 0; life < 3; life += 1) {
    const one = await site.open(directory);
    await site.whole(one);
    await site.ingest(one, site.events(100));
    await one.close();
    await site.ingest(other, site.events(100));
  }
  const one = await site.open(directory);
  await site.whole(one);
  await site.whole(other);
  expect(await delivered(one)).toEqual([600n, 600n]);
});

test('tiles in a Redis follow a log on Kafka that others append to', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const [url] = addressOf('REDIS_URL');
  const writer = await site.open(site.directory(), { kind: 'redis', url });
  const other = await site.open(site.directory());
  for (let round = 0; round < 5; round += 1)
    await Promise.all([site.ingest(writer, site.events(100)), site.ingest(other, site.events(100))]);
  await site.whole(writer);
  expect(site.faults).toEqual([]);
});

test('any client reads the rows of a topic as JSON', async () => {
  const site = new Site(addressOf('KAFKA_BROKERS'));
  const headrace = await site.open(site.directory());
  const before = Date.now();
  await site.ingest(headrace, [{ id: 'e1', at: before - 5_000, user: 'user "1"', ms: -7 }]);
  const log = await openKafkaLog({
    brokers: site.brokers,
    prefix: `${site.namespace}.`,
    replicas: 1,
    timeoutMs: 10_000,
  });
  ending.push(() => log.close());
  await log.openTopic('clicks@1', 2);
  const batches = [await log.read('clicks@1', 0, 0, 10), await log.read('clicks@1', 1, 0, 10)];
  const [{ payload, ingestTs }] = batches.flatMap(({ records }) => records);
  expect(ingestTs).toBeGreaterThanOrEqual(before);
  expect(JSON.parse(Buffer.from(payload).toString())).toEqual({
    id: 'e1',
    at: before - 5_000,
    user: 'user "1"',
    ms: -7,
    _ingest_ts: ingestTs,
  });
});

test('while the brokers are away events are refused and reads continue; afterwards nothing is missing', async () => {
  const data = mkdtempSync(join(tmpdir(), 'kafka-away-'));
  ending.push(() => rmSync(data, { recursive: true, force: true }));
  let broker: Server = await newBroker(data);
  ending.push(() => stopServer(broker));
  const { port } = broker;
  const site = new Site([`127.0.0.1:${port}`]);
  const headrace = await site.open(site.directory());
  await site.ingest(headrace, site.events(200));
  await stopServer(broker);
  await expect(headrace.ingest(clicks, site.events(10))).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' });
  expect(await site.told(headrace)).toEqual(site.expected());
  broker = await startBroker(data, port);
  const later = site.events(200);
  await until(async () => {
    await site.ingest(headrace, later);
    return true;
  });
  await site.whole(headrace);
});
