import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { GatewaySession } from '../../src/backends/flink/sql-gateway.ts';
import { tileJob } from '../../src/backends/flink/tile-job.ts';
import { tileJobNames } from '../../src/backends/flink/tile-topics.ts';
import type { EnvironmentOptions } from '../../src/config.ts';
import {
  approxDistinct,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lastN,
  lookup,
  over,
  quantile,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { type Headrace, type OpenOptions, openHeadrace } from '../../src/headrace.ts';
import { openReader } from '../../src/reader.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { addressOf } from './addresses.ts';
import { until } from './until.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const MINUTE_MS = 60_000;
const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), page: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '5s',
  features: ({ ms, page }) => ({
    n: count(),
    ms: sum(ms),
    p90: over(['1h'], quantile(ms, 0.9)),
    pages: over(['1d'], approxDistinct(page)),
    recent: over(['1h'], lastN(page, 3)),
  }),
});
const byPage = streamView('by_page', {
  source: clicks,
  entity: entity('page', { page: text() }),
  key: { page: 'page' },
  windows: ['1h'],
  freshness: '5s',
  features: ({ user }) => ({ n: count(), users: topK(user, 2) }),
});
const service = featureService('clicker', {
  request: { user: text(), page: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }), p: lookup(byPage, { page: r.page }) }),
});
const project = defineProject('site', { service });
const USERS = ['ann', 'bob', 'é|"', ''];
const PAGES = ['/', '/é', '/c|d', '/\u{1f600}'];

/** One project on Kafka and Flink, and everything that was sent to it. */
class Site {
  readonly namespace = `tiles-${randomUUID().slice(0, 8)}`;
  readonly faults: unknown[] = [];
  readonly #sent: Delivery[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'flink-tiles-'));
  readonly #online: { kind: 'redis'; url: string } | { kind: 'embedded' };

