// @module-tag deep
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SHORT_LIVED } from '../../scripts/services/server.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { forEachRegister } from '../../src/features/aggregate/registers.ts';
import { createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { profileByEngine } from '../../src/monitoring/profile/engine-profile.ts';
import { edgeBins, valueBins } from '../../src/monitoring/profile/frozen-bins.ts';
import { kllRankError } from '../../src/monitoring/profile/kll-sketch.ts';
import { createProfile, type Profile } from '../../src/monitoring/profile/profile.ts';
import { decodeProfile, encodeProfile } from '../../src/monitoring/profile/profile-bytes.ts';
import { profileTableFile } from '../../src/monitoring/profile/profile-table.ts';
import { profilesOf } from '../../src/site/back-ends/environment-back-ends.ts';
import { openTableFile } from '../../src/site/table-files.ts';
import { addressOf } from './addresses.ts';

const [home = ''] = addressOf('SPARK_HOME');
const ROWS = 60_000;

let folder: string;
let path: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headrace-spark-profile-'));
  path = join(folder, 'table.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT
    CASE WHEN i % 11 = 0 THEN NULL WHEN i % 997 = 0 THEN 'NaN'::DOUBLE WHEN i % 1999 = 0 THEN 'Infinity'::DOUBLE ELSE sin(i) * 100 END AS amount,
    i % 7 AS code, CAST(i % 3 - 1 AS FLOAT) / 2 AS half, -0.0::DOUBLE AS zero, CAST(i * 0.37 AS DECIMAL(12,2)) AS price, i % 2 = 0 AS yes,
    CASE WHEN i % 13 = 0 THEN NULL WHEN i % 5 = 0 THEN 'Köln' WHEN i % 5 = 1 THEN '' WHEN i % 5 = 2 THEN '上海 😀' ELSE 'c' || (i % 9) END AS city,
    'id' || i AS name, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (i) SECOND AS since, DATE '2026-01-01' + CAST(i % 400 AS INTEGER) AS day,
    NULL::DOUBLE AS none, [i] AS many
    FROM range(${ROWS}) AS t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 5000)`);
  connection.closeSync();
  instance.closeSync();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function engine() {
  const engineOptions = {
    kind: 'spark' as const,
    home,
    master: 'local[2]',
    conf: {
      'spark.driver.memory': '1g',
      'spark.driver.extraJavaOptions': SHORT_LIVED,
      // Several tasks: their profiles are merged.
      'spark.sql.files.maxPartitionBytes': '200000',
    },
  };
  const found = profilesOf(resolveEnvironment('local', { directory: folder, offline: { engine: engineOptions } }, 'p'));
  if (typeof found === 'string') throw new TypeError(found);
  return found;
}

function exactParts({ rows, columns }: Profile): unknown {
  return {
    rows,
    columns: [...columns].map(([name, column]) => {
      const registers: string[] = [];
      forEachRegister(column.registers, (bucket, rho) => registers.push(`${bucket}:${rho}`));
      const { missing, infinite, whole, kll, counts, frequent } = column;
      const few = frequent === null || frequent.offset > 0 ? null : Object.fromEntries(frequent.counts);
      return {
        name,
        counts: [column.rows, missing, infinite, whole, kll?.n, kll?.min, kll?.max],
        registers: new Set(registers),
        bins: [...(counts ?? [])],
        few,
        texts: frequent?.n,
      };
    }),
  };
}

test('a profile by Spark has the counts, bins and registers of that by DuckDB, and its quantiles within their error', async () => {
  const like = createProfile();
  like.columns.set('amount', createColumnSketch('number', edgeBins([-50, 0, 50])));
  like.columns.set('code', createColumnSketch('number', valueBins(['0', '3', '5'])));
  like.columns.set('half', createColumnSketch('number', valueBins(['-0.5', '0'])));
  like.columns.set('city', createColumnSketch('text', valueBins(['Köln', '上海 😀'])));
  const table = await openTableFile(path);
  const own = await profileTableFile({ ...table, columns: table.columns.filter(({ name }) => name !== 'many') }, like);
  const files = [path];
  const theirs = await profileByEngine(engine(), { files, ignore: ['many'], like, onProgress: () => undefined });
  expect(exactParts(theirs)).toEqual(exactParts(own));
  expect(exactParts(decodeProfile(encodeProfile(theirs)))).toEqual(exactParts(own));
  for (const [name, column] of own.columns) {
    const other = theirs.columns.get(name);
    expect(Math.abs((other?.mean ?? 0) - column.mean)).toBeLessThanOrEqual(1e-12 * Math.abs(column.mean) + 1e-9);
    if (column.kll === null || column.kll.n === 0) continue;
    const values = await table.column(name);
    const sorted = Float64Array.from(values as Float64Array)
      .filter(Number.isFinite)
      .sort();
    const items = (other?.kll?.levels ?? []).flatMap((level, h) => level.map((item) => [item, 2 ** h] as const));
    items.sort(([a], [b]) => a - b);
    let worst = 0;
    let upTo = 0;
    for (const [i, [item, weight]] of items.entries()) {
      upTo += weight;
      if (items[i + 1]?.[0] === item) continue;
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sorted[middle] <= item) low = middle + 1;
        else high = middle;
      }
      worst = Math.max(worst, Math.abs(upTo - low) / sorted.length);
    }
    expect(upTo, name).toBe(sorted.length);
    // At every rank at once: twice the error of one rank is beyond that of all.
    expect(worst, name).toBeLessThan(2 * kllRankError(256));
  }
  await table.close();
}, 600_000);

test('a list, whose text differs between engines, is refused by its name', async () => {
  const files = [path];
  const job = profileByEngine(engine(), { files, ignore: [], like: null, onProgress: () => undefined });
  await expect(job).rejects.toThrow('column many is array<bigint>');
}, 600_000);
