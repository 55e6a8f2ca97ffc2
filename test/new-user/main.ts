// The first ten minutes of a new user, from the packed tarball in an empty folder: install, init, ingest two CSV files, train in Python,
// serve, predict, read in pandas. `npm run test:new-user`. It needs the package registries of npm and Python; without the latter it
// skips what needs Python, and says so.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Ended, killGroup, root, runCommand } from '../../scripts/run-command.ts';

const scratch = mkdtempSync(join(tmpdir(), 'headrace-new-user-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
/** Where the newer Node is, and nothing else of the repository. */
const bin = join(scratch, 'bin');
const place = join(scratch, 'empty');
const shop = join(place, 'shop');
const path = `${join(shop, '.venv', 'bin')}:${bin}:${process.env['PATH'] ?? ''}`;

/** Installs may take minutes where the network is slow. */
const LIMIT_MS = 900_000;

/** Rows and positive labels of the training set, and logged predictions, read as docs/reference/history.md says. */
const PANDAS = `
import json, pathlib
import pandas as pd

store = pathlib.Path(".headrace/offline")

def table(name):
    newest = max(store.glob("manifest.*.json"), key=lambda path: int(path.name.split(".")[1]))
    found = next(each for each in json.loads(newest.read_text())["tables"] if each["name"] == name)
    return pd.concat(pd.read_parquet(store / file["path"]) for file in found["files"])

rows = pd.read_parquet("training-set.parquet")
print(len(rows), int(rows["_label"].sum()), len(table("predictions/buys")))
`;

mkdirSync(bin);
mkdirSync(place);
symlinkSync(process.execPath, join(bin, 'node'));

const tarball = await step('npm pack', async () => {
  await run(root, 'npm', ['pack', '--pack-destination', scratch], process.env['PATH']);
  return join(scratch, readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? '');
});

await step('install the tarball in an empty folder', async () => {
  await run(place, 'npm', ['install', tarball]);
  assert.ok(!existsSync(join(place, 'node_modules', 'onnxruntime-node')), 'who serves features needs no ONNX Runtime');
  const { stdout } = await run(place, 'du', ['-sm', 'node_modules']);
  say(`${stdout.split('\t')[0]} MB in node_modules`);
  assert.match((await headrace(place, '--version')).stdout, /^\d+\.\d+\.\d+\n$/);
});

await step('every install script ends well without a network', async () => {
  const scripts = packagesOf(place).filter(({ hasInstallScript }) => hasInstallScript === true);
  const names = scripts.map(({ name }) => name);
  say(`with a script: ${names.join(', ')}`);
  if ((await runCommand('unshare', ['-rn', 'true'])).code !== 0)
    return skip('unshare cannot take the network away here');
  await run(place, 'unshare', ['-rn', 'npm', 'rebuild', '--foreground-scripts', '--ignore-scripts=false', ...names]);
});

await step('an older Node of the machine is refused in one sentence', async () => {
  const older = process.env['HEADRACE_OLD_NODE'] ?? '/usr/bin/node';
  const version = await runCommand(older, ['--version']);
  const [major] = version.stdout.slice(1).split('.').map(Number);
  if (version.code !== 0 || !(major < 22)) return skip(`${older} is no older Node; HEADRACE_OLD_NODE names one`);
  const { code, output } = await runCommand(older, ['node_modules/headrace/dist/cli/start.js', 'init'], { cwd: place });
  assert.equal(code, 2);
  assert.match(output, /^headrace needs Node \S+ or newer, and \S+ is Node \S+: .*\.\n$/);
});

await step('headrace init makes a project that installs, passes its tests and compiles', async () => {
  await headrace(place, 'init', 'shop');
  await run(shop, 'npm', ['install']);
  assert.equal(
    packagesOf(shop)
      .find(({ name }) => name === 'headrace')
      ?.resolved?.startsWith('file:'),
    true,
  );
  await run(shop, 'npm', ['test']);
  await run(shop, 'npm', ['run', 'types']);
});

await step('headrace ingest takes both CSV files', async () => {
  const names = ['visits', 'purchases'];
  const words = names.map((source) => `${source}=data/${source}.csv`);
  const { sources } = json(await headrace(shop, 'ingest', ...words, '--bootstrap', '--json'));
  const wanted = names.map((source) => {
    const rows =
      readFileSync(join(shop, `data/${source}.csv`), 'utf8')
        .trimEnd()
        .split('\n').length - 1;
    return { source, rows, accepted: rows, duplicate: 0, late: 0, refused: 0, whole: true };
  });
  assert.partialDeepStrictEqual(sources, wanted);
  const vector = json(await headrace(shop, 'features', 'get', 'shopper', 'user=user-4', '--json'));
  assert.ok(Number((vector as { features: { spend_purchases_7d: number } }).features.spend_purchases_7d) > 0);
});

await step('train without ONNX Runtime says what to install, before it trains', async () => {
  const [installed, aside] = ['node_modules/onnxruntime-node', 'aside'].map((name) => join(shop, name));
  renameSync(installed, aside);
  const { code, output } = await runCommand('npx', ['headrace', 'train', 'buys'], options(shop));
  renameSync(aside, installed);
  assert.equal(code, 3);
  assert.match(output, /MODEL_RUNTIME[\s\S]*npm install onnxruntime-node/);
});

await step('a program without LMDB gets an error that says what to install', async () => {
  const [installed, aside] = ['node_modules/lmdb', 'aside'].map((name) => join(shop, name));
  renameSync(installed, aside);
  const opens = `openHeadrace({ project: defineProject('none', {}), environment: { directory: 'none' } })`;
  const program = `import { defineProject, openHeadrace } from 'headrace'; await ${opens}.catch((error) => console.log(error.code, error.message));`;
  const { code, output } = await runCommand('node', ['--input-type=module', '--eval', program], options(shop));
  renameSync(aside, installed);
  assert.equal(code, 0, output);
  assert.match(output, /CONFIG_PACKAGES .*npm install fastify@\S+ lmdb@\S+ prom-client@/);
});

const python = await step('Python with the packages of requirements.txt', async () => {
  const made = await runCommand('python3', ['-m', 'venv', '.venv'], options(shop));
  const pip = ['-m', 'pip', 'install', '--quiet', '-r', 'requirements.txt'];
  const installed = made.code === 0 ? await runCommand('.venv/bin/python', pip, options(shop)) : made;
  if (installed.code === 0) return true;
  return skip(`no training, no predictions, no pandas: ${installed.output.trim().split('\n').at(-1)}`) ?? false;
});

if (python) {
  await step('headrace train trains in Python, and promotes', async () => {
    const version = json(await headrace(shop, 'train', 'buys', '--promote', '--json'));
    const { metrics } = version as { readonly metrics: Readonly<Record<string, number>> };
    say(`auc ${metrics['auc'].toFixed(3)} on the newest fifth of ${metrics['rows']} rows`);
    assert.ok(metrics['auc'] > 0.6 && metrics['auc'] < 1);
  });

  await step('headrace dev serves, and predicts', async () => {
    const server = await startDev();
    try {
      const scores = new Map<string, number>();
      // Every fourth user buys often.
      for (const user of ['user-4', 'user-5']) scores.set(user, await predict(server.url, user));
      say([...scores].map(([user, score]) => `${user} ${score.toFixed(3)}`).join(', '));
      assert.ok((scores.get('user-4') ?? 0) > (scores.get('user-5') ?? 1));
    } finally {
      await server.stop();
    }
  });

  await step('pandas reads the training set and the predictions', async () => {
    await headrace(shop, 'training-set', 'buys', '--out', 'training-set.parquet');
    const { stdout } = await run(shop, 'python3', ['-c', PANDAS]);
    say(stdout.trim());
    const [rows, bought, predictions] = stdout.trim().split(' ').map(Number);
    const lines = (name: string) =>
      readFileSync(join(shop, 'data', name), 'utf8')
        .trimEnd()
        .split('\n').length - 1;
    assert.deepEqual(
      { rows, bought, predictions },
      { rows: lines('visits.csv'), bought: lines('purchases.csv'), predictions: 2 },
    );
  });
}

console.log(python ? '✓ all of it' : '✓ all but what was skipped');

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    const result = await work();
    console.log(`✓ ${name} (${((performance.now() - started) / 1_000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    console.error(`✗ ${name}`);
    throw error;
  }
}

function say(text: string): void {
  console.log(`  ${text}`);
}

function skip(why: string): void {
  console.log(`  SKIPPED: ${why}`);
}

function options(cwd: string, searched = path) {
  return { cwd, limitMs: LIMIT_MS, env: { PATH: searched } };
}

/** Runs a command that must end well. */
async function run(cwd: string, command: string, args: readonly string[], searched = path): Promise<Ended> {
  const ended = await runCommand(command, args, options(cwd, searched));
  assert.equal(ended.code, 0, `${command} ${args.join(' ')} ended with ${ended.code}:\n${ended.output}`);
  return ended;
}

function headrace(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return run(cwd, 'npx', ['headrace', ...args]);
}

function json({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** What npm has installed in a folder. */
function packagesOf(folder: string) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'node_modules', '.package-lock.json'), 'utf8')) as {
    packages: Record<string, { readonly resolved?: string; readonly hasInstallScript?: boolean }>;
  };
  return Object.entries(packages).map(([key, each]) => ({ name: key.replace(/^.*node_modules\//, ''), ...each }));
}

/** Starts `headrace dev` as a user does, and waits until it listens. */
async function startDev(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const child: ChildProcess = spawn('npx', ['headrace', 'dev', '--port', '0', '--json'], {
    cwd: shop,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: path },
  });
  process.on('exit', () => killGroup(child.pid));
  assert.ok(child.stdout);
  const [line]: unknown[] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`headrace dev ended with ${code}`))),
  ]);
  const { url } = JSON.parse(String(line)) as { url: string };
  return {
    url,
    stop: async () => {
      const ended = once(child, 'exit');
      // As Ctrl-C of a terminal: to the whole group.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
      await ended;
    },
  };
}

async function predict(url: string, user: string): Promise<number> {
  const answer = await fetch(`${url}/v1/predictions/buys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: `of-${user}`, request: { user } }),
  });
  const { score } = (await answer.json()) as { score: number };
  assert.ok(score > 0 && score < 1, `a score of ${score}`);
  return score;
}
