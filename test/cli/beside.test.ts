import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../src/base/is-alive.ts';
import type { Command } from '../../src/cli/command.ts';
import { backfill } from '../../src/cli/commands/backfill.ts';
import { featuresGet } from '../../src/cli/commands/features-get.ts';
import { models } from '../../src/cli/commands/models.ts';
import { train } from '../../src/cli/commands/train.ts';
import { trainingSet } from '../../src/cli/commands/training-set.ts';
import { controlPath } from '../../src/cli/link/control-socket.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import type { JobReport } from '../../src/server/jobs/job-board.ts';
import { until } from '../until.ts';
import { ended, lastJson, startCli } from './run-cli.ts';

const CONFIG = fileURLToPath(new URL('./beside/headrace.config.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'headrace-beside-'));
const directory = join(root, 'data');
/** Labels must not be late. */
const APART_MS = 20_000;
const END = Date.now();
let server: ChildProcess;
let url = '';

beforeAll(async () => {
  process.env['BESIDE_DIRECTORY'] = directory;
  server = startCli(root, ['serve', '--workers', '1', '--port', '0', '--json', '--config', CONFIG]);
  const [line]: unknown[] = await once(server.stdout ?? server, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
  const rows = Array.from({ length: 80 }, (_, i) => ({ i, at: END - (80 - i) * APART_MS }));
  await post(
    '/v1/events/purchases',
    rows.map(({ i, at }) => ({ id: `t${i}`, at, user: `u${i % 4}`, price: i, number: i })),
  );
  await post(
    '/v1/events/returns',
    rows.map(({ i, at }) => ({ id: `r${i}`, at: at + 1, purchase: `t${i}`, returned: i % 3 === 0 || i > 50 })),
  );
  writeFileSync(join(root, 'spine.csv'), `user,price,_at\nu1,1,${END}\nu2,3.5,${END}\nnobody,1,${END}\n`);
});

afterAll(() => {
  server.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${url}${path}`)).json()) as T;
}

/** What a command prints as JSON, run as the command line runs it. */
async function run(command: Command, words: readonly string[], options: Record<string, string | boolean> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  const named = Object.entries(options).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
  await command.run(parseCall(command, [...words, '--config', CONFIG, '--json', ...named], terminal));
  return { answer: JSON.parse(out.at(-1) ?? '') as Record<string, unknown>, err };
}

const out = join(root, 'set.parquet');

/** Every command that needs the project, and what of its answer must not depend on whether a server has it open. */
const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['features get', async () => (await run(featuresGet, ['shopper', 'user=u1', 'price=2'], { at: String(END) })).answer],
  [
    'training-set of a model',
    async () => {
      const { answer } = await run(trainingSet, ['risk'], { out, to: String(END) });
      return { ...answer, bytes: readFileSync(out).length };
    },
  ],
  [
    'training-set of a spine',
    async () => {
      const { answer } = await run(trainingSet, ['shopper'], { out, spine: join(root, 'spine.csv') });
      return { ...answer, bytes: readFileSync(out).length };
    },
  ],
  ['backfill', async () => Object.keys((await run(backfill, ['spend'])).answer)],
  [
    'train',
    async () => {
      const { answer } = await run(train, ['risk'], { to: String(END), promote: true });
      type Run = { readonly seconds: number };
      type Answer = { lineage: { reference?: string; run: Run }; metrics: object; signature: object };
      const { lineage, metrics, signature } = answer as Answer;
      // The reference has the instant of the training.
      const { reference, run: ledger, ...rest } = lineage;
      const { seconds, ...counts } = ledger;
      expect(reference).toMatch(/^[0-9a-f]{64}$/);
      expect(seconds).toEqual(expect.any(Number));
      return { lineage: rest, counts, metrics, signature };
    },
  ],
  [
    'models',
    async () => {
      const [{ model, versions, champion }] = (await run(models, ['risk'])).answer as unknown as {
        readonly model: string;
        readonly versions: readonly object[];
        readonly champion: number;
      }[];
      return { model, isNewest: champion === versions.length };
    },
  ],
];
const beside = new Map<string, unknown>();

test.each(calls)('%s works next to a running server, which continues', async (name, call) => {
  beside.set(name, await call());
  expect(await post('/v1/features/shopper', { request: { user: 'u1', price: 1 } })).toMatchObject({ complete: true });
});

test('a version that was trained and promoted next to the server answers predictions, at once', async () => {
  expect(await post('/v1/predictions/risk', { id: 'p', request: { user: 'u1', price: 2 } })).toMatchObject({
    version: 1,
  });
});

test.each([
  ['application/vnd.apache.parquet', 'no parquet'],
  ['text/csv', 'user\nann\n'],
  ['application/x-ndjson', '{"user": '],
])(
  'what is wrong with a spine of %s is said of the body, as by a server that writes the set itself',
  async (type, body) => {
    const headers = { 'content-type': type };
    const answer = await fetch(`${url}/v1/training-sets/shopper`, { method: 'POST', headers, body });
    const text = await answer.text();
    expect({ status: answer.status, text }).toMatchObject({ status: 400, text: expect.stringMatching(/"SPINE_/) });
    expect(text).not.toMatch(/undefined|\/tmp|training-sets/);
    expect(readdirSync(join(directory, 'training-sets'))).toEqual([]);
  },
);

test('a server on another address is asked by --server, and a model that it does not have is its error', async () => {
  const named = { server: url };
  expect((await run(models, [], named)).answer).toMatchObject([{ model: 'risk' }, { model: 'slow', versions: [] }]);
  await expect(run(train, ['none'], named)).rejects.toMatchObject({ code: 'MODEL_UNKNOWN', message: /none/ });
  await expect(run(train, ['risk'], { server: 'http://127.0.0.1:9' })).rejects.toMatchObject({ code: 'SERVER_ASK' });
});

test('Ctrl-C cancels the job: its process ends, no version and no file is left, and the next job runs', async () => {
  const call = startCli(root, ['train', 'slow', '--to', String(END), '--config', CONFIG, '--json']);
  const end = ended(call);
  let said = '';
  call.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await until(() => /training in process \d+\n/.test(said));
  const [, pid] = /training in process (\d+)/.exec(said) ?? [];
  const [, id] = /job (train-\w+)/.exec(said) ?? [];
  expect(await get<JobReport>(`/v1/admin/jobs/${id}`)).toMatchObject({
    state: 'running',
    target: 'slow',
    endedAt: null,
  });
  expect(await post('/v1/admin/jobs', { kind: 'train', model: 'slow' })).toMatchObject({
    error: { code: 'JOB_RUNNING' },
  });
  call.kill('SIGINT');
  const stopped = await end;
  expect(stopped.code).toBe(6);
  expect(lastJson(stopped)).toMatchObject({ error: { code: 'JOB_CANCELLED' } });
  expect(await get<JobReport>(`/v1/admin/jobs/${id}`)).toMatchObject({ state: 'cancelled', result: null });
  await until(() => !isAlive(Number(pid)));
  expect((await run(models, ['slow'])).answer).toMatchObject([{ versions: [], champion: null }]);
  expect(readdirSync(join(directory, 'runs')).filter((name) => name.startsWith('slow-'))).toEqual([]);
  expect(readFileSync(join(directory, 'audit.jsonl'), 'utf8')).toMatch(
    /"train","target":"slow","outcome":"JOB_CANCELLED"/,
  );
  await run(train, ['risk'], { to: String(END) });
});

test('the socket of commands is for this user alone, and one that a killed server left keeps no command out', async () => {
  const socket = join(directory, 'control.sock');
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
  // The processes of the group end when the one that started them is gone.
  await until(async () => (await run(models, ['slow'])).answer !== undefined);
  for (const [name, call] of calls) expect(await call(), name).toEqual(beside.get(name));
  expect(existsSync(socket)).toBe(true);
});

test('a directory whose path is too long for a socket has none, by its shortest name', () => {
  expect(controlPath('.headrace')).toBe(join('.headrace', 'control.sock'));
  expect(controlPath(join(process.cwd(), 'data'))).toBe(join('data', 'control.sock'));
  expect(controlPath(join('/', 'long'.repeat(30)))).toBeNull();
});
