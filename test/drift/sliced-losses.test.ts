import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { resolveMonitor } from '../../src/features/define/monitor.ts';
import { reportFindings } from '../../src/findings/incidents-of-findings.ts';
import { judgeModel, type MonitorStatus } from '../../src/monitoring/monitor/judge-windows.ts';
import { type MonitorMemory, newMonitorMemory } from '../../src/monitoring/monitor/monitor-memory.ts';
import { MemoryIncidents } from '../memory/incidents.ts';
import { type Hour, WatchedRun, watchedProject } from '../playbook/watched-project.ts';
import { openMonitor } from './open-monitor.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-slices-'));
const { watched, project } = watchedProject({ retrain: false });
const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);
const CONCEPT = { kind: 'conceptDrift', window: '2h', k: 1, of: 3 };
let run: WatchedRun;

beforeAll(async () => {
  run = await WatchedRun.open(directory, { watched, project });
  await run.firstChampion();
}, 300_000);

afterAll(async () => {
  await run.headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

async function judged(monitor: object, memory: MonitorMemory | null = null): Promise<MonitorStatus> {
  await run.headrace.flush();
  const stores = await openMonitor(project, environment);
  const [one] = await stores.watched();
  const history = await stores.history();
  try {
    const model = { ...one.model, monitors: [{ ...CONCEPT, ...monitor }] };
    return (await judgeModel({ ...one, model }, history, run.now, memory))[0];
  } finally {
    await history.close();
    await stores.close();
  }
}

test('a loss that rises in one slice alone is found there, with a memory as without, and its incident has the slice', async () => {
  const memory = newMonitorMemory();
  const slices = { slices: ['category', 'name'] };
  // What category 2 loses, category 3 gains: all losses together stay as they are.
  const turnedIn = (slice: number): Hour => ({
    turned: ({ category, name }) => category === slice && ['n0', 'n1', 'n2'].includes(name),
  });
  for (let at = 1; at <= 13; at += 1) {
    await run.traffic(at, turnedIn(at > 9 ? 2 : 3));
    if (at % 2 === 1) expect(await judged(slices, memory)).toEqual(await judged(slices));
    if (at === 9) expect((await judged(slices)).state).toBe('ok');
  }
  expect((await judged({})).state).toBe('ok');
  const status = await judged(slices, memory);
  expect(status.state).toBe('drift');
  const drifting = status.windows.filter(({ state }) => state === 'drift');
  expect(new Set(drifting.map(({ slice }) => slice))).toEqual(new Set(['category=2']));
  expect(drifting.at(-1)?.drifted).toContain('brier in category=2');
  expect(drifting.at(-1)?.reason).toMatch(/^in category=2 brier 0\.\d+; a rise at 2026-01-05T/);
  const port = new MemoryIncidents();
  await reportFindings([watched], { at: run.now, monitors: [status], failed: [] }, port);
  expect(port.active()).toMatchObject([
    { kind: 'conceptDrift', slice: 'category=2', summary: 'the realised brier rose in category=2' },
  ]);
  // Where all losses had risen before, a slice that stays high is the same incident.
  const later = new MemoryIncidents();
  const rest = drifting.map(({ slice: _, ...window }) => window);
  for (const windows of [rest, status.windows])
    await reportFindings([watched], { at: run.now, monitors: [{ ...status, windows }], failed: [] }, later);
  expect(later.active()).toMatchObject([{ kind: 'conceptDrift', slice: null }]);
}, 600_000);

test('slices are values of texts, whole numbers and booleans', () => {
  const refused = (slices: unknown) => () => resolveMonitor(watched, { ...CONCEPT, slices });
  expect(refused(['number'])).toThrow('in slices is of type float');
  expect(refused(['nothing'])).toThrow('in slices is no feature');
  expect(() => resolveMonitor(watched, { kind: 'featureDrift', slices: ['category'] })).toThrow('has no option');
});
