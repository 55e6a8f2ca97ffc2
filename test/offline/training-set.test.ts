import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { randomBelow, seededRandom } from '../../src/base/rng.ts';
import type { EventSourceData } from '../../src/features/define/declaration.ts';
import {
  apply,
  approxDistinct,
  batchView,
  count,
  decimal,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  last,
  lastN,
  lookup,
  max,
  mean,
  model,
  nullable,
  onDemandView,
  orElse,
  over,
  quantile,
  share,
  sql,
  stddevPop,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { timeSlices } from '../../src/featurestore/training-set/time-slices.ts';
import { type LabelledRow, trainingRows } from '../../src/featurestore/training-set/training-set.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import type { Value } from '../../src/schema/column.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 2, 1);

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
    mean_price: mean(price),
    spread: stddevPop(price),
    top: max(price),
    big: share(gt(price, 50)),
    items: distinct(item),
    about: over(['1d'], approxDistinct(item)),
    median: over(['1d'], quantile(price, 0.5)),
    favourites: over(['1d'], topK(item, 2)),
    recent: over(['ever'], lastN(item, 3)),
    last_item: over(['ever'], last(item)),
  }),
});
const habits = batchView('habits', {
  entity: user,
  schedule: '30 */6 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { lines: int(), spent: decimal(2), mean_price: float() },
  sql: (t) => sql`
    SELECT "user", COUNT(*) AS lines, SUM(price) AS spent, AVG(price) AS mean_price
    FROM ${t.purchases} WHERE "at" < ${t.asOf} GROUP BY "user"`,
});
const excess = onDemandView('excess', {
  inputs: { now: float(), usual: float(), at: time() },
  features: { ratio: nullable(float()), hour: int() },
  compute: ({ now, usual, at }) => ({ ratio: usual === 0 ? null : now / usual, hour: new Date(at).getUTCHours() }),
});
const offer = featureService('offer', {
  request: { user: nullable(text()), at: time(), basket: int() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }), habits: lookup(habits, { user: r.user }) }),
  compute: (r, f) => ({
    basket: r.basket,
    excess: apply(excess, { now: orElse(f.spend.mean_price_1h, 0), usual: orElse(f.habits.mean_price, 0), at: r.at }),
  }),
});
const buys = model('buys', {
  task: 'binary',
  service: offer,
  spine: { from: visits, id: 'visit' },
  label: { from: purchases, id: 'visit', value: (e) => gt(e.price, 20), within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});
const rush = streamView('rush', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['15m', '2h'],
  freshness: '1s',
  features: ({ price }) => ({ n: count(), mean_price: mean(price), top: max(price) }),
});
const rushed = featureService('rushed', {
  request: { user: nullable(text()), basket: int() },
  join: (r) => ({ rush: lookup(rush, { user: r.user }), habits: lookup(habits, { user: r.user }) }),
  compute: (r) => ({ basket: r.basket }),
});
const rushes = model('rushes', {
  task: 'binary',
  service: rushed,
  spine: { from: visits, id: 'visit' },
  label: { from: purchases, id: 'visit', value: (e) => gt(e.price, 20), within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});
const project = defineProject('shop', { buys, rushes });

interface Loop {
  readonly store: FeatureStore;
  readonly offline: OfflineStore;
  readonly directory: string;
  readonly clock: { now: number };
}

async function openLoop(): Promise<Loop> {
  const directory = mkdtempSync(join(tmpdir(), 'training-'));
  const offline = await openOfflineStore({ path: join(directory, 'offline'), access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await offline.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const clock = { now: START };
  const store = await FeatureStore.open({
    project,
    log: new MemoryEventLog(),
    online: new MemoryOnlineStore(),
    offline,
    partitions: 3,
    memoryBytes: 1_000 * 2_000,
    sampleRate: 0,
    retention: { logAgeMs: 1e15, logBytes: 1e15, historyBytes: 1e15 },
    clock: () => clock.now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  return { store, offline, directory, clock };
}

async function send(store: FeatureStore, source: EventSourceData, ...events: readonly unknown[]): Promise<void> {
  expect((await store.ingest(source, events)).refused).toEqual([]);
}

async function rowsOf({ offline, store }: Loop, mode: 'corrected' | 'as-known') {
  await store.flush();
  const rows = new Map<string, { readonly at: number; readonly values: readonly Value[]; readonly label: number }>();
  let unlabelled = 0;
  const options = {
    model: buys,
    offline,
    engine: null,
    between: { from: null, to: null },
    now: Number.POSITIVE_INFINITY,
    mode,
    onComputeError: (_: unknown, error: unknown) => {
      throw error;
    },
  };
  for await (const batch of trainingRows(options, (label) => {
    if (label === 'pending' || label === 'unlabelled') unlabelled += 1;
  }))
    for (const row of batch) rows.set(row.id, row);
  return { rows, unlabelled };
}

test('a training row is the vector that was served, over all tiers, duplicates, late events and nobody’s requests', async () => {
  const loop = await openLoop();
  const { store, clock } = loop;
  const random = seededRandom(7);
  const users = ['ann', 'bob', 'c|1', ''];
  const served = new Map<string, { readonly at: number; readonly values: readonly Value[] }>();
  const sent: unknown[] = [];
  for (let step = 0; step < 160; step += 1) {
    clock.now += randomBelow(random, 25 * MINUTE) + 2;
    for (let e = randomBelow(random, 4); e > 0; e -= 1) {
      // Up to 1.5 hours ago: some are too late.
      const at = clock.now - 1 - randomBelow(random, 1.5 * HOUR);
      const event = {
        line: `l${sent.length}`,
        at,
        user: users[randomBelow(random, users.length)],
        visit: `v${step - randomBelow(random, 3)}`,
        price: randomBelow(random, 10_000) / 100,
        item: `item ${randomBelow(random, 6)}`,
      };
      sent.push(event);
      await send(store, purchases, event);
      if (randomBelow(random, 6) === 0) await send(store, purchases, sent[randomBelow(random, sent.length)]);
    }
    clock.now += 1;
    await store.tick();
    const visit = `v${step}`;
    const asked = {
      user: randomBelow(random, 9) === 0 ? null : users[randomBelow(random, users.length)],
      at: clock.now,
      basket: step,
    };
    const { at, values } = await store.read(offer, asked);
    served.set(visit, { at, values });
    await send(store, visits, { visit, ...asked });
  }
  const { rows, unlabelled } = await rowsOf(loop, 'as-known');
  expect(rows.size + unlabelled).toBe(served.size);
  expect(rows.size).toBeGreaterThan(20);
  for (const [visit, row] of rows)
    expect({ visit, at: row.at, values: row.values }).toEqual({ visit, ...served.get(visit) });
  // In another mode some of the same rows must differ, else the late events of this test say nothing.
  const corrected = await rowsOf(loop, 'corrected');
  const differ = [...corrected.rows].filter(([id, { values }]) => shown(values) !== shown(rows.get(id)?.values ?? []));
  expect(differ.length).toBeGreaterThan(0);
});

test('a label is the earliest event of the row’s id within the time, from its instant on', async () => {
  const loop = await openLoop();
  const { store, clock } = loop;
  const at = START + 5 * HOUR;
  const buy = (line: string, visit: string, when: number, price: number) => ({
    line,
    at: when,
    user: 'ann',
    visit,
    price,
    item: 'x',
  });
  clock.now = at;
  const asked = ['first', 'edge', 'over', 'before', 'tie', 'none', 'at'];
  await send(store, visits, ...asked.map((visit) => ({ visit, at, user: 'ann', basket: 1 })));
  await send(store, purchases, buy('x', 'before', at - 1, 99));
  clock.now = at + HOUR;
  await send(
    store,
    purchases,
    buy('c', 'first', at + 3 * MINUTE, 99),
    buy('a', 'first', at + 2 * MINUTE, 1),
    buy('b', 'first', at + HOUR, 99),
    buy('d', 'edge', at + HOUR, 99),
    buy('e', 'over', at + HOUR + 1, 99),
    buy('g', 'tie', at + 45 * MINUTE, 1),
    buy('f', 'tie', at + 45 * MINUTE, 99),
    buy('h', 'at', at, 99),
  );
  const { rows, unlabelled } = await rowsOf(loop, 'corrected');
  const labels = Object.fromEntries([...rows].map(([id, { label }]) => [id, label]));
  expect(labels).toEqual({ first: 0, edge: 1, tie: 1, at: 1 });
  expect(unlabelled).toBe(3);
});

test('one history gives one file, to the byte, ordered by instant and id', async () => {
  const loop = await openLoop();
  const { store, clock, directory } = loop;
  for (let i = 0; i < 50; i += 1) {
    clock.now += 7 * MINUTE;
    const visit = `v${(i * 17) % 50}`;
    await send(store, visits, { visit, at: clock.now, user: i % 2 === 0 ? 'ann' : 'bob', basket: i });
    clock.now += 1;
    await send(store, purchases, { line: `l${i}`, at: clock.now - 1, user: 'ann', visit, price: i, item: 'x' });
  }
  const digests = new Set<string>();
  for (const name of ['one', 'two']) {
    const path = join(directory, `${name}.parquet`);
    const summary = await store.writeTrainingSet(buys, { from: null, to: null }, { mode: 'corrected', path });
    expect(summary).toEqual({ path, rows: 50, unlabelled: 0, pending: 0, assumed: 0, cuts: 0, uniform: [] });
    digests.add(createHash('sha256').update(readFileSync(path)).digest('hex'));
    const found: unknown[] = [];
    for await (const rows of loop.offline.query(`SELECT _id, _at, basket, _label FROM read_parquet('${path}')`))
      found.push(...rows);
    const wanted = Array.from({ length: 50 }, (_, i) => [
      `v${(i * 17) % 50}`,
      BigInt(START + (i + 1) * 7 * MINUTE + i),
      BigInt(i),
      i > 20 ? 1 : 0,
    ]);
    expect(found).toEqual(wanted);
  }
  expect(digests.size).toBe(1);
});

test('a spine is joined in slices of time, and the rows are the same in the same order', async () => {
  const { store, clock, offline } = await openLoop();
  const random = seededRandom(11);
  const users = ['ann', 'bob', 'eve'];
  for (let i = 0; i < 300; i += 1) {
    clock.now += randomBelow(random, 20 * MINUTE) + 1;
    const visit = `v${i}`;
    await send(store, visits, { visit, at: clock.now, user: users[randomBelow(random, 3)], basket: i });
    const bought = {
      at: clock.now,
      user: users[randomBelow(random, 3)],
      visit,
      price: randomBelow(random, 40),
      item: 'x',
    };
    await send(store, purchases, { line: `l${i}`, ...bought });
  }
  await store.flush();
  const options = {
    model: rushes,
    offline,
    engine: null,
    between: { from: START + HOUR, to: null },
    now: Number.POSITIVE_INFINITY,
    mode: 'as-known',
    onComputeError: (_: unknown, error: unknown) => {
      throw error;
    },
  } as const;
  const rowsBy = async (sliceRows: number) => {
    const rows: LabelledRow[] = [];
    for await (const batch of trainingRows({ ...options, sliceRows }, () => undefined)) rows.push(...batch);
    return rows;
  };
  const spine = `SELECT "at" AS _at FROM ${offline.relation(rawTable(visits))}`;
  const slices = await timeSlices(rushes.service, offline, spine, 20);
  expect(slices).toHaveLength(15);
  for (const [i, { from }] of slices.slice(1).entries()) expect(from).toBe(slices[i].to);
  // The features reach two hours and a hop back.
  const [least] = await timeSlices(rushes.service, offline, spine, 1);
  expect(least.to - least.from).toBeGreaterThanOrEqual(2 * HOUR + 5 * MINUTE);
  const whole = await rowsBy(1e9);
  expect(whole.length).toBeGreaterThan(200);
  expect(await rowsBy(20)).toEqual(whole);
  expect(await timeSlices(buys.service, offline, spine, 20)).toHaveLength(1);
});

function shown(values: readonly Value[]): string {
  return values.map(String).join('|');
}
