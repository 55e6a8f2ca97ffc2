import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { acquireLock } from '../../src/backends/embedded/lock.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { addNumber, createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { encodeProfile } from '../../src/monitoring/profile/profile-bytes.ts';
import { type ProfileRow, profileCells } from '../../src/monitoring/served/profile-row.ts';
import { profileTable } from '../../src/monitoring/served/profile-table.ts';
import {
  type ProfiledWindow,
  type ProfileSpan,
  readWindow,
  WindowMerge,
} from '../../src/monitoring/served/read-window.ts';
import { UnsentCounts } from '../../src/monitoring/served/unsent-counts.ts';
import type { OfflineTable, OfflineValue } from '../../src/ports/offline-store.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { childEnv } from '../child-env.ts';
import { openMonitor } from '../drift/open-monitor.ts';
import { killProcess } from '../kill-process.ts';
import { service } from '../models/small-project.ts';
import { until } from '../until.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const SERVING = fileURLToPath(new URL('./serving-process.ts', import.meta.url));
const project = defineProject('served', { service });

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-served-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function windowOf(directory: string, span: ProfileSpan): Promise<ProfiledWindow | null> {
  const stores = await openMonitor(project, resolveEnvironment('local', { directory }, project.name));
  const history = await stores.history();
  try {
    return await readWindow(history, service, null, span);
  } finally {
    await history.close();
    await stores.close();
  }
}

const request = (i: number) => ({ name: `n${i % 5}`, number: i, gaps: i % 10 === 0 ? null : i / 7, category: i % 4 });

test('every served vector is in a profile of its interval, however few are logged, over a restart too', async () => {
  const directory = newDirectory();
  let now = START;
  for (const run of [0, 1]) {
    const headrace = await openHeadrace({ project, environment: { directory, sampleRate: 0 }, clock: () => now });
    for (let i = 0; i < 90; i += 1) {
      now = START + run * 90_000 + i * 1_000;
      await headrace.vector(service, request(i));
    }
    expect(headrace.status().profiles).toEqual({ on: true, served: 90, unprofiled: 0, lostRows: 0 });
    await headrace.close();
  }
  const whole = await windowOf(directory, { from: START, to: START + 3 * MINUTE_MS });
  expect(whole).toMatchObject({ served: 180, profiled: 180, processes: 2 });
  const columns = whole?.profile.columns;
  expect([...(columns?.keys() ?? [])]).toEqual(['by_asked_1h', 'category', 'gaps', 'name', 'number']);
  expect(columns?.get('gaps')).toMatchObject({ rows: 180, missing: 18 });
  expect(Object.fromEntries(columns?.get('name')?.frequent?.counts ?? [])).toMatchObject({ n0: 36, n4: 36 });
  const minutes = await Promise.all(
    [0, 1, 2].map((m) => windowOf(directory, { from: START + m * MINUTE_MS, to: START + (m + 1) * MINUTE_MS })),
  );
  expect(minutes.map((one) => one?.served)).toEqual([60, 60, 60]);
  expect(await windowOf(directory, { from: START + 9 * MINUTE_MS, to: START + 10 * MINUTE_MS })).toBeNull();
  expect(await windowOf(directory, { from: START, to: START + 3 * MINUTE_MS, host: 'another' })).toBeNull();
});

test('a window with more rows than one query sorts is read in parts, and is the same', async () => {
  const offline = await openOfflineStore({
    path: join(newDirectory(), 'offline'),
    access: 'write',
    clock: () => START,
  });
  onTestFinished(() => offline.close());
  const hours = 12;
  const random = seededRandom(11);
  const rows: ProfileRow[] = [];
  for (let i = 0; i < 24_000; i += 1) {
    const begins = START + Math.floor((i * hours) / 24_000) * 60 * MINUTE_MS + Math.floor(random() * 60) * MINUTE_MS;
    const sketch = createColumnSketch('number', null, i);
    addNumber(sketch, random());
    const isCount = i % 2 === 0;
    rows.push({
      service: 'small@1',
      host: 'h',
      process: `p${i % 3}`,
      begins,
      ends: begins + MINUTE_MS,
      feature: isCount ? '' : 'number',
      served: isCount ? 1 : 0,
      rows: i,
      texts: [],
      profile: isCount ? null : encodeProfile({ rows: 1, columns: new Map([['number', sketch]]) }),
    });
  }
  const table = profileTable(service);
  const columns: OfflineValue[][] = Object.keys(table.columns).map(() => []);
  for (const row of rows) for (const [c, cell] of profileCells(row).entries()) columns[c].push(cell);
  await offline.publish({ writer: 'w', position: {}, mode: 'append', tables: [{ table, rows: rows.length, columns }] });
  const sizes: number[] = [];
  const history = {
    relation: (of: OfflineTable) => offline.relation(of),
    async *query(sql: string) {
      sizes.push(0);
      for await (const batch of offline.query(sql)) {
        sizes[sizes.length - 1] += batch.length;
        yield batch;
      }
    },
  };
  const span = { from: START + 30 * MINUTE_MS, to: START + hours * 60 * MINUTE_MS - 30 * MINUTE_MS };
  const window = await readWindow(history, service, null, span);
  const wanted = new WindowMerge(null);
  const order = ({ begins, process, feature, rows: count }: ProfileRow) =>
    `${begins} ${process} ${feature.padEnd(9)} ${String(count).padStart(9, '0')}`;
  const ordered = [...rows].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  for (const { begins, process, feature, served, rows: count, profile } of ordered) {
    if (begins < span.from || begins >= span.to) continue;
    if (profile === null) wanted.count(process, served, count, begins);
    else wanted.add(feature, profile);
  }
  const plain = (of: ProfiledWindow | null) => of && { ...of, profile: encodeProfile(of.profile) };
  expect(plain(window)).toEqual(plain(wanted.result()));
  expect(sizes.length).toBe(3);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000);
});

