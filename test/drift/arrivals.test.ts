import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryIncidents } from '../../src/backends/memory/incidents.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { openMonitor } from '../../src/compose/open-monitor.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import { playbookPlan } from '../../src/features/define/playbook.ts';
import { reportFindings } from '../../src/findings/incidents-of-findings.ts';
import { judgeMonitor, type MonitorStatus, monitorsOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { newMonitorMemory } from '../../src/monitoring/monitor/monitor-memory.ts';
import { answerFaults } from '../../src/playbook/answer-faults.ts';
import { seenMonitors } from '../../src/playbook/seen-monitors.ts';
import { NO_STATE, type Stopped } from '../../src/playbook/state.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { asked, came, service } from '../models/small-project.ts';

const HOUR_MS = 3_600_000;
const WINDOW_MS = 6 * HOUR_MS;
const DAY = 4;
/** A Monday. */
const START = Date.UTC(2026, 0, 5);

const watched = model('watched', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression', categorical: ['category'] } },
  monitors: [{ kind: 'featureDrift', window: '6h' }],
});
const project = defineProject('arrivals', { asked, came, service, watched });
const directory = mkdtempSync(join(tmpdir(), 'headrace-arrivals-'));
const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);
const random = seededRandom(11);
const request = () => ({
  name: `n${Math.floor(random() * 5)}`,
  number: random(),
  gaps: random(),
  category: Math.floor(random() * 5),
});

/** Windows since the start: five weeks are usual, and what comes then is not. */
const NOW = 5 * 7 * DAY;
const GAP = NOW + 1;
const HALF = NOW + 2;
const BACK = NOW + 3;
const LATE = NOW + 4;
const MORE = NOW + 5;
const SATURDAY = NOW + 5 * DAY;

function rowsOf(window: number): number {
  if (window === GAP) return 0;
  if (window === HALF) return 40;
  if (window === MORE) return 500;
  return Math.floor(window / DAY) % 7 >= 5 ? 30 : 80;
}

function requestsOf(window: number): number {
  if (window === MORE) return 500;
  return window === BACK ? 20 : 60;
}

