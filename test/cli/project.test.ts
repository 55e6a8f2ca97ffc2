import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ended, ended, initProject, lastJson, runCli, spawnCli, startCli } from './run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'headrace-cli-'));
const shop = join(root, 'shop');

/** Runs in the project, or in a copy of it whose files were spoilt. */
const run = (args: readonly string[], folder = shop): Promise<Ended> => runCli(folder, [...args, '--json']);

let dev: ChildProcess;
let devEnd: Promise<Ended>;
let url = '';

beforeAll(async () => {
  await initProject(root, 'shop');
});

afterAll(() => {
  dev?.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answer.json();
}

test('the project that init makes is planned and served, and takes events', async () => {
  const plan = await run(['plan']);
  expect(plan).toMatchObject({ code: 0, err: '' });
  expect(lastJson(plan)).toBeTypeOf('object');

  dev = startCli(shop, ['dev', '--port', '0', '--json']);
  devEnd = ended(dev);
  const [line]: unknown[] = await once(dev.stdout ?? dev, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
  const at = Date.now() - 1_000;
  const events = [5, 7.5].map((price, i) => ({ id: `e${i}`, at, user: 'ann', price }));
  expect(await post('/v1/events/purchases', events)).toEqual({
    accepted: 2,
    duplicate: 0,
    late: 0,
    pending: 0,
    refused: 0,
    dropped: [],
    errors: [],
  });
  expect(await post('/v1/features/shopper', { request: { user: 'ann' } })).toMatchObject({
    complete: true,
    features: { spend_purchases_1h: 2, spend_spent_7d: '12.50' },
  });
});

test.each(['__proto__', 'constructor', ''])(
  'an environment that the configuration does not have itself is refused, and those that it has are named: "%s"',
  async (name) => {
    const refused = await runCli(shop, ['plan', `--env=${name}`]);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/CONFIG_ENVIRONMENT[\s\S]*local/) });
  },
);

test('status and slo report the running server, and of one that does not run', async () => {
  expect(lastJson(await run(['status', url]))).toMatchObject({
    project: expect.any(String),
    degraded: ['model buys has no champion'],
  });
  expect((await runCli(shop, ['status', url])).out).toMatch(/^ {2}purchases: 2 accepted/m);
  expect(lastJson(await run(['slo', url, url]))).toMatchObject({
    processes: 2,
    budgets: expect.arrayContaining([
      expect.objectContaining({ of: 'service', name: 'shopper', count: 2, burn: expect.any(Array) }),
    ]),
  });
  const none = await run(['slo', 'http://127.0.0.1:9']);
  expect(none.code).toBe(5);
  expect(lastJson(none)).toMatchObject({ error: { code: 'SERVER_ASK' } });
});

test('a second writer on the directory is refused, and the first continues and answers commands', async () => {
  const second = await spawnCli(shop, ['serve', '--port', '0', '--json']);
  expect(second.code).toBe(4);
  expect(lastJson(second)).toMatchObject({ error: { code: 'LOG_LOCKED' } });
  const read = await run(['features', 'get', 'shopper', 'user=ann']);
  expect(read).toMatchObject({ code: 0, err: '' });
  expect(lastJson(read)).toMatchObject({ complete: true, features: { spend_purchases_1h: 2 } });
});

test('dev ends cleanly when it is asked to, and the next call has every event', async () => {
  dev.kill('SIGTERM');
  expect(await devEnd).toMatchObject({ code: 0, err: '' });
  const get = await run(['features', 'get', 'shopper', 'user=ann']);
  expect(get).toMatchObject({ code: 0, err: '' });
  expect(lastJson(get)).toMatchObject({ complete: true, features: { spend_purchases_1h: 2, spend_spent_1h: '12.50' } });
});

test.concurrent.each([
  [['features', 'get', 'shopper', 'ann'], 2, 'CLI_VALUE'],
  [['backfill', 'nothing'], 2, 'VIEW_UNKNOWN'],
] as const)('headrace %j ends with %i %s', async (args, exit, code) => {
  const call = await run(
    args,
    spoilt(`call-${code}`, () => undefined),
  );
  expect(lastJson(call)).toMatchObject({ error: { code } });
  expect(call.code).toBe(exit);
});

