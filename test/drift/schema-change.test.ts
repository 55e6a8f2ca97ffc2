import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openMonitor } from '../../src/compose/open-monitor.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  bool,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  lookup,
  model,
  streamView,
  count as tally,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { judgeMonitor, type MonitorWindow, monitorsOf, type Span } from '../../src/monitoring/monitor/judge-windows.ts';
import { openHeadrace } from '../../src/running/headrace.ts';

/** Requests by version of the service. */
const ROWS = { 1: 400, 2: 300 };
const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);
const directory = mkdtempSync(join(tmpdir(), 'headrace-schema-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const columns = { id: text(), at: time(), number: float(), kind: int(), name: text(), word: text() };
const asked = eventSource('asked', { id: 'id', time: 'at', columns });
const came = eventSource('came', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), good: bool() },
});

const byName = streamView('by_name', {
  source: asked,
  entity: entity('name', { name: text() }),
  key: { name: 'name' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ asked: tally() }),
});

/** The second version lacks a column, and has another one. */
const services = {
  1: featureService('shop', {
    request: { name: text(), number: float(), kind: int() },
    join: (r) => ({ by: lookup(byName, { name: r.name }) }),
    compute: ({ number, kind }) => ({ number, kind }),
  }),
  2: featureService('shop', {
    version: 2,
    request: { name: text(), kind: int(), word: text() },
    join: (r) => ({ by: lookup(byName, { name: r.name }) }),
    compute: ({ kind, word }) => ({ kind, word }),
  }),
};

function projectOf(version: 1 | 2) {
  const watched = model('watched', {
    task: 'binary',
    // The types of two declarations of one name differ.
    service: services[version] as unknown as (typeof services)[1],
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'boostedTrees', trees: 5, categorical: ['kind'] } },
    monitors: [{ kind: 'featureDrift' }, { kind: 'predictionDrift' }, { kind: 'conceptDrift' }],
  });
  return { watched, project: defineProject('schema', { asked, came, shop: services[version], watched }) };
}

const request = (version: 1 | 2, i: number) =>
  version === 1 ? { name: 'n', number: (i % 21) - 10, kind: i % 5 } : { name: 'n', kind: i % 5, word: `w${i % 3}` };

async function windowsOf(version: 1 | 2, spans: readonly Span[]): Promise<readonly MonitorWindow[]> {
  const { watched, project } = projectOf(version);
  const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);
  const stores = await openMonitor(project, environment);
  const history = await stores.history();
  try {
    const [one] = await stores.watched();
    const windows: MonitorWindow[] = [];
    for (const monitor of monitorsOf(watched))
      windows.push(...(await judgeMonitor(one, monitor, history, spans, { now: START + 9 * HOUR_MS })).windows);
    return windows;
  } finally {
    await history.close();
    await stores.close();
  }
}

/** Serves half of an hour by a version of the service; of a new model version if it trains first. */
async function serve(version: 1 | 2, at: number, trains: boolean): Promise<unknown> {
  let now = START + at * HOUR_MS;
  const { watched, project } = projectOf(version);
  const headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  try {
    const rows = Array.from({ length: 600 }, (_, i) => ({
      id: `t${at}-${i}`,
      at: now,
      name: 'n',
      number: (i % 21) - 10,
      kind: i % 5,
      word: `w${i % 3}`,
    }));
    await headrace.ingest(asked, rows);
    await headrace.ingest(
      came,
      rows.map(({ id, number }) => ({ id: `l${id}`, at: now + 1, asked: id, good: number > 0 })),
    );
    now += 60_000;
    if (trains) await headrace.promote(watched, (await headrace.train(watched, { to: now })).version);
    const asks = Array.from({ length: ROWS[version] }, (_, i) => ({ id: `p${at}-${i}`, request: request(version, i) }));
    const answered = await headrace.predictMany(watched, asks as never).catch((error: unknown) => error);
    await headrace.flush();
    return answered;
  } finally {
    await headrace.close();
  }
}

test('a service that changes its columns inside a window has a defined output before and after the new training', async () => {
  const spans = [{ from: START, to: START + HOUR_MS }];
  expect(await serve(1, 0, true)).toHaveLength(ROWS[1]);
  // The champion reads a column that the service lacks now.
  expect(await serve(2, 0.25, false)).toMatchObject({ code: 'MODEL_SIGNATURE' });
  const [broken] = await windowsOf(2, spans);
  expect(broken).toMatchObject({ state: 'fault', faults: [{ kind: 'column', columns: ['number'] }] });
  expect(await serve(2, 0.5, true)).toHaveLength(ROWS[2]);
  const [features, scores, losses] = await windowsOf(2, spans);
  expect(features).toMatchObject({ rows: ROWS[2], faults: [] });
  // The answers of the previous version are no rows of this one.
  expect(losses.reason).toContain(`of ${ROWS[2]} predictions`);
  expect(scores.state).toBe('insufficient');
});