beforeAll(async () => {
  let now = START;
  const headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  for (let window = 0; window <= SATURDAY; window += 1) {
    now = START + window * WINDOW_MS + HOUR_MS;
    const at = window === LATE ? now - 3 * 24 * HOUR_MS : now;
    const rows = Array.from({ length: rowsOf(window) }, (_, i) => ({ id: `a${window}-${i}`, at, ...request() }));
    await headrace.ingest(asked, rows);
    const labels = rows.map(({ id }, i) => ({ id: `c${id}`, at, asked: id, good: (window + i) % 2 === 0 }));
    if (window < 4) await headrace.ingest(came, labels);
    if (window === 4) await headrace.train(watched, { to: now });
    if (window === 4) await headrace.promote(watched, 1);
    // Requests continue whatever the source does, but for the half of a day.
    if (window >= 4) {
      const vectors = Array.from({ length: requestsOf(window) }, (_, i) => ({
        id: `p${window}-${i}`,
        request: request(),
      }));
      await headrace.predictMany(watched, vectors);
    }
  }
  now = START + (SATURDAY + 2) * WINDOW_MS;
  await headrace.flush();
  await headrace.close();
}, 120_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Judged right after each of the windows, in a process that continues. */
async function judgedUntil(windows: readonly number[]): Promise<readonly MonitorStatus[]> {
  const stores = await openMonitor(project, environment);
  const history = await stores.history();
  const [one] = await stores.watched();
  const [monitor] = monitorsOf(watched);
  const memory = newMonitorMemory();
  const statuses: MonitorStatus[] = [];
  try {
    for (const window of windows) {
      const to = START + (window + 1) * WINDOW_MS;
      const spans = [{ from: to - WINDOW_MS, to }];
      statuses.push(await judgeMonitor(one, monitor, history, spans, { now: to + 2 * HOUR_MS, memory }));
    }
    return statuses;
  } finally {
    await history.close();
    await stores.close();
  }
}

const arrived = ({ windows }: MonitorStatus, source: string) =>
  Object.fromEntries(
    (windows.at(-1)?.arrivals ?? []).filter((one) => one.source === source).map(({ kind, state }) => [kind, state]),
  );

test('a gap, half of the volume and a late burst of a source are one fault each; a week-end, growth and a start are none', async () => {
  const [first, quiet, gap, half, back, late, more, saturday] = await judgedUntil([
    6,
    NOW,
    GAP,
    HALF,
    BACK,
    LATE,
    MORE,
    SATURDAY,
  ]);
  expect(arrived(first, 'asked')).toEqual({ volume: 'insufficient', late: 'ok' });
  for (const one of [quiet, back, more, saturday]) expect(arrived(one, 'asked')).toEqual({ volume: 'ok', late: 'ok' });
  expect(arrived(gap, 'asked')).toEqual({ volume: 'fault', late: 'insufficient' });
  expect(arrived(half, 'asked')).toEqual({ volume: 'fault', late: 'ok' });
  expect(arrived(late, 'asked')).toEqual({ volume: 'ok', late: 'fault' });
  for (const one of [gap, half, late]) expect(one.state).toBe('fault');
  const faults = gap.windows.at(-1)?.faults.filter(({ source }) => source === 'asked');
  expect(faults).toMatchObject([{ kind: 'volume', columns: ['by_asked_1h'] }]);
  expect(gap.reason).toContain('asked: 0 came, usually 80 in the same hours of the week');
});

test('requests that stay out have their own incident, and leave the features as they are', async () => {
  const port = new MemoryIncidents();
  const active: string[][] = [];
  const statuses = await judgedUntil([GAP, BACK, LATE]);
  for (const one of statuses) {
    const to = one.windows.at(-1)?.to ?? 0;
    await reportFindings([watched], { at: to, monitors: [one], failed: [] }, port);
    active.push(port.active().map(({ fingerprint }) => fingerprint));
  }
  expect(statuses.map((one) => arrived(one, 'requests').volume)).toEqual(['ok', 'fault', 'ok']);
  expect(active[1]).toContain('watched/qualityFault/requests+volume');
  expect(active[2]).not.toContain('watched/qualityFault/requests+volume');
  expect(statuses[1].windows.at(-1)?.faults.filter(({ source }) => source !== undefined)).toEqual([]);
});

test('a source has one incident, which ends when its rows come again', async () => {
  const port = new MemoryIncidents();
  const active: string[][] = [];
  for (const one of await judgedUntil([NOW, GAP, HALF, BACK, LATE, SATURDAY])) {
    const to = one.windows.at(-1)?.to ?? 0;
    await reportFindings([watched], { at: to, monitors: [one], failed: [] }, port);
    active.push(
      port
        .active()
        .map(({ fingerprint }) => fingerprint)
        .filter((name) => name.includes('asked')),
    );
  }
  const volume = ['watched/qualityFault/asked+volume'];
  expect(active).toEqual([[], volume, volume, [], ['watched/qualityFault/asked+late'], []]);
});

test('what may not be published yet is not judged', async () => {
  const stores = await openMonitor(project, environment);
  const history = await stores.history();
  const [one] = await stores.watched();
  const [monitor] = monitorsOf(watched);
  const from = START + (SATURDAY + 1) * WINDOW_MS;
  const spans = [{ from, to: from + WINDOW_MS }];
  try {
    const soon = await judgeMonitor(one, monitor, history, spans, { now: from + WINDOW_MS + 1 });
    const later = await judgeMonitor(one, monitor, history, spans, { now: from + 2 * WINDOW_MS });
    expect(arrived(soon, 'asked').volume).toBe('insufficient');
    expect(arrived(later, 'asked').volume).toBe('fault');
  } finally {
    await history.close();
    await stores.close();
  }
});

test('the playbook stops the features of the source, and frees them when its rows come again', async () => {
  const plan = playbookPlan({ ...watched, playbook: { owner: 'risk', quality: { clear: 1 } } });
  if (plan === null) throw new Error('no plan');
  let stopped: readonly Stopped[] = [];
  const decided: string[][] = [];
  for (const one of await judgedUntil([NOW, GAP, MORE])) {
    const observed = {
      kind: 'observed',
      digest: '',
      champion: 1,
      monitors: seenMonitors([one]),
      rollout: null,
    } as const;
    const situation = {
      model: 'watched',
      plan,
      labelWithinMs: 1,
      state: { ...NO_STATE, stopped },
      observed,
      now: START,
    };
    const decisions = answerFaults(situation);
    decided.push(
      decisions.map(({ action, cause }) =>
        'features' in action ? `${action.do} ${action.features} ${cause}` : action.do,
      ),
    );
    for (const { action, cause } of decisions)
      if (action.do === 'stopFeatures')
        stopped = action.features.map((feature) => ({
          feature,
          from: action.from,
          to: null,
          cause,
          rows: action.rows ?? 'all',
          isDry: false,
        }));
  }
  const cause = 'watched/qualityFault/asked+volume';
  expect(decided[0]).toEqual([]);
  expect(decided[1]).toContain(`stopFeatures by_asked_1h ${cause}`);
  expect(decided[2]).toEqual([`releaseFeatures by_asked_1h ${cause}`]);
});
