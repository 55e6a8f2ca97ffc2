import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SHORT_LIVED } from '../../scripts/services/server.ts';
import { RedisLink } from '../../src/backends/redis/redis-link.ts';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { historyEngineContracts } from '../../src/testing/contracts/history-engine.ts';
import { ended, lastJson, spawnCli, startCli } from '../cli/run-cli.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { deep } from './deep.ts';
import { OwnServer } from './own-server.ts';
import { engineBy } from './spark-site.ts';
import { localSpark } from './spark-tile-site.ts';

let folder: string;
const ending: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'verify-'));
});

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

function configure(environment: EnvironmentOptions): void {
  const [index, shop] = ['../../src/index.ts', '../server/shop.ts'].map(
    (path) => new URL(path, import.meta.url).pathname,
  );
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(shop)};
export default defineConfig({ project, environments: { local: ${JSON.stringify({ directory: 'data', ...environment })} } });`,
  );
}

function kafka(): EnvironmentOptions['log'] {
  return { kind: 'kafka', brokers: [...addressOf('KAFKA_BROKERS')] };
}

/** Topics, groups and keys with a text in their names. */
async function namedIn(text: string, redisUrls: readonly string[]): Promise<readonly string[]> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...addressOf('KAFKA_BROKERS')] });
  const link = await RedisLink.open(freshOptions(redisUrls));
  try {
    const keys: string[] = [];
    for await (const some of link.scan(`*${text}*`)) keys.push(...some);
    const names = [...(await admin.listTopics()), ...(await admin.listGroups()).keys(), ...keys];
    return names.filter((name) => name.includes(text));
  } finally {
    link.close();
    await admin.close();
  }
}

const held = 'holds every rule, and nothing of it is left';

test(`an environment on Kafka and Redis ${held}`, async () => {
  const ports = await verifiedPorts({ log: kafka(), online: { kind: 'redis', url: addressOf('REDIS_URL')[0] } });
  expect(ports).toEqual([
    'event log in kafka',
    'online store in redis',
    'online store behind a network in redis',
    'offline store in embedded',
  ]);
});

test(`an environment on all engines ${held}`, deep, async () => {
  const ports = await verifiedPorts({
    log: kafka(),
    online: { kind: 'redis', url: addressOf('REDIS_URL')[0] },
    engine: { kind: 'flink', cluster: addressOf('FLINK_REST')[0], gateway: addressOf('FLINK_GATEWAY')[0] },
    offline: {
      engine: {
        kind: 'spark',
        home: addressOf('SPARK_HOME')[0],
        master: 'local[2]',
        conf: { 'spark.driver.memory': '1g', 'spark.driver.extraJavaOptions': SHORT_LIVED },
      },
    },
  });
  expect(ports).toEqual([
    'event log in kafka',
    'online store in redis',
    'online store behind a network in redis',
    'offline store in embedded',
    'tile topics in flink',
    'history engine in spark',
  ]);
});

/** Verifies an environment that must hold every rule; gives what it verified. */
async function verifiedPorts(environment: EnvironmentOptions): Promise<readonly string[]> {
  configure(environment);
  const redis = [addressOf('REDIS_URL')[0]];
  const before = await namedIn('shop-verify-', redis);
  const told = await spawnCli(folder, ['verify', '--json']);
  const lines = told.out
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
  expect(lines.filter(({ held }) => held === false)).toEqual([]);
  expect(lastJson(told)).toEqual({ environment: 'local', held: lines.length - 1, broken: 0, notRun: 0 });
  expect(told.code).toBe(0);
  expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
  expect(await namedIn('shop-verify-', redis)).toEqual(before);
  return [...new Set(lines.slice(0, -1).map(({ port, backEnd }) => `${port} in ${backEnd}`))];
}

test(
  'tiles by Spark hold the rules of their topics, and neither a name nor a process of it is left',
  deep,
  async () => {
    configure({ log: kafka(), engine: { kind: 'spark', ...localSpark(), jars: [...addressOf('SPARK_KAFKA_JARS')] } });
    const [url] = addressOf('REDIS_URL');
    const before = await namedIn('shop-verify-', [url]);
    const told = await spawnCli(folder, ['verify', '--json']);
    expect(lastJson(told)).toMatchObject({ broken: 0, notRun: 0 });
    expect(told.out.split('\n').filter((line) => line.includes('"tile topics","backEnd":"spark"')).length).toBe(3);
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(folder);
    expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
    expect(await namedIn('shop-verify-', [url])).toEqual(before);
  },
);

test('a Connect server holds the rules of what computes over the history', deep, async () => {
  configure({ offline: { engine: engineBy('Spark Connect') } });
  const told = await spawnCli(folder, ['verify', '--json']);
  expect(lastJson(told)).toMatchObject({ broken: 0, notRun: 0 });
  const rules = told.out.split('\n').filter((line) => line.includes('"history engine","backEnd":"sparkConnect"'));
  expect(rules.length).toBe(historyEngineContracts.length);
  expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
});

test('every rule holds on a cluster, and none of its nodes keeps a key', deep, async () => {
  const nodes = addressOf('REDIS_CLUSTER_NODES');
  configure({ online: { kind: 'redis', url: [...nodes] } });
  const before = await namedIn('shop-verify-', nodes);
  const told = await spawnCli(folder, ['verify', '--json']);
  expect(lastJson(told)).toMatchObject({ broken: 0, notRun: 0 });
  expect(await namedIn('shop-verify-', nodes)).toEqual(before);
});

test('a Redis that may evict keys is found, and each other fault is reported', deep, async () => {
  const server = await OwnServer.start({ 'maxmemory-policy': 'allkeys-lru' });
  ending.push(() => server.end());
  configure({ online: { kind: 'redis', url: server.url } });
  const told = await spawnCli(folder, ['verify']);
  expect(told.out).toContain('broken online store in redis, rule 1: ');
  expect(told.out).toContain(`REDIS_POLICY: the Redis at "127.0.0.1:${server.port}" may evict keys`);
  expect(told.out).toContain('holds  event log in embedded, rule 1: ');
  expect(told.err).toMatch(/VERIFY_BROKEN: \d+ of \d+ rules/);
  expect(told.code).toBe(1);
  expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
});

test(
  'a run that is stopped leaves nothing in the services; what a killed one left, the next removes',
  deep,
  async () => {
    const server = await OwnServer.start();
    ending.push(() => server.end());
    configure({ log: kafka(), online: { kind: 'redis', url: server.url } });
    const before = await namedIn('shop-verify-', [server.url]);
    const killed = startCli(folder, ['verify', '--json']);
    // During the rules of the store: both services have something by then.
    await new Promise<void>((resolve) => {
      killed.stdout?.on('data', (bytes: Buffer) => {
        if (bytes.toString().includes('"online store"')) resolve();
      });
    });
    killed.kill('SIGKILL');
    await once(killed, 'close');
    const [left] = readdirSync(join(folder, 'data/verify'));
    const found = await namedIn(left, [server.url]);
    expect(found.some((name) => name.endsWith('.departures.1'))).toBe(true);
    expect(found.some((name) => name.includes(':a:{'))).toBe(true);
    const stopped = startCli(folder, ['verify', '--json']);
    const end = ended(stopped);
    await once(stopped.stdout ?? stopped, 'data');
    expect(await namedIn(left, [server.url])).toEqual([]);
    stopped.kill('SIGTERM');
    expect(lastJson(await end)).toMatchObject({ error: { code: 'VERIFY_STOPPED' } });
    expect(await namedIn('shop-verify-', [server.url])).toEqual(before);
    expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
  },
);
