import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import { judgeMonitor, type MonitorWindow, monitorsOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { asked, came, service } from '../models/small-project.ts';
import { openMonitor } from './open-monitor.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);

const watched = model('watched', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression', categorical: ['category'] } },
  monitors: [
    { kind: 'featureDrift', features: ['number'], window: '6h' },
    { kind: 'predictionDrift', window: '6h' },
  ],
});
const project = defineProject('watch', { asked, came, service, watched });

test('windows of a monitor, of features and of scores, are compared with the same hours: nights are like nights', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-seasonal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const random = seededRandom(5);
  const isNight = (at: number) => Math.floor(at / HOUR_MS) % 24 < 6;
  const requestOf = (at: number, shift = 0) => ({
    name: `n${Math.floor(random() * 5)}`,
    number: (isNight(at) ? 4 : 0) + shift + randomNormal(random),
    gaps: random(),
    category: Math.floor(random() * 5),
  });
  let now = START;
  const headrace = await openHeadrace({ project, environment: { directory, sampleRate: 0 }, clock: () => now });
  // Three days of training rows, 150 an hour.
  for (let hour = 0; hour < 72; hour += 1) {
    now = START + hour * HOUR_MS;
    const rows = Array.from({ length: 150 }, (_, i) => ({ id: `t${hour}-${i}`, at: now + i, ...requestOf(now) }));
    await headrace.ingest(asked, rows);
    const labels = rows.map(({ id, at, number }) => ({
      id: `c${id}`,
      at,
      asked: id,
      good: random() < 1 / (1 + Math.exp(-number)),
    }));
    await headrace.ingest(came, labels);
  }
  const served = START + 96 * HOUR_MS;
  now = served;
  await headrace.train(watched, { to: START + 72 * HOUR_MS });
  await headrace.promote(watched, 1);
  // Sixty hours of first answers, a night and a morning as usual, a day whose rows are those of nights.
  for (let hour = 0; hour < 84; hour += 1)
    for (let part = 0; part < 3; part += 1) {
      now = served + hour * HOUR_MS + part * 1_000;
      const shift = hour >= 78 ? 4 : 0;
      const batch = Array.from({ length: 20 }, (_, i) => ({
        id: `p${hour}-${part}-${i}`,
        request: requestOf(now, shift),
      }));
      await headrace.predictMany(watched, batch);
    }
  now = served + 84 * HOUR_MS;
  await headrace.close();
  const stores = await openMonitor(project, resolveEnvironment('local', { directory }, project.name));
  const history = await stores.history();
  const [one] = await stores.watched();
  expect(one.reference?.seasonal?.cells.reduce((sum, { rows }) => sum + rows, 0)).toBe(72 * 150);
  const spans = [60, 66, 72, 78].map((hour) => ({ from: served + hour * HOUR_MS, to: served + (hour + 6) * HOUR_MS }));
  const [features, predictions] = monitorsOf(watched);
  const judged = async (of: typeof features): Promise<readonly MonitorWindow[]> =>
    (await judgeMonitor(one, of, history, spans, { now })).windows;
  for (const windows of [await judged(features), await judged(predictions)]) {
    // By hour: from 12, from 18, the night, the morning that is like a night.
    expect(windows.map(({ state, rows }) => [state, rows])).toEqual([
      ['ok', 360],
      ['ok', 360],
      ['ok', 360],
      ['drift', 360],
    ]);
    expect(windows.map(({ season }) => season?.of)).toEqual(['day', 'day', 'day', 'day']);
  }
  const [status] = await Promise.all([judgeMonitor({ ...one, reference: null }, features, history, spans, { now })]);
  expect(status.state).toBe('unwatched');
  // A reference of the first format has no hours. Its chunks lie as far apart as nights and days, so it finds nothing; the window says so.
  const reference = one.reference === null ? null : { createdAt: START, chunks: one.reference.chunks, seasonal: null };
  const first = { ...one, reference };
  const old = (await judgeMonitor(first, features, history, spans, { now })).windows;
  const season = { of: 'none', reason: 'the reference has no counts by hour' };
  expect(old.map((window) => [window.state, window.season])).toEqual(Array(4).fill(['ok', season]));
  await history.close();
  await stores.close();
}, 120_000);
