import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { secretFolders } from '../../src/backends/python/isolation.ts';

const source = fileURLToPath(new URL('../../src/backends/python', import.meta.url));
const probe = fileURLToPath(new URL('./isolation_probe.py', import.meta.url));
const hasPython = process.platform === 'linux' && spawnSync('python3', ['--version']).status === 0;

interface Tried {
  readonly result: Readonly<Record<string, string>>;
  readonly end: readonly [number | null, NodeJS.Signals | null];
}

/** Runs the probe as a server starts a worker: with a descriptor of the store that it did not mean to give. */
async function tried(options: {
  readonly end: string;
  readonly without?: string;
  readonly network?: boolean;
}): Promise<Tried> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-isolation-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755);
  // A copy: where nothing isolates it, the probe changes the program.
  const program = mkdtempSync(join(tmpdir(), 'headrace-program-'));
  onTestFinished(() => rmSync(program, { recursive: true, force: true }));
  for (const name of readdirSync(source).filter((one) => one.endsWith('.py')))
    copyFileSync(join(source, name), join(program, name));
  chmodSync(program, 0o755);
  const [keys, store] = [join(directory, 'keys.json'), join(directory, 'store.mdb')];
  for (const file of [keys, store]) writeFileSync(file, 'secret', { mode: 0o600 });
  const folder = join(directory, 'python', 'work', 'one');
  const [home, model] = [join(folder, 'home'), join(folder, 'model')];
  for (const path of [home, model]) mkdirSync(path, { recursive: true });
  const file = join(model, 'model.pkl');
  writeFileSync(file, 'model', { mode: 0o400 });
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const wanted = {
    hide: secretFolders(directory),
    keep: [model, probe],
    home,
    own: [folder],
    network: false,
    ...options,
    ...{ program, parent: process.pid, keys, store, file, port },
  };
  const child = spawn('python3', ['-B', probe, JSON.stringify(wanted)], {
    env: { PATH: process.env['PATH'] },
    cwd: home,
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', openSync(store, 'a')],
  });
  const ended = once(child, 'exit');
  if (child.stdout === null) throw new Error('it has no output');
  const printed = await text(child.stdout);
  const [code, signal] = await ended;
  return { result: JSON.parse(printed), end: [code, signal] };
}

test.skipIf(!hasPython)(
  'a worker in namespaces reaches nothing of the server, and ends as its model does',
  async (context) => {
    const { result, end } = await tried({ end: 'signal' });
    if (result['how'] !== 'namespaces') context.skip('this system allows no namespaces');
    const done = Object.keys(result).filter((what) => result[what] === 'done');
    expect(done).toEqual(['model', 'home', 'import', 'own loopback']);
    expect(result['network']).toBe('own');
    expect(end).toEqual([null, 'SIGKILL']);
    const other = await tried({ end: 'code', network: true });
    expect(other.end).toEqual([7, null]);
    expect(other.result).toMatchObject({
      how: 'namespaces',
      network: 'server',
      server: 'done',
      environment: 'FileNotFoundError',
    });
  },
);

test.skipIf(!hasPython)(
  'without namespaces a worker has no descriptor, and root becomes nobody where it can',
  async () => {
    const { result } = await tried({ end: 'code', without: 'namespaces' });
    expect(['user', 'none']).toContain(result['how']);
    expect(result).toMatchObject({ descriptor: 'PermissionError', home: 'done', model: 'done' });
    reachesAsSaid(result);
    if (result['how'] !== 'user') return;
    for (const what of ['keys', 'store', 'environment', 'parents descriptors', 'signal', 'program'])
      expect(result[what], what).toBe('PermissionError');
  },
);

/** The report of the network is what the worker can reach: the port of the server, and always its own loopback. */
function reachesAsSaid(result: Readonly<Record<string, string>>): void {
  expect(result['server']).toBe(result['network'] === 'own' ? 'ConnectionRefusedError' : 'done');
  expect(result['own loopback']).toBe('done');
  if (result['network'] === 'own') expect(result['way back']).not.toBe('done');
}

test.skipIf(!hasPython)(
  'a worker that becomes another user leaves the network of the server where it can, and keeps it where the model needs it',
  async (context) => {
    const { result } = await tried({ end: 'code', without: 'namespaces' });
    reachesAsSaid(result);
    const shared = await tried({ end: 'code', without: 'namespaces', network: true });
    expect(shared.result).toMatchObject({ network: 'server', server: 'done' });
    if (result['network'] !== 'own') context.skip('this system allows no network namespace');
    expect(result).toMatchObject({ server: 'ConnectionRefusedError', model: 'done', import: 'done' });
  },
);

test.skipIf(!hasPython)('a system that refuses every namespace is reported as it is', async () => {
  const { result } = await tried({ end: 'code', without: 'any namespace' });
  expect(result['network']).toBe('server');
  reachesAsSaid(result);
});
