import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { registrySite } from '../registry/registry-site.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';
import { deep } from './deep.ts';

const PROGRAM = fileURLToPath(new URL('./mlflow/life_cycle.py', import.meta.url));

type Outcome = Readonly<Record<string, unknown>>;

/** Runs the life cycle with one version's client on a server; returns the outcome of each step. */
async function lifeCycle(python: string, url: string, ...more: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, MLFLOW_HTTP_REQUEST_MAX_RETRIES: '2', MLFLOW_DISABLE_TELEMETRY: 'true' };
  // The client leaves its own folder where it runs.
  const child = spawn(python, [PROGRAM, url, ...more], {
    env,
    cwd: mkdtempSync(join(tmpdir(), 'headrace-mlflow-client-')),
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await once(child, 'close');
  const line = output.split('\n').find((each) => each.startsWith('OUTCOME '));
  if (line === undefined) throw new Error(`the program gave no outcome: ${errors.slice(-2_000)}`);
  return JSON.parse(line.slice('OUTCOME '.length)) as Outcome;
}

/** Steps that failed; those that must be refused are not failures. */
function failuresOf(outcome: Outcome): Outcome {
  const refused = ['param conflict', 'reserved alias', 'absent alias'];
  const failed = Object.entries(outcome).filter(([name, value]) => {
    const isError = typeof value === 'object' && value !== null && ('error' in value || 'raised' in value);
    return isError !== refused.includes(name);
  });
  return Object.fromEntries(failed);
}

/** MLflow's own server with SQLite and proxied artefacts, empty. */
async function officialServer(python: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-mlflow-'));
  const port = await freePort();
  const args = [
    '--backend-store-uri',
    `sqlite:///${folder}/mlflow.db`,
    '--artifacts-destination',
    join(folder, 'files'),
  ];
  const env = {
    ...process.env,
    PATH: `${dirname(python)}:${process.env['PATH']}`,
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  };
  const server: ChildProcess = spawn(
    python,
    ['-m', 'mlflow', 'server', ...args, '--port', String(port), '--workers', '1'],
    {
      env,
      cwd: folder,
      detached: true,
      stdio: 'ignore',
    },
  );
  onTestFinished(() => {
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/health`).catch(() => null))?.ok === true);
  return url;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('the client of MLflow 3 logs, registers, aliases and loads a model', async () => {
  const [python = ''] = addressOf('MLFLOW_3');
  expect(failuresOf(await lifeCycle(python, (await registrySite('sqlite')).url, 'quick'))).toEqual({});
});

test.each(['MLFLOW_2', 'MLFLOW_3'] as const)(
  '%s: what passes on the official server passes here',
  deep,
  async (variable) => {
    const [python = ''] = addressOf(variable);
    const site = await registrySite('sqlite');
    const here = await lifeCycle(python, site.url);
    const there = await lifeCycle(python, await officialServer(python));
    for (const [name, outcome] of Object.entries(there)) {
      const failed = Object.keys(failuresOf({ [name]: outcome })).length > 0;
      if (!failed) expect(here[name], name).toEqual(outcome);
    }
    expect(failuresOf(here)).toEqual({});
    expect(site.faults).toEqual([]);
  },
);
