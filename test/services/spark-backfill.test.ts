// @module-tag deep

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { stopServer } from '../../scripts/services/server.ts';
import { startSparkConnect } from '../../scripts/services/spark-connect.ts';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
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
  quantile,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { engineBy, type Way, ways } from './spark-site.ts';

const HOUR_MS = 3_600_000;
const BEGIN = Date.UTC(2026, 0, 1);
const KEYS = ['ann', 'bob', 'é|"', "it's", ''];

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
  windows: ['1h', '1d'],
  freshness: '5s',
  features: ({ ms, page }) => ({
    n: count(),
    ms: sum(ms),
    p90: quantile(ms, 0.9),
    pages: approxDistinct(page),
    recent: lastN(page, 3),
    top: topK(page, 2),
  }),
});
const service = featureService('clicker', {
  request: { user: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('site', { service });

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** What computes by a way to Spark, and how it dies and is there again. */
interface Killable {
  readonly engine: ReturnType<typeof engineBy>;
  readonly died: { readonly code: string; readonly message?: unknown };
  kill(): void;
  restart(): Promise<void>;
}

const killable: Readonly<Record<Way, () => Promise<Killable>>> = {
  'spark-submit': async () => ({
    engine: engineBy('spark-submit'),
    died: { code: 'SPARK_ENDED', message: expect.stringContaining('SIGKILL') },
    kill: () => process.kill(driver(), 'SIGKILL'),
    // Each backfill has its own driver.
    restart: async () => undefined,
  }),
  'Spark Connect': async () => {
    const directory = mkdtempSync(join(tmpdir(), 'spark-connect-'));
    ending.push(() => rmSync(directory, { recursive: true, force: true }));
    let server = await startSparkConnect(directory);
    ending.push(() => stopServer(server));
    process.env['OWN_SPARK_TOKEN'] = server.token;
    return {
      engine: {
        kind: 'sparkConnect',
        url: `sc://127.0.0.1:${server.port}`,
        token: { env: 'OWN_SPARK_TOKEN' },
        conf: { 'spark.sql.shuffle.partitions': '2' },
      },
      died: { code: 'SPARK_UNREACHABLE' },
      kill: () => process.kill(server.pid, 'SIGKILL'),
      restart: async () => {
        server = await startSparkConnect(directory, server);
      },
    };
  },
};

/** A project with two days of clicks after it, whose backfills Spark computes. */
async function opened(engine: Killable['engine']) {
  const directory = mkdtempSync(join(tmpdir(), 'spark-backfill-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  let now = BEGIN;
  const environment: EnvironmentOptions = {
    directory,
    partitions: 2,
    sampleRate: 0,
    offline: { engine },
  };
  const headrace = await openHeadrace({ project, environment, clock: () => now });
  ending.push(() => headrace.close());
  for (let hour = 0; hour < 48; hour += 1) {
    now = BEGIN + hour * HOUR_MS;
    const events = Array.from({ length: 50 }, (_, i) => {
      const n = hour * 50 + i;
      // Some are late, and some come again.
      const at = now - (n % 17 === 16 ? 20 : n % 10) * 60_000;
      return {
        id: `e${n % 23 === 22 ? n - 1 : n}`,
        at,
        user: KEYS[n % 5],
        page: `/${(n * 7) % 31}`,
        ms: (n * 31) % 997,
      };
    });
    await headrace.ingest(clicks, events);
  }
  return { headrace, directory, at: () => now };
}

async function answers(headrace: Headrace, at: number): Promise<unknown> {
  return Promise.all(KEYS.map(async (user) => (await headrace.read(service, { user }, at)).values));
}

/** How many tiles of each generation the history has. */
async function generations(headrace: Headrace): Promise<unknown> {
  await headrace.flush();
  const all = byUser.hopsMs.map(
    (hopMs) => `SELECT version FROM ${headrace.history.relation(tileTable(byUser, hopMs))}`,
  );
  const sql = `SELECT CAST(version // CAST(1099511627776 AS BIGINT) AS INTEGER) AS g, COUNT(*) > 0 FROM (${all.join(' UNION ALL ')}) GROUP BY g ORDER BY g`;
  return (await Array.fromAsync(headrace.history.query(sql))).flat();
}

/** The process of the driver that this one started. */
function driver(): number {
  const all = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'pid=,args='])
    .toString()
    .split('\n');
  return Number(
    all
      .find((line) => line.includes('headrace.Runner'))
      ?.trim()
      .split(' ')[0],
  );
}

test.each(ways)(
  'tiles that Spark computed take the place of those of the stream, and every answer stays; one that is killed changes nothing: %s',
  async (way) => {
    const { engine, died, kill, restart } = await killable[way]();
    const { headrace, directory, at } = await opened(engine);
    const before = await answers(headrace, at());
    expect(await generations(headrace)).toEqual([[0, true]]);
    const killed = headrace.backfill(byUser, undefined, {
      onProgress: (told) => {
        // The first table is there, others are not.
        if (told.endsWith('is computed')) kill();
      },
    });
    await expect(killed).rejects.toMatchObject(died);
    expect(await answers(headrace, at())).toEqual(before);
    expect(await generations(headrace)).toEqual([[0, true]]);
    expect(readdirSync(join(directory, 'spark')).filter((name) => name.startsWith('run='))).toEqual([]);

    await restart();
    const told: string[] = [];
    const report = await headrace.backfill(byUser, undefined, { onProgress: (line) => told.push(line) });
    expect(report).toMatchObject({ stale: 0, conflict: 0, verified: KEYS.length });
    expect(report['applied']).toBeGreaterThan(100);
    expect(told.filter((line) => line.endsWith('is computed')).length).toBe(byUser.hopsMs.length * 5);
    expect(await answers(headrace, at())).toEqual(before);
    expect(await generations(headrace)).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(readdirSync(join(directory, 'spark')).filter((name) => name.startsWith('run='))).toEqual([]);
    expect(existsSync(join(directory, 'spark'))).toBe(true);
  },
);
