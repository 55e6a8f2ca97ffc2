// @module-tag deep

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { historyFolder } from '../../src/backends/spark/folders.ts';
import { historyOf } from '../../src/compose/back-ends.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import type { Computation, HistorySession } from '../../src/ports/history-engine.ts';
import { addressOf } from './addresses.ts';
import { engineBy, ways } from './spark-site.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function opened(
  engine: NonNullable<EnvironmentOptions['offline']>['engine'],
  onProgress: (text: string, directory: string) => void,
  before: readonly string[] = [],
) {
  const root = mkdtempSync(join(tmpdir(), 'spark-faults-'));
  ending.push(() => rmSync(root, { recursive: true, force: true }));
  const environment = resolveEnvironment('local', { directory: root, offline: { engine } }, 'site');
  const directory = historyFolder(environment.directory);
  for (const name of before) mkdirSync(join(directory, name, 'output-0'), { recursive: true });
  const spark = historyOf(environment).engine;
  if (spark === null) throw new TypeError('the environment has no Spark');
  const session: HistorySession = await spark.open((text) => onProgress(text, directory));
  ending.push(() => session.close());
  const left = () => readdirSync(directory).filter((name) => name.startsWith('run='));
  return { session, left };
}

/** Its own application. */
function own(master: string, conf: Readonly<Record<string, string>>) {
  return { kind: 'spark', home: addressOf('SPARK_HOME')[0], master, conf } as const;
}

/** Queries without tables, one after the other. */
function queries(...texts: readonly string[]): Computation {
  return { tables: [], outputs: texts.map((sql, i) => ({ name: `query ${i}`, sql, slicedBy: [] })), slices: 1 };
}

const LARGE = "SELECT SIZE(COLLECT_LIST(REPEAT(CONCAT('x', id), 1000000))) AS n FROM range(3000)";

test('a driver without memory left is reported as such, leaves nothing, and what is asked of it afterwards fails at once', async () => {
  const { session, left } = await opened(own('local[1]', { 'spark.driver.memory': '600m' }), () => undefined);
  await expect(session.compute(queries(LARGE))).rejects.toMatchObject({
    code: 'SPARK_MEMORY',
    message: expect.stringContaining('the driver'),
  });
  expect(left()).toEqual([]);
  await expect(session.compute(queries('SELECT 1 AS one'))).rejects.toMatchObject({
    code: expect.stringMatching(/SPARK_MEMORY|SPARK_ENDED/),
  });
});

test('on a cluster an executor that is killed is replaced and reported; one without memory left ends the job, and nothing else', async () => {
  const told: string[] = [];
  let application = '';
  let killed = 0;
  const conf = {
    'spark.driver.memory': '600m',
    'spark.executor.memory': '512m',
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.sql.shuffle.partitions': '2',
    'spark.task.maxFailures': '2',
  };
  const { session, left } = await opened(own(addressOf('SPARK_MASTER')[0], conf), (text) => {
    told.push(text);
    application ||= / as (app-\S+)$/.exec(text)?.[1] ?? '';
    if (killed === 0 && text === 'query 0 is computed') {
      killed = executor(application);
      process.kill(killed, 'SIGKILL');
    }
  });
  const slow = 'SELECT id % 7 AS k, COUNT(DISTINCT MD5(CAST(id AS STRING))) AS n FROM range(300000) GROUP BY id % 7';
  const { files, drop } = await session.compute(queries('SELECT 1 AS one', slow, slow));
  expect(killed).toBeGreaterThan(0);
  expect(told.filter((text) => text.includes('is lost')).length).toBeGreaterThan(0);
  expect([...files.values()].map(([slice]) => slice.length > 0)).toEqual([true, true, true]);
  drop();
  await expect(session.compute(queries(LARGE))).rejects.toMatchObject({
    code: 'SPARK_MEMORY',
    message: expect.stringContaining('an executor'),
  });
  expect(left()).toEqual([]);
  const after = await session.compute(queries('SELECT 1 AS one'));
  expect(after.files.size).toBe(1);
});

test.each(ways)(
  'what an ended process left is removed at the start, what another one computes stays; a file that is not what Spark wrote is not taken: %s',
  async (way) => {
    const { pid: ended } = spawnSync('true');
    const alive = `run=${process.pid}-999`;
    let spoil: (path: string) => void = () => undefined;
    const { session, left } = await opened(
      engineBy(way),
      (text, directory) => {
        if (text.endsWith('is computed')) spoil(writtenIn(directory, alive));
      },
      [`run=${ended}-1`, alive],
    );
    expect(left()).toEqual([alive]);
    const spoils: readonly (readonly [reason: string, (path: string) => void])[] = [
      ['it is not here', (path) => rmSync(path)],
      ['bytes here', (path) => writeFileSync(path, readFileSync(path).subarray(1))],
      ['its bytes are others', (path) => writeFileSync(path, readFileSync(path).fill(7, 10, 11))],
    ];
    for (const [reason, own] of spoils) {
      spoil = own;
      await expect(session.compute(queries('SELECT 1 AS one'))).rejects.toMatchObject({
        code: 'SPARK_FILE',
        message: expect.stringContaining(reason),
      });
      expect(left()).toEqual([alive]);
    }
  },
);

/** The one file of a computation. */
function writtenIn(directory: string, other: string): string {
  const [run] = readdirSync(directory).filter((name) => name.startsWith('run=') && name !== other);
  const folder = join(directory, run, 'output-0');
  return join(folder, ...readdirSync(folder).filter((name) => name.endsWith('.parquet')));
}

/** The process of an application's executor. */
function executor(application: string): number {
  const all = execFileSync('ps', ['-eo', 'pid=,args=']).toString().split('\n');
  const found = all.find((line) => line.includes('CoarseGrainedExecutorBackend') && line.includes(application));
  return Number(found?.trim().split(' ')[0]);
}
