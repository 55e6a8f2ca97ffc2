import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, once } from '../scripts/services/binaries.ts';
import { freePorts } from '../scripts/services/service.ts';
import { scratchDirectory } from './shop.ts';

/** Registry servers of MLflow's protocol, and the requests that benches compare them by. */

const AT_ONCE = 16;

/** Runs that a search reads. */
export const RUNS = Number(process.env['HEADRACE_BENCH_RUNS'] ?? 100_000);

/** Requests of each kind: what takes some seconds. */
const COUNTS = { ours: { metric: 4_000, batch: 60, search: 12 }, other: { metric: 400, batch: 12, search: 3 } };

/** A server under test. */
export interface Site {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

export const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

export async function metricRate(site: Site, isOurs: boolean): Promise<number> {
  const run = await newRun(site);
  const count = COUNTS[isOurs ? 'ours' : 'other'].metric;
  return rate(count, AT_ONCE, (i) =>
    post(site, 'runs/log-metric', { run_id: run, key: 'loss', value: i / 7, timestamp: i, step: i }),
  );
}

export async function batchRate(site: Site, isOurs: boolean): Promise<number> {
  const run = await newRun(site);
  const count = COUNTS[isOurs ? 'ours' : 'other'].batch;
  const batches = await rate(count, 4, (i) =>
    post(site, 'runs/log-batch', {
      run_id: run,
      metrics: Array.from({ length: 1_000 }, (_, j) => ({
        key: `m${j % 50}`,
        value: j,
        timestamp: i,
        step: i * 1_000 + j,
      })),
    }),
  );
  return batches * 1_000;
}

const QUERY = {
  experiment_ids: ['0'],
  filter: "metrics.auc > 0.9 and params.depth = '6'",
  order_by: ['metrics.auc DESC'],
  max_results: 100,
};

export async function searchRate(site: Site, isOurs: boolean): Promise<number> {
  const count = COUNTS[isOurs ? 'ours' : 'other'].search;
  const { runs = [] } = (await post(site, 'runs/search', QUERY)) as { readonly runs?: readonly unknown[] };
  if (runs.length !== 100) throw new Error(`${site.name} found ${runs.length} runs`);
  return rate(count, 1, () => post(site, 'runs/search', QUERY));
}

/** Operations per second of this many, a few at once. */
async function rate(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const worker = async () => {
    while (next < count) {
      next += 1;
      await work(next);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - begun) / 1_000);
}

function post(site: Site, path: string, body: object): Promise<unknown> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'content-length': bytes.length };
  return new Promise((resolve, reject) => {
    const sent = request(`${site.url}/api/2.0/mlflow/${path}`, { method: 'POST', headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${site.name} answered ${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    sent.on('error', reject).end(bytes);
  });
}

async function newRun(site: Site): Promise<string> {
  const { run } = (await post(site, 'runs/create', { experiment_id: '0', start_time: 1 })) as {
    readonly run: { readonly info: { readonly run_id: string } };
  };
  return run.info.run_id;
}

/** Where a server keeps its runs: in SQLite, or in a database of PostgreSQL. */
export interface Store {
  /** null: SQLite. */
  readonly url: string | null;
  /** Writes the runs into the tables that the server has made. */
  readonly fill?: () => Promise<void>;
}

const SQLITE: Store = { url: null };

/** The registry's server in its own process. */
export async function ours({ url, fill }: Store = SQLITE): Promise<Site> {
  const directory = scratchDirectory();
  const [port = 0] = await freePorts(1);
  const program = new URL('./registry-server.ts', import.meta.url).pathname;
  const child = spawn(
    process.execPath,
    ['--conditions=headrace-source', program, directory, String(port), String(url === null ? RUNS : 0), url ?? ''],
    { stdio: ['ignore', 'ignore', 'inherit'], detached: true },
  );
  const site = await answering({ name: 'headrace', url: `http://127.0.0.1:${port}`, child });
  await fill?.();
  return site;
}

/** MLflow's server with its runs; the tables are filled once it made them. */
export async function official(name: string, python: string, store: Store = SQLITE): Promise<Site> {
  const directory = scratchDirectory();
  const [port = 0] = await freePorts(1);
  const database = `${directory}/mlflow.db`;
  const args = [
    ...['-m', 'mlflow', 'server', '--backend-store-uri', withDriver(store.url) ?? `sqlite:///${database}`],
    ...['--artifacts-destination', join(directory, 'files'), '--port', String(port), '--workers', '1'],
  ];
  const env = {
    ...process.env,
    PATH: `${dirname(python)}:${process.env['PATH']}`,
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
    ...(store.url === null ? {} : { PYTHONPATH: await postgresDriver(python) }),
  };
  const child = spawn(python, args, { cwd: directory, env, stdio: 'ignore', detached: true });
  const site = await answering({ name, url: `http://127.0.0.1:${port}`, child });
  await post(site, 'experiments/search', { max_results: 1 });
  await (store.fill ?? (() => fillSqlite(name, python, database)))();
  return site;
}

async function fillSqlite(name: string, python: string, database: string): Promise<void> {
  const program = new URL('./fill-mlflow.py', import.meta.url).pathname;
  const filling = spawn(python, [program, database, String(RUNS)], { stdio: 'inherit' });
  const code = await new Promise((resolve) => filling.once('close', resolve));
  if (code !== 0) throw new Error(`the runs of ${name} cannot be written`);
}

/** SQLAlchemy reads the driver from the scheme. */
function withDriver(url: string | null): string | undefined {
  return url?.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:');
}

/** A folder with the driver by which MLflow reaches PostgreSQL: MLflow does not bring one. */
function postgresDriver(python: string): Promise<string> {
  return once('psycopg2-binary-2.9', async (into) => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await must(python, [...pip, '--target', into, 'psycopg2-binary>=2.9,<2.10'], into);
  });
}

/** Ends servers, with the processes that they started. */
export function kill(sites: readonly Site[]): void {
  for (const { child } of sites) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
}

async function answering(site: Site): Promise<Site> {
  for (;;) {
    if (site.child.exitCode !== null) throw new Error(`${site.name} ended with ${site.child.exitCode}`);
    const response = await fetch(`${site.url}/health`).catch(() => null);
    if (response?.ok === true) return site;
    await sleep(100);
  }
}
