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
import { compareWindow, monitorsOf, windowOf } from '../../src/monitoring/monitor/judge-windows.ts';
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
  compute: ({ yes, whole, price, tags, prices, taste, since }) => ({ yes, whole, price, tags, prices, taste, since }),
});
const typed = model('typed', {
  task: 'binary',
  service: types,
  spine: { from: asks, id: 'id' },
  label: { from: ends, id: 'ask', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const project = defineProject('types', { asks, ends, types, typed });

test('a quiet window of every type is like the training set; a time, which always moves, is not compared', async () => {
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
  // An hour in which one feature alone moves: the vectors of another encoder.
  for (let i = 0; i < 1000; i += 50) {
    now = START + 2 * HOUR_MS + i * 1000;
    await headrace.predictMany(
      typed,
      Array.from({ length: 50 }, (_, j) => ({ id: `m${i + j}`, request: { ...row(), taste: [random(), random()] } })),
    );
  }
  await headrace.flush();
  const stores = await openMonitor(project, environment);
  const [{ model: watched, reference }] = await stores.watched();
  const history = await stores.history();
  const span = { from: START + HOUR_MS, to: START + 2 * HOUR_MS };
  if (reference === null) throw new Error('no reference');
  const { faults, features } = await compareWindow(watched, reference, monitorsOf(watched)[0], history, span);
  const [first] = monitorsOf(watched);
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
  await history.close();
  await stores.close();
  await headrace.close();
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
