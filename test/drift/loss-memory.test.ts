import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { judgeModel } from '../../src/monitoring/monitor/judge-windows.ts';
import { type MonitorMemory, newMonitorMemory } from '../../src/monitoring/monitor/monitor-memory.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { WatchedRun, watchedProject } from '../playbook/watched-project.ts';
import { openMonitor } from './open-monitor.ts';

const HOUR_MS = 3_600_000;
const directory = mkdtempSync(join(tmpdir(), 'headrace-loss-memory-'));
const { watched, project } = watchedProject({ retrain: false });
const environment = resolveEnvironment('local', { directory, sampleRate: 1 }, project.name);
const only = [{ kind: 'conceptDrift', k: 1, of: 3 }];
let run: WatchedRun;

beforeAll(async () => {
  run = await WatchedRun.open(directory, { watched, project });
  await run.firstChampion();
}, 300_000);

afterAll(async () => {
  await run.headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A history that counts the rows that are read from it. */
function counting(history: OfflineStore): { readonly history: OfflineStore; rows(): number } {
  let rows = 0;
  const query = async function* (sql: string) {
    for await (const batch of history.query(sql)) {
      rows += batch.length;
      yield batch;
    }
  };
  const counted = new Proxy(history, {
    get: (target, name) => {
      if (name === 'query') return query;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { history: counted, rows: () => rows };
}

async function judged(memory: MonitorMemory | null) {
  await run.headrace.flush();
  const stores = await openMonitor(project, environment);
  const [one] = await stores.watched();
  const opened = await stores.history();
  const { history, rows } = counting(opened);
  try {
    const statuses = await judgeModel({ ...one, model: { ...one.model, monitors: only } }, history, run.now, memory);
    return { statuses, rows: rows() };
  } finally {
    await opened.close();
    await stores.close();
  }
}

test('a monitor with a memory finds the same, and the rows that it reads do not grow with the age of the version', async () => {
  const memory = newMonitorMemory();
  const reads: number[] = [];
  let fresh = 0;
  for (let at = 1; at <= 11; at += 1) {
    await run.traffic(at, { turned: at >= 9 });
    if (at < 5) continue;
    const known = await judged(memory);
    reads.push(known.rows);
    if (at % 3 !== 2) continue;
    const again = await judged(null);
    expect(known.statuses).toEqual(again.statuses);
    fresh = again.rows;
  }
  expect(fresh).toBeGreaterThan(11 * 400);
  // The label's hour and that of its source's lateness, three windows and the hour that is under way.
  expect(Math.max(...reads.slice(1))).toBeLessThanOrEqual(6 * 400 + 10);
  expect((await judged(memory)).statuses[0].state).toBe('drift');
}, 600_000);

test('predictions that come late, and another version, are read again from the begin', async () => {
  const memory = newMonitorMemory();
  await judged(memory);
  const before = (await judged(memory)).rows;
  const { now } = run;
  // A server that was cut off: its answers of long ago are published now.
  run.now = now - 8 * HOUR_MS;
  const request = { name: 'n1', number: 1, gaps: null, category: 1 };
  await run.headrace.predictMany(watched, [{ id: 'late', request }]);
  run.now = now;
  const [known, fresh] = [await judged(memory), await judged(null)];
  expect(known.statuses).toEqual(fresh.statuses);
  expect(known.rows).toBeGreaterThan(before + 400);
  expect((await judged(memory)).rows).toBeLessThan(known.rows);
}, 600_000);