test('profiles that are off cost nothing and say so', async () => {
  const directory = newDirectory();
  const headrace = await openHeadrace({
    project,
    environment: { directory, profiles: { on: false } },
    clock: () => START,
  });
  await headrace.vector(service, request(1));
  expect(headrace.status().profiles).toMatchObject({ on: false, served: 0 });
  await headrace.close();
  expect(await windowOf(directory, { from: START, to: START + MINUTE_MS })).toBeNull();
});

test('a killed process loses the rows that have not left it, and the window says how many vectors', async () => {
  const directory = newDirectory();
  const args = ['--conditions=headrace-source', SERVING, directory, '300', '120'];
  const child = spawn(process.execPath, args, { env: childEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  const noted = () => {
    const folder = join(directory, 'unsent-profiles');
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.json'));
    return readFileSync(join(folder, file), 'utf8').includes('"vectors":120');
  };
  await killProcess(child, { lines: 1, first: () => until(noted) });
  const before = await windowOf(directory, { from: START, to: START + MINUTE_MS });
  expect(before).toMatchObject({ served: 300, profiled: 300 });
  // The next process of the directory finds the counts.
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => START + MINUTE_MS });
  await headrace.close();
  const after = await windowOf(directory, { from: START, to: START + MINUTE_MS });
  expect(after).toMatchObject({ served: 420, profiled: 300, processes: 1 });
  expect(after?.profile.columns.get('number')?.rows).toBe(300);
  expect(readdirSync(join(directory, 'unsent-profiles'))).toEqual([]);
});

test('counts of a dead process are taken once, in their first format too; those of a living one are left alone', () => {
  const directory = newDirectory();
  const folder = join(directory, 'unsent-profiles');
  mkdirSync(folder);
  copyFileSync(new URL('./formats/unsent-1.json', import.meta.url), join(folder, 'dead.json'));
  const open = (process: string) => UnsentCounts.open({ directory, host: 'h', process, lock: acquireLock });
  const [first, second] = [open('first'), open('second')];
  first.note([{ service: 'small@1', at: START, vectors: 3 }]);
  const counts = [{ service: 'small@1', at: START + 61_000, vectors: 7 }];
  expect(second.takeLost()).toMatchObject([{ host: 'h', process: 'dead', counts }]);
  expect(first.takeLost()).toEqual([]);
  expect(second.takeLost()).toEqual([]);
  first.close();
  second.close();
});

test('a forgotten key is in no profile of history and log; other rows stay', async () => {
  const directory = newDirectory();
  const now = START;
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => now });
  for (const [i, name] of ['eve-3f81c2', 'ann', 'ann'].entries())
    await headrace.vector(service, { ...request(i), name });
  await headrace.flush();
  const report = await headrace.forget('name', { name: 'eve-3f81c2' });
  expect(report.stores.filter(({ name }) => name.includes('profiles'))).toEqual([
    { store: 'log', name: 'served-profiles@1', before: 1, after: 0 },
    { store: 'history', name: 'profiles/small@1', before: 1, after: 0 },
  ]);
  await headrace.close();
  const held = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(log|parquet)$/.test(entry.name))
    .filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes('eve-3f81c2'));
  expect(held).toEqual([]);
  const window = await windowOf(directory, { from: START, to: START + MINUTE_MS });
  expect(window).toMatchObject({ served: 3, profiled: 3 });
  expect([...(window?.profile.columns.keys() ?? [])]).not.toContain('name');
  expect(window?.profile.columns.get('number')?.rows).toBe(3);
});
