import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { requireConnector } from '../../src/backends/spark/tile-connector.ts';
import { SparkTileJobs, type SparkTileJobsOptions } from '../../src/backends/spark/tile-jobs.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';

const NOW = 1_700_000_000_000;
const KEY = '0123abcd';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spark-jobs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const nowhere = async () => ({});

/** Jobs whose drivers are only what their files say. */
function jobsIn(directory: string, logEnds: SparkTileJobsOptions['logEnds'] = nowhere): SparkTileJobs {
  return new SparkTileJobs({
    key: KEY,
    directory,
    clock: () => NOW,
    spark: { home: '/nowhere', master: 'local', conf: {} },
    jars: [],
    job: { queries: [] },
    group: 'g',
    kafka: {},
    realTime: false,
    everyMs: 1_000,
    partitions: 1,
    prepare: async () => undefined,
    logEnds,
    done: nowhere,
    compare: async () => ({ keys: 0, tiles: 0 }),
  });
}

interface Said {
  readonly state: string;
  readonly pid?: number;
  readonly host?: string;
  readonly at?: number;
}

/** Writes what a driver last said of itself. */
function say(directory: string, { state, pid = process.pid, host = hostname(), at = NOW }: Said): void {
  const failures = [
    {
      at,
      name: 'clicks.1',
      condition: 'STREAM_FAILED',
      sqlState: 'XXKST',
      message: 'it failed',
      cause: 'X: no brokers',
    },
  ];
  const status = { format: 1, run: 'r', application: 'local-1', host, pid, at, state, failures };
  mkdirSync(join(directory, KEY), { recursive: true });
  writeFileSync(join(directory, KEY, 'status.json'), JSON.stringify(status));
}

/** Writes that a batch of a query was done. */
function commit(directory: string, at: number): void {
  const commits = join(directory, KEY, 'checkpoint', 'clicks.1', 'commits');
  mkdirSync(commits, { recursive: true });
  writeFileSync(join(commits, '0'), '');
  utimesSync(join(commits, '0'), at / 1_000, at / 1_000);
}

/** No process has it. */
const GONE = 2 ** 22 + 1;

test('a driver that runs is the job of its declaration, and is not started twice', async () => {
  const directory = newFolder();
  say(directory, { state: 'RUNNING' });
  expect(await jobsIn(directory).deploy()).toEqual({ jobId: 'local-1', began: 'before', from: null });
});

test.each<[string, Said, string]>([
  ['killed', { state: 'RUNNING', pid: GONE }, 'LOST'],
  ['silent on another machine', { state: 'RUNNING', host: 'elsewhere', at: NOW - 61_000 }, 'LOST'],
  ['heard from on another machine', { state: 'RUNNING', host: 'elsewhere', at: NOW - 5_000 }, 'RUNNING'],
  ['stopped', { state: 'STOPPED', pid: GONE }, 'STOPPED'],
  ['failed', { state: 'FAILED', pid: GONE }, 'FAILED'],
])('a driver that is %s is told as such, with what went wrong', async (_, said, state) => {
  const directory = newFolder();
  say(directory, said);
  commit(directory, NOW - 1_000);
  expect(await jobsIn(directory).status()).toEqual([
    {
      key: KEY,
      declared: true,
      jobId: 'local-1',
      state,
      checkpoint: { path: join(directory, KEY, 'checkpoint'), at: NOW - 1_000 },
      failures: [{ at: said.at ?? NOW, task: 'clicks.1', reason: 'X: no brokers' }],
    },
  ]);
});

test('a state that may have lost parts of itself is refused', async () => {
  const directory = newFolder();
  say(directory, { state: 'STOPPED', pid: GONE });
  commit(directory, NOW - 25 * 3_600_000);
  await expect(jobsIn(directory).deploy()).rejects.toMatchObject({ code: 'TILES_STATE_OLD', facts: { hours: 25 } });
});

test('what does not run cannot be stopped, and what ended by itself is not watched', async () => {
  const directory = newFolder();
  await expect(jobsIn(directory).stop()).rejects.toMatchObject({ code: 'TILES_ABSENT' });
  say(directory, { state: 'FAILED', pid: GONE });
  await expect(jobsIn(directory).watch(new Promise(() => undefined), () => undefined)).rejects.toMatchObject({
    code: 'TILES_FAILED',
    message: expect.stringContaining('it failed'),
  });
});

test('an upgrade does not wait for a driver that is gone', async () => {
  const directory = newFolder();
  say(directory, { state: 'RUNNING' });
  const jobs = jobsIn(directory, async () => ({ clicks: [5] }));
  const upgrading = jobs.upgrade(() => say(directory, { state: 'RUNNING', pid: GONE }));
  await expect(upgrading).rejects.toMatchObject({ code: 'TILES_FAILED', facts: { state: 'LOST' } });
});

test('a Spark without its whole connector to Kafka learns what it lacks', () => {
  const home = newFolder();
  mkdirSync(join(home, 'jars'));
  const jar = (name: string) => {
    const path = join(home, name);
    writeFileSync(path, '');
    return path;
  };
  const jars = ['spark-sql-kafka-0-10_2.13-4.2.0.jar', 'spark-token-provider-kafka-0-10_2.13-4.2.0.jar'].map(jar);
  const refusal = expect.objectContaining({ code: 'SPARK_CONNECTOR', facts: { home, what: 'kafka-clients-….jar' } });
  expect(() => requireConnector(home, jars)).toThrow(refusal);
  expect(() => requireConnector(home, [...jars, '/nowhere.jar'])).toThrow(/nowhere/);
  jar('jars/kafka-clients-3.9.2.jar');
  requireConnector(home, [...jars, jar('commons-pool2-2.13.1.jar')]);
});

test('engine and log have to go together', () => {
  const refusal = (engine: object, log: object) => {
    try {
      resolveEnvironment(
        'production',
        { engine: { kind: 'spark', home: '/opt/spark', ...engine }, log } as never,
        'shop',
      );
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  };
  const kafka = { kind: 'kafka', brokers: ['a:1'] };
  expect(refusal({}, kafka)).toBeNull();
  expect(refusal({}, { kind: 'embedded' })).toContain('Spark reads the log from Kafka');
  expect(refusal({ mode: 'realTime' }, kafka)).toContain('write 5s or more');
  expect(refusal({ mode: 'realTime', checkpoint: '10s' }, kafka)).toBeNull();
});