  constructor(online: { kind: 'redis'; url: string } | { kind: 'embedded' } = { kind: 'embedded' }) {
    this.#online = online;
    ending.push(() => rmSync(this.#directory, { recursive: true, force: true }));
  }

  get options(): OpenOptions & { environment: EnvironmentOptions } {
    return {
      project,
      environment: {
        directory: this.#directory,
        namespace: this.namespace,
        partitions: 2,
        sampleRate: 0,
        log: { kind: 'kafka', brokers: [...addressOf('KAFKA_BROKERS')] },
        engine: { kind: 'flink' },
        online: this.#online,
      },
      onFault: (error) => this.faults.push(error),
    };
  }

  async open(): Promise<Headrace> {
    const headrace = await openHeadrace(this.options);
    ending.push(() => headrace.close().catch(() => undefined));
    return headrace;
  }

  async deploy(): Promise<void> {
    const prefix = `${this.namespace}.`;
    const { engine, tileTopic } = tileJobNames(project, prefix);
    const { properties, statements } = tileJob(project, {
      brokers: addressOf('KAFKA_BROKERS'),
      group: `${prefix}${engine}`,
      eventTopic: ({ name, version }) => `${prefix}${name}.${version}`,
      tileTopic,
      generation: 0,
      checkpointMs: 1_000,
    });
    const session = await GatewaySession.open(addressOf('FLINK_GATEWAY')[0], properties, 60_000);
    for (const statement of statements) {
      const { jobId } = await session.run(statement);
      if (jobId !== null)
        ending.push(() => fetch(`${addressOf('FLINK_REST')[0]}/jobs/${jobId}?mode=cancel`, { method: 'PATCH' }));
    }
    await session.close();
  }

  /** Sends events of the last half hour, some late and some redelivered with another content. */
  async send(headrace: Headrace, count: number): Promise<void> {
    const now = Date.now();
    const from = this.#sent.length;
    const events = Array.from({ length: count }, (_, i) => {
      const n = from + i;
      const again = n % 11 === 10 ? this.#sent[from > 0 ? n % from : 0] : undefined;
      const age = n % 13 === 12 ? 45 * MINUTE_MS : (n * 7_919) % (25 * MINUTE_MS);
      const at = again?.ts ?? now - age;
      return { id: again?.id ?? `e${n}`, at, user: USERS[n % 4], page: PAGES[(n * 3) % 4], ms: (n * 31) % 997 };
    });
    const { accepted } = await headrace.ingest(clicks, events);
    expect(accepted).toBe(count);
    for (const { id, at, user, page, ms } of events)
      this.#sent.push({ id, ts: at, ingestTs: now, row: [id, at, user, page, ms] });
  }

  /** What the services answer at an instant by a scan of all that was sent. */
  expected(q: number): readonly unknown[] {
    return USERS.map((user, i) => [
      ...naiveAnswers(byUser, acceptedDeliveries(byUser, this.#sent), keyOf(byUser, user), q),
      ...naiveAnswers(byPage, acceptedDeliveries(byPage, this.#sent), keyOf(byPage, PAGES[i]), q),
    ]);
  }

  /** Waits until a process answers as the scan does, and says that this is fresh. */
  async whole(headrace: Pick<Headrace, 'read'>): Promise<void> {
    await until(async () => {
      const q = Date.now();
      const vectors = await Promise.all(USERS.map((user, i) => headrace.read(service, { user, page: PAGES[i] }, q)));
      expect(vectors.map(({ values }) => values)).toEqual(this.expected(q));
      expect(vectors.flatMap(({ stale }) => stale)).toEqual([]);
      return true;
    }, 60_000);
  }
}

function keyOf(view: typeof byUser | typeof byPage, value: string): string {
  return entityKeyCodec(view.entity.key).encode([value]) ?? '';
}

/** The newest rows of every tile table in the history. */
async function archived(headrace: Headrace): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (const view of [byUser, byPage])
    for (const hopMs of view.hopsMs) {
      const relation = headrace.offline.relation(tileTable(view, hopMs));
      const key = Object.keys(view.entity.key)
        .map((name) => `k_${name}`)
        .join(', ');
      const sql = `SELECT * FROM ${relation} QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key}, tile_start ORDER BY version DESC) = 1 ORDER BY ${key}, tile_start`;
      all.push((await Array.fromAsync(headrace.offline.query(sql))).flat());
    }
  return all;
}

test('tiles of Flink answer as a scan of the events does, over restarts and in another process; the history has them too', {
  timeout: 240_000,
}, async () => {
  const site = new Site();
  let headrace = await site.open();
  await site.deploy();
  await site.send(headrace, 500);
  await site.whole(headrace);
  // Closed before Flink has what comes now.
  await site.send(headrace, 500);
  await headrace.close();
  headrace = await site.open();
  await site.whole(headrace);
  await headrace.features.share();
  const reader = await openReader(site.options);
  ending.push(() => reader.close());
  await site.send(headrace, 300);
  await site.whole(headrace);
  await headrace.features.share();
  await site.whole(reader);
  await headrace.flush();
  // The same events, all tiles computed by DuckDB from the history.
  const tiles = await archived(headrace);
  expect(headrace.features.intake?.outcomes.conflict).toBe(0);
  const taken = headrace.features.intake?.outcomes.applied;
  expect(taken).toBeGreaterThan(0);
  expect(tiles).toEqual(await embeddedTiles(site));
  expect(site.faults).toEqual([]);
});

/** The tiles that the embedded engine makes of the same log, in another directory. */
async function embeddedTiles(site: Site): Promise<readonly unknown[]> {
  const directory = mkdtempSync(join(tmpdir(), 'flink-tiles-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  const { environment } = site.options;
  const headrace = await openHeadrace({
    ...site.options,
    environment: { ...environment, directory, engine: { kind: 'embedded' }, online: { kind: 'embedded' } },
  });
  await headrace.flush();
  const tiles = await archived(headrace);
  await headrace.close();
  return tiles;
}

test('tiles of Flink in a Redis answer as a scan of the events does', { timeout: 240_000 }, async () => {
  const site = new Site({ kind: 'redis', url: addressOf('REDIS_URL')[0] });
  const headrace = await site.open();
  await site.deploy();
  await site.send(headrace, 500);
  await site.whole(headrace);
  const reader = await openReader(site.options);
  ending.push(() => reader.close());
  await site.send(headrace, 500);
  await site.whole(headrace);
  await site.whole(reader);
  expect(site.faults).toEqual([]);
});

test('an environment whose tiles Flink makes is not opened with the engine of the process', {
  timeout: 120_000,
}, async () => {
  const site = new Site();
  const headrace = await site.open();
  await site.send(headrace, 10);
  await headrace.close();
  await expect(
    openHeadrace({ ...site.options, environment: { ...site.options.environment, engine: { kind: 'embedded' } } }),
  ).rejects.toMatchObject({ code: 'STORE_ENGINE' });
});
