import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  bool,
  count,
  decimal,
  defineProject,
  embedding,
  entity,
  eventSource,
  featureService,
  int64,
  list,
  lookup,
  model,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { resolveMonitor } from '../../src/features/define/monitor.ts';
import { compareWindow } from '../../src/monitoring/monitor/compare-window.ts';
import { judgeMonitor, monitorsOf, windowOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { openMonitor } from './open-monitor.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const directory = mkdtempSync(join(tmpdir(), 'headrace-window-types-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const request = {
  yes: nullable(bool()),
  whole: int64(),
  price: decimal(2),
  tags: list(text()),
  prices: list(decimal(2)),
  taste: embedding(2),
  since: time(),
  until: nullable(time()),
  joined: nullable(text()),
};
const asks = eventSource('asks', { id: 'id', time: 'at', columns: { id: text(), at: time(), ...request } });
const ends = eventSource('ends', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), ask: text(), good: bool() },
});
const byWhole = streamView('by_whole', {
  source: asks,
  entity: entity('whole', { whole: int64() }),
  key: { whole: 'whole' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ asks: count() }),
});
const types = featureService('types', {
  request,
  join: (r) => ({ by: lookup(byWhole, { whole: r.whole }) }),
  compute: ({ yes, whole, price, tags, prices, taste, since, until, joined }) => ({
    ...{ yes, whole, price, tags, prices, taste },
    ...{ since, until, joined },
  }),
});
const typed = model('typed', {
  task: 'binary',
  service: types,
  spine: { from: asks, id: 'id' },
  label: { from: ends, id: 'ask', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const project = defineProject('types', { asks, ends, types, typed });

/** A day of two years. */
function dayOf(day: number): string {
  return new Date(START + day * 24 * HOUR_MS).toISOString().slice(0, 10);
}

test('a quiet window of every type is like the training set; dates, which always move, are looked at for missing and odd ones alone', async () => {
  const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);
  const random = seededRandom(5);
  let now = START;
  const headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  const row = () => ({
    yes: random() < 0.1 ? null : random() < 0.5,
    whole: BigInt(Math.floor(random() * 1000)),
    price: (random() * 90).toFixed(2),
    tags: random() < 0.5 ? ['new', 'red, blue'] : ["it's"],
    prices: random() < 0.5 ? ['1.50', '2.25'] : [],
    taste: [Math.floor(random() * 2), 0.5],
    since: now,
    until: random() < 0.05 ? null : now + Math.floor(random() * 1e9),
    joined: dayOf(Math.floor(random() * 600)),
  });
  for (let i = 0; i < 2000; i += 100) {
    now = START + i * 100;
    const rows = Array.from({ length: 100 }, (_, j) => ({ id: `t${i + j}`, at: now + j, ...row() }));
    await headrace.ingest(asks, rows);
    await headrace.ingest(
      ends,
      rows.map(({ id, at }) => ({ id: `e${id}`, at: at + 1, ask: id, good: random() < 0.5 })),
    );
  }
  now = START + HOUR_MS;
  await headrace.train(typed, { to: now });
  await headrace.promote(typed, 1);
  for (let i = 0; i < 1000; i += 50) {
    now = START + HOUR_MS + i * 1000;
    await headrace.predictMany(
      typed,
      Array.from({ length: 50 }, (_, j) => ({ id: `p${i + j}`, request: row() })),
    );
  }
  // Hours in which one feature alone moves: the vectors of another encoder, and then dates that lack, are none, or are written otherwise.
  const hours: readonly (() => Partial<ReturnType<typeof row>>)[] = [
    () => ({ taste: [random(), random()] }),
    () => ({ until: random() < 0.6 ? null : now }),
    () => ({ until: random() < 0.5 ? 0 : now }),
    () => (random() < 0.5 ? { joined: 'unknown' } : {}),
    () => ({
      joined: dayOf(Math.floor(random() * 600))
        .split('-')
        .toReversed()
        .join('.'),
    }),
  ];
  for (const [hour, change] of hours.entries())
    for (let i = 0; i < 1000; i += 50) {
      now = START + (hour + 2) * HOUR_MS + i * 1000;
      const batch = Array.from({ length: 50 }, (_, j) => ({
        id: `h${hour}-${i + j}`,
        request: { ...row(), ...change() },
      }));
      await headrace.predictMany(typed, batch);
    }
  await headrace.flush();
  const stores = await openMonitor(project, environment);
  const [{ model: watched, reference }] = await stores.watched();
  const history = await stores.history();
  const span = { from: START + HOUR_MS, to: START + 2 * HOUR_MS };
  if (reference === null) throw new Error('no reference');
  const [first] = monitorsOf(watched);
  const { faults, features, excluded } = await compareWindow(watched, reference, first, history, span);
  const moved = { from: span.to, to: span.to + HOUR_MS };
  const later = await compareWindow(watched, reference, first, history, moved);
  // A feature that lacks rows is named next to those that do not.
  const few = { from: span.from, to: span.from + 400_000 };
  const quiet = await compareWindow(watched, reference, { ...first, features: ['taste', 'price'] }, history, few);
  const lacking = quiet.features.map((one) =>
    one.name === 'taste' ? { ...one, state: 'insufficient' as const, reason: '20 vectors, 300 are needed' } : one,
  );
  const { state, reason } = windowOf(few, { ...quiet, features: lacking }, null);
  expect([state, reason]).toEqual(['ok', 'nothing moved; not judged: taste (20 vectors, 300 are needed)']);
  const found: string[][] = [];
  for (let hour = 1; hour < hours.length; hour += 1) {
    const [from, to] = [START + (hour + 2) * HOUR_MS, START + (hour + 3) * HOUR_MS];
    const { faults: own } = await compareWindow(watched, reference, first, history, { from, to });
    found.push(own.map(({ kind, columns, text: says }) => `${kind} ${columns.join()}: ${says}`));
  }
  const named = { ...first, features: ['price', 'joined'] };
  const judged = await judgeMonitor({ model: watched, version: 1, reference }, named, history, [span], { now });
  await history.close();
  await stores.close();
  await headrace.close();
  expect(found).toEqual([
    [expect.stringMatching(/^missing until: missing in (5[4-9]|6\d)\.?\d* % of rows/)],
    [expect.stringMatching(/^format until: .* % of dates stand for none/)],
    [expect.stringMatching(/^format joined: .* % of values are no dates, as "unknown"/)],
    [expect.stringMatching(/^format joined: 100 % of dates are written otherwise/)],
  ]);
  const isDates = expect.stringContaining('it holds dates');
  expect(excluded).toEqual(['since', 'until', 'joined'].map((one) => ({ name: one, reason: isDates })));
  // Each feature that the monitor does not compare is in its status with a reason.
  expect(judged.windows[0].excluded).toEqual(
    expect.arrayContaining([
      { name: 'joined', reason: isDates },
      { name: 'taste', reason: 'the monitor does not name it' },
    ]),
  );
  expect(later.features.filter(({ name, state }) => state === 'drift' && !name.startsWith('by_'))).toMatchObject([
    { name: 'taste', kind: 'embedding', evidence: { test: 'mmd' }, vectors: { components: 2, compared: [2000, 1000] } },
  ]);
  expect(faults).toEqual([]);
  expect(
    Object.fromEntries(features.flatMap(({ name, state }) => (name.startsWith('by_') ? [] : [[name, state]]))),
  ).toEqual({
    yes: 'ok',
    whole: 'ok',
    price: 'ok',
    tags: 'ok',
    prices: 'ok',
    taste: 'ok',
  });
  expect(features.find(({ name }) => name === 'tags')?.rows).toEqual({ reference: 2000, current: 1000 });
});

test('a monitor of a time is refused', () => {
  const { name, task } = typed;
  const monitor = { kind: 'featureDrift', features: ['price', 'since'] };
  expect(() => resolveMonitor({ name, task, service: types }, monitor)).toThrow('is a time, which differs');
});
