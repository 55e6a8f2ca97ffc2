import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import {
  apply,
  batchView,
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lastN,
  lookup,
  mean,
  model,
  nullable,
  onDemandView,
  orElse,
  sql,
  stddevPop,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { deepIf } from './deep.ts';
import { engineBy, ways } from './spark-site.ts';

const MINUTE_MS = 60_000;
const BEGIN = Date.UTC(2026, 0, 1);

const user = entity('user', { user: text() });
const visits = eventSource('visits', {
  id: 'visit',
  time: 'at',
  columns: { visit: text(), at: time(), user: nullable(text()), basket: int() },
});
const purchases = eventSource('purchases', {
  id: 'line',
  time: 'at',
  lateness: '1h',
  columns: { line: text(), at: time(), user: text(), visit: text(), price: decimal(2), item: text() },
});
const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ price, item }) => ({
    n: count(),
    spent: sum(price),
    spread: stddevPop(price),
    mean_price: mean(price),
    recent: lastN(item, 3),
    favourites: topK(item, 2),
  }),
});
const habits = batchView('habits', {
  entity: user,
  schedule: '30 */6 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { lines: int(), mean_price: float() },
  sql: (t) => sql`
    SELECT "user", COUNT(*) AS lines, AVG(price) AS mean_price FROM ${t.purchases} WHERE "at" < ${t.asOf} GROUP BY "user"`,
});
const excess = onDemandView('excess', {
  inputs: { now: float(), usual: float() },
  features: { ratio: nullable(float()) },
  compute: ({ now, usual }) => ({ ratio: usual === 0 ? null : now / usual }),
});
const offer = featureService('offer', {
  request: { user: nullable(text()), basket: int() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }), habits: lookup(habits, { user: r.user }) }),
  compute: (r, f) => ({
    basket: r.basket,
    excess: apply(excess, { now: orElse(f.spend.mean_price_1h, 0), usual: orElse(f.habits.mean_price, 0) }),
  }),
});
const buys = model('buys', {
  task: 'binary',
  service: offer,
  spine: { from: visits, id: 'visit' },
  label: { from: purchases, id: 'visit', value: (e) => gt(e.price, 20), within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});
const project = defineProject('shop', { buys });

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

for (const way of ways)
  test(
    `a project whose features Spark joins writes the same training sets, to the byte, and trains on them: ${way}`,
    deepIf(way !== 'Spark Connect'),
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'spark-project-'));
      ending.push(() => rmSync(directory, { recursive: true, force: true }));
      let now = BEGIN;
      const opened = async (offline: EnvironmentOptions['offline']) => {
        const environment = { directory, partitions: 2, sampleRate: 0, offline };
        const headrace = await openHeadrace({ project, environment, clock: () => now });
        const close = () => headrace.close();
        ending.push(close);
        const closed = async () => {
          ending.splice(ending.indexOf(close), 1);
          await close();
        };
        return { headrace, close: closed };
      };
      const embedded = await opened({});
      for (let step = 0; step < 200; step += 1) {
        now += 7 * MINUTE_MS;
        const who = step % 9 === 8 ? null : ['ann', 'bob', 'é|"', ''][step % 4];
        await embedded.headrace.ingest(visits, [{ visit: `v${step}`, at: now, user: who, basket: step }]);
        now += 1;
        const event = {
          line: `l${step}`,
          at: now - (step % 17 === 16 ? 90 : step % 11) * MINUTE_MS,
          user: who ?? 'ann',
          visit: `v${step - (step % 3)}`,
          price: ((step * 37) % 9_999) / 100,
          item: `item ${step % 6}`,
        };
        await embedded.headrace.ingest(
          embedded.headrace.source('purchases'),
          step % 13 === 0 ? [event, event] : [event],
        );
        if (step % 10 === 0) await insideOf(embedded.headrace).features.tick();
      }
      const written = async ({ headrace }: Awaited<ReturnType<typeof opened>>, by: string, mode: ReadMode) => {
        const path = join(directory, `${by}-${mode}.parquet`);
        const { rows } = await headrace.writeTrainingSet(buys, path, { mode, to: now + 1 });
        expect(rows).toBeGreaterThan(50);
        return createHash('sha256').update(readFileSync(path)).digest('hex');
      };
      const rows = join(directory, 'rows.parquet');
      await insideOf(embedded.headrace).stores.offline.exportParquet(
        `SELECT CASE WHEN i % 9 < 8 THEN ['ann', 'bob', 'é|"', 'nobody'][i % 4 + 1] END AS who,
      EPOCH_MS(${BEGIN} + (i * 37) % 210 * ${7 * MINUTE_MS}) AS "when", i AS basket, 'note ' || i % 3 AS note
    FROM range(250) AS r(i)`,
        rows,
      );
      const ofRows = async ({ headrace }: Awaited<ReturnType<typeof opened>>, onLine: (line: string) => void) => {
        const path = join(directory, 'of-rows.parquet');
        const spine = { path: rows, time: 'when', columns: { user: 'who' } };
        expect(await headrace.writeTrainingSet(offer, path, { spine, onLine })).toEqual({
          path,
          rows: 250,
          nullKeys: 27,
          cuts: 0,
        });
        return createHash('sha256').update(readFileSync(path)).digest('hex');
      };
      const joined = await ofRows(embedded, () => undefined);
      const corrected = await written(embedded, 'embedded', 'corrected');
      const asKnown = await written(embedded, 'embedded', 'as-known');
      expect(asKnown).not.toBe(corrected);
      await embedded.close();
      const spark = await opened({ engine: engineBy(way) });
      expect(await written(spark, 'spark', 'as-known')).toBe(asKnown);
      const told: string[] = [];
      const { lineage } = await spark.headrace.train(buys, { to: now + 1, onLine: (line) => told.push(line) });
      expect(lineage.trainingSet.digest).toBe(corrected);
      expect(told.some((line) => line.startsWith('Spark '))).toBe(true);
      told.length = 0;
      expect(await ofRows(spark, (line) => told.push(line))).toBe(joined);
      expect(told.some((line) => line.startsWith('Spark '))).toBe(true);
      expect(readdirSync(join(directory, 'spark')).filter((name) => name.startsWith('run='))).toEqual([]);
    },
  );
