import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dev } from '../../src/cli/commands/dev.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { runDev } from '../../src/cli/serve/run-dev.ts';
import { databases } from '../../src/site/databases.ts';
import { until } from '../until.ts';
import { linkHeadrace, runCli, spawnCli, startCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-dev-'));
const started = new Set<ChildProcess>();

const project = (
  service: string,
  local = '{}',
) => `import { count, defineConfig, defineProject, entity, eventSource, featureService, lookup, streamView, text, time } from 'headrace';

const visits = eventSource('visits', { id: 'visit', time: 'at', columns: { visit: text(), at: time(), user: text() } });
const recent = streamView('recent', {
  source: visits,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1d'],
  freshness: '1s',
  features: () => ({ visits: count() }),
});
const ${service} = featureService('${service}', { request: { user: text() }, join: (r) => ({ recent: lookup(recent, { user: r.user }) }) });

export default defineConfig({
  project: defineProject('shop', { ${service} }),
  environments: {
    local: ${local},
    shared: { online: { kind: 'redis', url: 'redis://127.0.0.1:1' } },
  },
});
`;

beforeAll(() => {
  linkHeadrace(folder);
  write(project('visitor'));
});
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** As an editor that writes next to, and renames. */
function write(text: string): void {
  writeFileSync(join(folder, '.headrace.config.ts.swp'), text);
  renameSync(join(folder, '.headrace.config.ts.swp'), join(folder, 'headrace.config.ts'));
}

async function startDev(...args: readonly string[]) {
  const child = startCli(folder, ['dev', '--port', '0', '--json', ...args]);
  started.add(child);
  let errors = '';
  child.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString()));
  const [line]: unknown[] = await once(createInterface(child.stdout ?? process.stdin), 'line');
  const { url } = JSON.parse(String(line)) as { url: string };
  return { child, url, errors: () => errors };
}

async function ask(url: string, path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

const visitsOf = (url: string, service: string) => ask(url, `/v1/features/${service}`, { request: { user: 'ann' } });

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
}

test('dev starts again on the same port when a file changes, waits while the file is broken, and loses nothing', async () => {
  const { child, url, errors } = await startDev();
  const event = { visit: 'v1', at: Date.now() - 1_000, user: 'ann' };
  expect(await ask(url, '/v1/events/visits', event)).toMatchObject({ status: 200, body: { accepted: 1 } });

  write(project('guest'));
  await until(async () => (await visitsOf(url, 'guest')).status === 200);
  expect(await visitsOf(url, 'guest')).toMatchObject({ body: { features: { recent_visits_1d: 1 } } });
  expect(errors()).toContain('headrace.config.ts has changed');

  write('export default {{');
  await until(() => errors().includes('waiting for a change'));
  expect(errors()).toContain('CONFIG_FILE');
  await expect(visitsOf(url, 'guest')).rejects.toThrow();

  write(project('visitor'));
  await until(async () => (await visitsOf(url, 'visitor')).status === 200);
  await stop(child);
});

test('a change that moves the data folder is said; the new folder is left out of what is watched, the old one is watched again', async () => {
  const { child, url, errors } = await startDev();
  write(project('visitor', "{ directory: 'moved' }"));
  await until(() => errors().includes(`the data are in ${join(folder, 'moved')} from now on`));
  await until(async () => (await visitsOf(url, 'visitor')).status === 200);
  expect(errors()).toContain(`those in ${join(folder, '.headrace')} stay there`);
  const event = { visit: 'v9', at: Date.now() - 1_000, user: 'ann' };
  expect(await ask(url, '/v1/events/visits', event)).toMatchObject({ status: 200, body: { accepted: 1 } });
  write(project('guest', '{}'));
  await until(async () => (await visitsOf(url, 'guest')).status === 200);
  writeFileSync(join(folder, 'moved', 'note.ts'), '');
  await until(() => errors().includes('moved/note.ts has changed'));
  await until(async () => (await visitsOf(url, 'guest')).status === 200);
  // The files that lay in the old folder were no change.
  expect(errors().match(/has changed/g)).toHaveLength(3);
  await stop(child);
  write(project('visitor'));
  rmSync(join(folder, 'moved'), { recursive: true });
});

test('dev --reset removes the data and nothing else, and nothing at all while another process has it open', async () => {
  const kept = ['audit.jsonl', 'namespaces/other/log/0', 'notes.txt'].map((name) => join(folder, '.headrace', name));
  mkdirSync(join(folder, '.headrace/namespaces/other/log'), { recursive: true });
  for (const path of kept) writeFileSync(path, '');
  const data = [...databases, 'batch/scores', 'playbook/audit', 'drift.json'].map((name) =>
    join(folder, '.headrace', name),
  );
  const before = await startDev();
  const event = { visit: 'v2', at: Date.now() - 1_000, user: 'ann' };
  expect(await ask(before.url, '/v1/events/visits', event)).toMatchObject({ body: { accepted: 1 } });
  expect(await spawnCli(folder, ['dev', '--reset'])).toMatchObject({
    code: 5,
    err: expect.stringContaining('DEV_RUNNING'),
  });
  expect(await visitsOf(before.url, 'visitor')).toMatchObject({ body: { features: { recent_visits_1d: 2 } } });
  await stop(before.child);

  expect(await spawnCli(folder, ['dev', '--reset', '--env', 'shared'])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/DEV_RESET.*online: redis/),
  });
  for (const path of data) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'old');
  }
  const after = await startDev('--reset');
  for (const path of data) if (existsSync(path)) expect(readFileSync(path, 'utf8').slice(0, 3), path).not.toBe('old');
  expect(await visitsOf(after.url, 'visitor')).toMatchObject({
    status: 200,
    body: { features: { recent_visits_1d: 0 } },
  });
  expect(await ask(after.url, '/v1/events/visits', event)).toMatchObject({ body: { accepted: 1, duplicate: 0 } });
  for (const path of kept) expect(existsSync(path)).toBe(true);
  await stop(after.child);
});

test('the server of dev ends with the process that started it, however that ends', async () => {
  const { child, url } = await startDev();
  child.kill('SIGKILL');
  await until(() =>
    visitsOf(url, 'visitor').then(
      () => false,
      () => true,
    ),
  );
  // The lock is free.
  await until(async () => (await runCli(folder, ['features', 'get', 'visitor', 'user=ann'])).code === 0);
});

test('a process that has ended leaves nothing in the one that started it', async () => {
  const [listeners, { argv, exitCode }] = [process.listeners('exit'), process];
  const config = join(folder, 'none.ts');
  const terminal = { out: () => {}, err: () => {}, interactive: false, stopped: new Promise<void>(() => {}) };
  try {
    process.argv = [...argv.slice(0, 2), 'dev', '--config', config];
    await runDev(parseCall(dev, ['--config', config, '--port', '0', '--json'], terminal));
    expect(process.exitCode).toBeGreaterThan(0);
  } finally {
    process.argv = argv;
    process.exitCode = exitCode;
  }
  expect(process.listeners('exit')).toEqual(listeners);
});
