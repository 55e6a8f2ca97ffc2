// @module-tag deep

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { historyFolder } from '../../src/backends/spark/folders.ts';
import { historyOf } from '../../src/compose/back-ends.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import type { Computation } from '../../src/ports/history-engine.ts';
import { engineBy } from './spark-site.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** Opens a session of the running server. */
async function opened(engine: ReturnType<typeof engineBy>, onProgress: (text: string) => void = () => undefined) {
  const directory = mkdtempSync(join(tmpdir(), 'spark-connect-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  const environment = resolveEnvironment('local', { directory, offline: { engine } }, 'site');
  const spark = historyOf(environment).engine;
  if (spark === null) throw new TypeError('the environment has no Spark');
  const session = await spark.open(onProgress);
  ending.push(() => session.close());
  return { session, left: () => readdirSync(historyFolder(environment.directory)) };
}

function query(sql: string): Computation {
  return { tables: [], outputs: [{ name: 'query', sql, slicedBy: [] }], slices: 1 };
}

test('a server lets nobody in by another token', async () => {
  process.env['WRONG_TOKEN'] = 'another one';
  ending.push(() => delete process.env['WRONG_TOKEN']);
  const wrong = { ...engineBy('Spark Connect'), token: { env: 'WRONG_TOKEN' } } as ReturnType<typeof engineBy>;
  await expect(opened(wrong)).rejects.toMatchObject({ code: 'SPARK_TOKEN' });
});

test('a setting of the server is none of a session', async () => {
  await expect(opened(engineBy('Spark Connect', { 'spark.executor.memory': '7g' }))).rejects.toMatchObject({
    code: 'SPARK_SETTING',
    message: expect.stringContaining('CANNOT_MODIFY_CONFIG'),
  });
});

test('sessions do not share settings: two that ask for different ones each have their own', async () => {
  const setting = 'spark.sql.shuffle.partitions';
  const told: Record<string, readonly string[]> = {};
  for (const value of ['3', '4']) {
    const { session } = await opened(
      engineBy('Spark Connect', { [setting]: value, 'spark.sql.adaptive.enabled': 'false' }),
    );
    const distributed = 'SELECT SPARK_PARTITION_ID() AS p, id FROM (SELECT id FROM range(1000) DISTRIBUTE BY id)';
    const { files, drop } = await session.compute(query(distributed));
    told[value] = (files.get('query') ?? []).flat();
    drop();
  }
  expect(Object.values(told).map((files) => files.length)).toEqual([3, 4]);
});

/** Days on two cores. */
const LONG =
  'SELECT id % 7 AS k, COUNT(DISTINCT MD5(CAST(id AS STRING))) AS n FROM range(500000000000) GROUP BY id % 7';

test('what runs on the server ends with the session that is closed during it, and leaves no file', async () => {
  const told: string[] = [];
  let close: () => void = () => undefined;
  const runs = new Promise<void>((resolve) => {
    close = resolve;
  });
  const { session, left } = await opened(engineBy('Spark Connect'), (text) => {
    told.push(text);
    if (/of \d+ tasks are done/.test(text)) close();
  });
  const long = session.compute(query(LONG));
  const ended = expect(long).rejects.toMatchObject({ code: expect.stringMatching(/SPARK_(UNREACHABLE|FAILED)/) });
  await runs;
  await session.close();
  await ended;
  expect(left()).toEqual([]);
  // Its tasks had both cores: if it continued, this would not end.
  const after = await opened(engineBy('Spark Connect'));
  await after.session.compute(query('SELECT COUNT(*) AS n FROM range(10)'));
});
