import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTopic } from '../../examples/inference/read-topic.ts';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  batchView,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lookup,
  mean,
  model,
  sql,
  streamInference,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { servedTable } from '../../src/features/plan/served-table.ts';
import { judgeMonitor, monitorsOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { openMonitor } from '../drift/open-monitor.ts';
import { until } from '../until.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 1);
const STEP_MS = 4 * MINUTE_MS;
const A_DAY = DAY_MS / STEP_MS;

const asks = eventSource('asks', {
  id: 'ask',
  time: 'at',
  lateness: '2d',
  columns: { ask: text(), at: time(), user: text(), price: float() },
});
const buys = eventSource('buys', {
  id: 'ask',
  time: 'at',
  lateness: '2d',
  columns: { ask: text(), at: time(), user: text(), amount: int() },
});
const person = entity('user', { user: text() });
const habits = streamView('habits', {
  source: buys,
  entity: person,
  key: { user: 'user' },
  windows: ['6h'],
  freshness: '1s',
  features: (e) => ({ buys: count(), amount: mean(e.amount) }),
});
const usual = batchView('usual', {
  entity: person,
  schedule: '0 3 * * *',
  freshness: '30d',
  reads: { buys },
  features: { bought: int() },
  sql: ({ buys: all }) => sql`SELECT "user", COUNT(*) AS bought FROM ${all} GROUP BY "user"`,
});
const offering = featureService('offering', {
  request: { user: text(), price: float() },
  join: (r) => ({ user: lookup(habits, { user: r.user }), usual: lookup(usual, { user: r.user }) }),
  compute: (r) => ({ price: r.price }),
});
const taken = model('taken', {
  task: 'binary',
  service: offering,
  spine: { from: asks, id: 'ask' },
  label: { from: buys, id: 'ask', value: (e) => gt(e.amount, 4), otherwise: false, within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
  monitors: [{ kind: 'featureDrift', features: ['user_buys_6h', 'user_amount_6h', 'price'], window: '1d' }],
});
const scored = streamInference('scored', { model: taken, from: asks, to: 'scores' });
const project = defineProject('p', { asks, buys, taken, scored });

class Site {
  readonly directory = mkdtempSync(join(tmpdir(), 'headrace-records-'));
  readonly environment = resolveEnvironment('local', { directory: this.directory, partitions: 2, sampleRate: 1 }, 'p');
  now = START;
  #sent = 0;
  readonly #random = seededRandom(11);

  open(): Promise<Headrace> {
    return openHeadrace({
      project,
      environment: { directory: this.directory, partitions: 2, sampleRate: 1 },
      clock: () => this.now,
      onFault: (error) => {
        throw error;
      },
    });
  }

  /** Sends an ask every step, and a purchase of the same user half a step later: a day of them at a time, at its end. */
  async send(
    headrace: Headrace,
    spanMs: number,
    afterwards: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    for (const end = this.now + spanMs; this.now < end; await afterwards()) {
      const sent = Array.from({ length: A_DAY }, (_, i) => this.#pair(this.now + i * STEP_MS));
      this.now += DAY_MS;
      await headrace.ingest(
        asks,
        sent.map(([ask]) => ask),
      );
      await headrace.ingest(
        buys,
        sent.map(([, buy]) => buy),
      );
    }
  }

  #pair(at: number) {
    const ask = `a${this.#sent}`;
    const user = `u${this.#sent % 3}`;
    this.#sent += 1;
    const amount = Math.floor(this.#random() * 9);
    return [
      { ask, at, user, price: randomNormal(this.#random) },
      { ask, at: at + STEP_MS / 2, user, amount },
    ] as const;
  }

  /** The first row of a query over the logged vectors. */
  async #ofLogged(headrace: Headrace, columns: string, joined = ''): Promise<readonly number[]> {
    await headrace.flush();
    const stores = await openMonitor(project, this.environment);
    const history = await stores.history();
    const from = `${history.relation(servedTable(offering))} AS t ${joined}`;
    try {
      for await (const [row] of history.query(`SELECT ${columns} FROM ${from}`)) return row.map(Number);
      return [];
    } finally {
      await history.close();
      await stores.close();
    }
  }

  /** Rows of logged vectors: how many, how many ids, and how many lack an answer. */
  logged(headrace: Headrace): Promise<readonly number[]> {
    return this.#ofLogged(headrace, 'COUNT(*), COUNT(DISTINCT _id), COUNT(*) FILTER (LEN(missing) > 0)');
  }

  /** Logged vectors that a training set of this moment has a row for, those with a batch feature, and those that differ in any feature. */
  async againstTraining(headrace: Headrace): Promise<readonly number[]> {
    const path = join(this.directory, 'set.parquet');
    await headrace.writeTrainingSet(taken, path, { to: this.now });
    const differs = offering.features.map(({ name }) => `CAST("f_${name}" AS DOUBLE) IS DISTINCT FROM s."${name}"`);
    const columns = `COUNT(*), COUNT(f_usual_bought), COUNT(*) FILTER (${differs.join(' OR ')})`;
    return this.#ofLogged(headrace, columns, `JOIN read_parquet('${path}') AS s ON s._at = t._at`);
  }

  /** States of the feature monitor in whole days. */
  async judged(days: number): Promise<readonly string[]> {
    const stores = await openMonitor(project, this.environment);
    const [watched] = await stores.watched();
    const [monitor] = monitorsOf(taken);
    const history = await stores.history();
    const first = Math.ceil(this.now / DAY_MS) * DAY_MS - days * DAY_MS;
    const spans = Array.from({ length: days }, (_, i) => ({ from: first + i * DAY_MS, to: first + (i + 1) * DAY_MS }));
    try {
      const { windows } = await judgeMonitor(watched, monitor, history, spans, { now: this.now });
      return windows.map(({ state }) => state);
    } finally {
      await history.close();
      await stores.close();
    }
  }

  scores(): readonly (number | null)[] {
    return readTopic(join(this.directory, 'log'), 'streamed-scores@1').map(({ payload }) => JSON.parse(payload).score);
  }
}

test('a stream that lags a day on a sound source raises nothing for a week: what it scored is what is recorded', async () => {
  const site = new Site();
  const headrace = await site.open();
  await site.send(headrace, 3 * DAY_MS);
  // To the present: labels that can still come are pending, and their rows are left out.
  await headrace.train(taken, { from: START + DAY_MS / 2, to: site.now });
  await headrace.promote(taken, 1);

  await until(async () => {
    await headrace.tick();
    return headrace.status().batch.every(({ succeeded }) => succeeded > 0);
  });
  const before = await site.logged(headrace);
  const [inSet, withBatch, differing] = await site.againstTraining(headrace);
  await site.send(headrace, 7 * DAY_MS, () => headrace.tick());
  await headrace.tick();
  await headrace.stream('scored').shadow(1);
  await headrace.tick();
  await headrace.stream('scored').reprocess(0, { from: 0, to: 40 });
  const [rows, ids, lacking] = await site.logged(headrace);
  expect(before[0]).toBe(3 * A_DAY);
  expect(differing, 'batch features of the backlog are those of the scheduled instants').toBe(0);
  expect(inSet).toBeGreaterThan(2 * A_DAY);
  expect(withBatch).toBeGreaterThan(2 * A_DAY);
  expect({ rows, ids, lacking }).toEqual({ rows: 10 * A_DAY, ids: 10 * A_DAY, lacking: 0 });
  const report = await headrace.auditSkew(offering, 0, site.now + 1);
  expect(report.mismatches).toEqual({ lateness: 0, staleness: 0, logic: 0 });
  expect({ vectors: report.vectors, missing: report.missing }).toEqual({ vectors: rows, missing: 0 });
  expect(await site.judged(7)).toEqual(new Array(7).fill('ok'));
  await headrace.close();
}, 120_000);