test('backfill, models and audit say what they did as one object on the last line', async () => {
  const backfill = await run(['backfill', 'spend']);
  expect(backfill).toMatchObject({ code: 0, err: '' });
  expect(lastJson(backfill)).toMatchObject({ view: 'spend' });
  const models = await run(['models']);
  expect(models.code).toBe(0);
  expect(lastJson(models)).toEqual([{ model: 'buys', champion: null, versions: [] }]);
  const audit = await run(['audit', 'skew', 'shopper']);
  expect(audit.code).toBe(0);
  expect(lastJson(audit)).toMatchObject({ service: 'shopper', mismatches: { logic: 0 } });
  const report = await run(['features', 'report', '--html', 'report.html']);
  expect(report).toMatchObject({ code: 0, err: '' });
  expect(lastJson(report)).toMatchObject({
    sources: expect.arrayContaining([
      expect.objectContaining({ source: 'purchases', volume: expect.objectContaining({ deliveries: 2 }) }),
    ]),
  });
  expect(readFileSync(join(shop, 'report.html'), 'utf8')).toMatch(/^<!doctype html>.*<\/html>\n$/s);
});

/** A copy of the project with its data, changed. */
function spoilt(name: string, change: (data: string, folder: string) => void): string {
  const folder = join(root, name);
  cpSync(shop, folder, { recursive: true, verbatimSymlinks: true });
  change(join(folder, '.headrace'), folder);
  return folder;
}

/** Overwrites the middle of every file below a folder whose name ends so. */
function damage(folder: string, ending: string): void {
  let found = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith(ending)) continue;
    const file = join(folder, name);
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 0, Math.min(bytes.length, 8_192));
    writeFileSync(file, bytes);
    found += 1;
  }
  expect(found, `files that end in ${ending}`).toBeGreaterThan(0);
}

test.concurrent.each([
  ['log', '.log', 'LOG_CORRUPT'],
  ['online', '.mdb', 'STORE_'],
  ['offline', '.parquet', 'OFFLINE_'],
  ['.', 'registry.sqlite', 'REGISTRY_'],
  ['.', 'declaration.json', 'DECLARATION_'],
])('damaged files of %s (%s) are a catalogued error %s with exit code 4', async (part, ending, area) => {
  const folder = spoilt(`damaged${ending}`, (data) => damage(join(data, part), ending));
  const call = await run(['backfill', 'spend'], folder);
  expect(lastJson(call)).toMatchObject({
    error: { code: expect.stringMatching(`^${area}`), hint: expect.stringMatching(/./) },
  });
  expect(call.code).toBe(4);
});

test.concurrent('a truncated Parquet file is a catalogued error with exit code 4', async () => {
  const folder = spoilt('truncated', (data) => {
    for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
      const file = join(data, name);
      if (name.endsWith('.parquet')) writeFileSync(file, readFileSync(file).subarray(0, -9));
    }
  });
  const call = await run(['backfill', 'spend'], folder);
  expect(lastJson(call)).toMatchObject({ error: { code: 'OFFLINE_CORRUPT' } });
  expect(call.code).toBe(4);
});

test.concurrent('a view under a new meaning but its old version is refused by plan and by what opens the data', async () => {
  const folder = spoilt('redefined', (_, copy) => {
    const file = join(copy, 'project.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace('sum(e.price)', 'mean(e.price)'));
  });
  for (const args of [['plan'], ['features', 'get', 'shopper', 'user=ann']]) {
    const call = await run(args, folder);
    expect(lastJson(call)).toMatchObject({ error: { code: 'DECLARATION_MEANING' } });
    expect(call.code).toBe(2);
  }
});

test.concurrent('a directory that cannot be made is a catalogued error with exit code 4', async () => {
  const folder = spoilt('unwritable', (data) => {
    rmSync(data, { recursive: true });
    writeFileSync(data, 'in the way');
  });
  const call = await run(['features', 'get', 'shopper', 'user=ann'], folder);
  expect(lastJson(call)).toMatchObject({ error: { code: 'CONFIG_DIRECTORY' } });
  expect(call.code).toBe(4);
});
