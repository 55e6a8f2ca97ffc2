// @module-tag deep

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type FlinkCluster, startFlink, startTaskManager } from '../../scripts/services/flink.ts';
import { stopServer } from '../../scripts/services/server.ts';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import { compareText } from '../../src/base/text-order.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { COUNT, START, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { openDatabase } from '../sql/duckdb.ts';
import { FlinkSite } from './flink-site.ts';
import { flights as definition } from './parity-definitions.ts';
import { noteSum } from './parity-sums.ts';
import { checksumOf, tileLines } from './tile-lines.ts';
import { until } from './until.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const PARTITIONS = 4;
const { name, view } = definition;

async function* flights(): AsyncGenerator<readonly (readonly [string, number, string, number])[]> {
  const database = await openDatabase();
  const file = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
  await database.run(
    `CREATE TABLE flights AS SELECT CAST(ROW_NUMBER() OVER () AS INTEGER) AS id, ${duckdb.timestampMs('date')} AS "at", origin, CAST(delay AS INTEGER) AS delay FROM read_parquet('${file}')`,
  );
  for (let from = 0; from < 3_000_000; from += 100_000) {
    const rows = await database.rows(
      `SELECT CAST(id AS STRING), CAST("at" AS DOUBLE), origin, delay FROM flights WHERE id > ${from} AND id <= ${from + 100_000} ORDER BY id`,
    );
    yield rows.map(([id, at, origin, delay]) => [String(id), Number(at), String(origin), Number(delay)] as const);
  }
  database.close();
}

/** Number of tiles, events in them, and the sum that is published for the flights. */
function summary(site: FlinkSite, of: StreamViewData) {
  const layout = tileLayout(of);
  const { decode } = entityKeyCodec(of.entity.key);
  const rows: { readonly origin: string; readonly start: number; readonly line: string }[] = [];
  let events = 0;
  for (const [key, run] of site.runs(of)) {
    const origin = String(decode(key)[0]);
    for (let index = 0; index < run.length; index += 1) {
      const at = index * layout.numbers;
      const scalars = layout.partials.flatMap(({ aggregate: kind, num, obj }) =>
        kind.toColumns(run, at + num, index * layout.objects + obj),
      );
      const [sum, , least, greatest] = scalars;
      const start = run.nums[at + START];
      events += run.nums[at + COUNT];
      rows.push({
        origin,
        start,
        line: `${[origin, start, run.nums[at + COUNT], sum, least, greatest].join(',')}\n`,
      });
    }
  }
  rows.sort((a, b) => compareText(a.origin, b.origin) || a.start - b.start);
  const hash = createHash('sha256');
  for (const { line } of rows) hash.update(line);
  return { tiles: rows.length, events, sha256: hash.digest('hex') };
}

test('three million flights give the published tiles, though a task manager is killed while they flow', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flink-faults-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  const cluster: FlinkCluster = await startFlink(directory);
  let { taskManager } = cluster;
  ending.push(async () => {
    for (const server of [cluster.gateway, taskManager, cluster.jobManager]) await stopServer(server);
  });
  const site = new FlinkSite(
    [view],
    [`http://127.0.0.1:${cluster.jobManager.port}`, `http://127.0.0.1:${cluster.gateway.port}`],
  );
  ending.push(() => site.end());
  await site.open(PARTITIONS);
  const started = performance.now();
  let sent = 0;
  const offsets = Array.from({ length: PARTITIONS }, () => 0);
  for await (const rows of flights()) {
    await site.send(
      rows.map((row) => {
        const [id, at] = row;
        const partition = partitionOf(id, PARTITIONS);
        offsets[partition] += 1;
        return { id, ts: at, ingestTs: at, partition, offset: offsets[partition] - 1, row };
      }),
    );
    sent += rows.length;
    if (sent === 1_500_000) {
      // Somewhere during the job: whatever it holds in memory is gone.
      await until(async () => summary(site, view).events > 100_000);
      await stopServer(taskManager, 'SIGKILL');
      taskManager = await startTaskManager(directory, cluster.jobManager.port);
    }
  }
  await until(async () => summary(site, view).events >= 3_000_000, 1_200_000);
  const seconds = (performance.now() - started) / 1_000;
  console.log(`3,000,000 flights in ${seconds.toFixed(1)} s, a task manager killed on the way`, site.outcomes);
  expect(summary(site, view)).toEqual({
    tiles: 424_259,
    events: 3_000_000,
    sha256: '0d7ef856c233037a3cdec4044de1a468eb0fdeb8c94d5092deca13e51045a3bc',
  });
  const lines = tileLines(site.tiles(view));
  noteSum('Flink', name, { tiles: lines.length, sum: checksumOf(lines) });
  // What was emitted before the failure is emitted again, with fewer events, or as many.
  expect(site.outcomes.stale + site.outcomes.duplicate).toBeGreaterThan(0);
});
