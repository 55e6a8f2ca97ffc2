import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ended, lastJson, linkHeadrace, startCli } from '../cli/run-cli.ts';
import { isDeep } from '../runs.ts';
import { until } from '../until.ts';

const DAY = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'headrace-turned-'));
const clockFile = join(folder, 'ahead');
const env = {
  TURNED_CLOCK: clockFile,
  NODE_OPTIONS: `--import=${new URL('./turn-clock.ts', import.meta.url).href}`,
};

const PROJECT = `import { count, defineConfig, defineProject, entity, eventSource, featureService, lookup, streamView, text, time } from 'headrace';
const clicks = eventSource('clicks', { id: 'id', time: 'at', lateness: '10m', futureSkew: '1m', columns: { id: text(), at: time(), user: text() } });
const view = streamView('view', { source: clicks, entity: entity('user', { user: text() }), key: { user: 'user' }, windows: ['1d'], freshness: '1s', features: () => ({ n: count() }) });
const visitor = featureService('visitor', { request: { user: text() }, join: (r) => ({ view: lookup(view, { user: r.user }) }) });
export default defineConfig({ project: defineProject('site', { clicks, visitor }), environments: { local: {} } });
`;

let server: ChildProcess | null = null;
let url = '';
let sent: { readonly id: string; readonly at: number }[] = [];

beforeAll(() => {
  linkHeadrace(folder);
  writeFileSync(join(folder, 'headrace.config.ts'), PROJECT);
  turn(0);
});

afterAll(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function turn(aheadMs: number): void {
  writeFileSync(clockFile, `${aheadMs}\n`);
}

async function start(): Promise<void> {
  server = startCli(folder, ['serve', '--workers', '1', '--port', '0', '--json'], env);
  const [line]: unknown[] = await once(server.stdout ?? server, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
}

async function stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const closed = server === null ? null : once(server, 'close');
  server?.kill(signal);
  await closed;
  server = null;
}

/** Sends new events of now, and all that were sent before; gives the counts. */
async function send(count: number): Promise<unknown> {
  const fresh = Array.from({ length: count }, (_, i) => ({ id: `e${sent.length + i}`, at: Date.now() }));
  const again = sent;
  sent = [...sent, ...fresh];
  const body = JSON.stringify([...fresh, ...again].map((event) => ({ ...event, user: 'ann' })));
  const headers = { 'content-type': 'application/json' };
  const { accepted, late, refused } = (await (
    await fetch(`${url}/v1/events/clicks`, { method: 'POST', headers, body })
  ).json()) as { accepted: number; late: number; refused: number };
  return { accepted, late, refused };
}

async function degraded(): Promise<string> {
  const { degraded: found } = (await (await fetch(`${url}/readyz`)).json()) as { degraded: readonly string[] };
  return found.join(' ');
}

/** Counts that a process which reads answers, once it has the last commit. */
async function counted(): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ request: { user: 'ann' } });
  await until(async () => {
    const answer = await (await fetch(`${url}/v1/features/visitor`, { method: 'POST', headers, body })).json();
    const { features } = answer as { features: Readonly<Record<string, unknown>> };
    return features['view_n'] === sent.length || features['view_n_1d'] === sent.length || JSON.stringify(answer);
  });
}

test('processes that serve take events on time while the clock is turned, over a kill, and name the clock', async () => {
  await start();
  expect(await send(5)).toEqual({ accepted: 5, late: 0, refused: 0 });
  await until(() => existsSync(join(folder, '.headrace', 'clock.json')));
  for (const aheadMs of [30 * DAY, -DAY / 12]) {
    turn(aheadMs);
    const code = aheadMs > 0 ? 'CLOCK_AHEAD' : 'CLOCK_BEHIND';
    await until(async () => (await degraded()).includes(code));
    expect(await send(5)).toEqual({ accepted: 5, late: 0, refused: 0 });
    // A restart while it is behind is tried in one process, where it takes no second (turned-clock.test.ts).
    if (aheadMs < 0 && !isDeep) continue;
    await stop('SIGKILL');
    await start();
    expect(await degraded()).toContain(code);
    expect(await send(5)).toEqual({ accepted: 5, late: 0, refused: 0 });
    if (aheadMs > 0) await counted();
  }
  turn(0);
  await until(async () => (await degraded()) === '');
  expect(await send(5)).toEqual({ accepted: 5, late: 0, refused: 0 });
  await counted();
  turn(30 * DAY);
  await stop('SIGTERM');
});

test('a command that repairs the log, and one that judges, say that the clock is ahead until a person accepts it', async () => {
  const call = (...args: string[]) => ended(startCli(folder, [...args, '--json'], env));
  const judged = await call('monitor', '--once');
  expect(judged.err).toContain('ahead of the time that Headrace expects');
  const ahead = await call('log', 'repair-clock', '--dry-run');
  expect(ahead.code).not.toBe(0);
  expect(ahead.err).toContain('CLOCK_AHEAD');
  expect((await call('log', 'repair-clock', '--accept')).code).toBe(0);
  const accepted = await call('log', 'repair-clock', '--dry-run');
  expect(accepted).toMatchObject({ code: 0, err: '' });
  expect(lastJson(accepted)).toEqual({ topics: [] });
});
