import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey } from '../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../src/running/headrace.ts';
import { type RunningServer, startServer } from '../src/server/http-server.ts';
import { project, returns, risk } from '../test/server/shop.ts';
import { root, runCommand } from './run-command.ts';
import { must, once } from './services/binaries.ts';
import { versions } from './services/versions.ts';

/** Examples of an operation. */
const EXAMPLES = '200';

/** How its command line is started out of a folder of packages. */
const START = ['-c', 'from schemathesis.cli import schemathesis; schemathesis()'];

const MINUTE_MS = 60_000;

/** Runs schemathesis against the test shop; arguments go to it. `HEADRACE_EXAMPLES` and `HEADRACE_SEED` set its examples and seed. */
async function main(args: readonly string[]): Promise<number> {
  const packages = await schemathesisPackages();
  const directory = mkdtempSync(join(tmpdir(), 'headrace-schemathesis-'));
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 2 } });
  try {
    await promoteChampion(headrace);
    const { text: key } = createKey(directory, { name: 'schemathesis', scopes: ['admin'], now: Date.now() });
    // A server that asks for keys, and is reached from this machine only.
    const listen = { host: '::ffff:127.0.0.1', tlsAtProxy: true, port: 0, bodyLimit: 2 ** 20 };
    const server = await startServer(headrace, listen);
    try {
      return await test({ packages, directory, key }, server, args);
    } finally {
      await server.close();
    }
  } finally {
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Schemathesis writes into the folder that it runs in. */
async function test(
  { packages, directory, key }: { readonly packages: string; readonly directory: string; readonly key: string },
  server: RunningServer,
  args: readonly string[],
): Promise<number> {
  const url = `http://127.0.0.1:${new URL(server.url).port}`;
  const { HEADRACE_EXAMPLES: examples = EXAMPLES, HEADRACE_SEED: seed = '1' } = process.env;
  const options = ['--max-examples', examples, '--seed', seed, '--header', `Authorization: Bearer ${key}`];
  const config = ['--config-file', `${root}/scripts/schemathesis/schemathesis.toml`];
  const call = [...START, ...config, 'run', `${url}/openapi.json`, ...options, ...args];
  const hooks = `${root}/scripts/schemathesis/hooks.py`;
  const env = { PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1', SCHEMATHESIS_HOOKS: hooks };
  const { code, output } = await runCommand('python3', call, { cwd: directory, env, limitMs: null });
  console.log(output);
  return code;
}

/** Without a champion no prediction is answered. */
async function promoteChampion(headrace: Headrace): Promise<void> {
  const start = Date.now() - 60 * MINUTE_MS;
  for (let i = 0; i < 60; i += 1) {
    const at = start + i * MINUTE_MS;
    await headrace.ingest(headrace.source('purchases'), [{ id: `t${i}`, at, user: `u${i % 4}`, price: i, number: i }]);
    await headrace.ingest(returns, [{ id: `r${i}`, at, purchase: `t${i}`, returned: i % 3 === 0 || i > 40 }]);
  }
  const { version } = await headrace.train(risk, { to: Date.now() });
  await headrace.promote(risk, version);
}

/** The folder of its packages, which no other Python sees. */
function schemathesisPackages(): Promise<string> {
  const { version, distribution } = versions.schemathesis;
  return once(`schemathesis-${version}`, async (into) => {
    const options = ['--target', '.', '--disable-pip-version-check', '--quiet'];
    await must('python3', ['-m', 'pip', 'install', ...options, distribution], into);
  });
}

process.exitCode = await main(process.argv.slice(2));
