import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mlflow2, mlflow3 } from '../scripts/services/mlflow.ts';
import { freePorts } from '../scripts/services/service.ts';
import { printFigure } from './figure.ts';
import { withServices } from './services.ts';
import { scratchDirectory } from './shop.ts';

/**
 * The registry over HTTP beside MLflow's own servers with one worker each, all on SQLite and on the same cores: the same raw requests,
 * without the cost of a client. A search reads 100,000 runs that were written into the databases directly.
 */
const AT_ONCE = 16;
const RUNS = Number(process.env['HEADRACE_BENCH_RUNS'] ?? 100_000);
const FILE_BYTES = Number(process.env['HEADRACE_BENCH_FILE'] ?? 2 ** 28);
/** The artefact that is sent and read. */
const FILE = '/api/2.0/mlflow-artifacts/artifacts/0/bench/file.bin';
/** Requests of each kind: what takes some seconds. */
const COUNTS = { ours: { metric: 4_000, batch: 60, search: 12 }, other: { metric: 400, batch: 12, search: 3 } };

/** A server under test. */
interface Site {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

await withServices([mlflow2, mlflow3], async (told) => {
  const others = [
    await official('mlflow 3.17.2', told['MLFLOW_3'] ?? ''),
    await official('mlflow 2.17.2', told['MLFLOW_2'] ?? ''),
  ];
  const here = await ours();
  try {
    await compare(here, others);
    await compareFiles(here, others[0]);
  } finally {
    for (const { child } of [here, ...others]) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }
});

async function compare(here: Site, others: readonly Site[]): Promise<void> {
  const kinds = [
    { name: 'log-metric over HTTP, c = 16', unit: 'requests/s', measure: metricRate, aim: 10 },
    { name: 'log-batch of 1,000 metrics, c = 4', unit: 'metrics/s', measure: batchRate, aim: 3 },
    { name: `search of ${RUNS} runs by metric and param, ordered`, unit: 'searches/s', measure: searchRate, aim: 10 },
  ] as const;
  for (const { name, unit, measure, aim } of kinds) {
    const value = await measure(here, true);
    for (const other of others)
      printFigure({
        name,
        unit,
        value,
        yardstick: other.name,
        yardstickValue: await measure(other, false),
        aim: { of: 'ratio', atLeast: aim },
      });
  }
}

async function metricRate(site: Site, isOurs: boolean): Promise<number> {
  const run = await newRun(site);
  const count = COUNTS[isOurs ? 'ours' : 'other'].metric;
  return rate(count, AT_ONCE, (i) =>
    post(site, 'runs/log-metric', { run_id: run, key: 'loss', value: i / 7, timestamp: i, step: i }),
  );
}

async function batchRate(site: Site, isOurs: boolean): Promise<number> {
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

async function searchRate(site: Site, isOurs: boolean): Promise<number> {
  const count = COUNTS[isOurs ? 'ours' : 'other'].search;
  const query = {
    experiment_ids: ['0'],
    filter: "metrics.auc > 0.9 and params.depth = '6'",
    order_by: ['metrics.auc DESC'],
    max_results: 100,
  };
  const { runs = [] } = (await post(site, 'runs/search', query)) as { readonly runs?: readonly unknown[] };
  if (runs.length !== 100) throw new Error(`${site.name} found ${runs.length} runs`);
  return rate(count, 1, () => post(site, 'runs/search', query));
}

async function compareFiles(here: Site, other: Site): Promise<void> {
  const path = join(scratchDirectory(), 'file.bin');
  writeFileSync(path, Buffer.alloc(FILE_BYTES, 'x'));
  const megabytes = FILE_BYTES / 2 ** 20;
  const [up, upOther] = [await upload(here, path), await upload(other, path)];
  const [down, downOther] = [await download(here), await download(other)];
  const yardstick = other.name;
  const aim = { of: 'ratio', atLeast: 5 } as const;
  printFigure({
    name: `artefact of ${megabytes} MiB up`,
    unit: 'MiB/s',
    value: megabytes / up,
    yardstick,
    yardstickValue: megabytes / upOther,
    aim,
  });
  printFigure({
    name: `artefact of ${megabytes} MiB down`,
    unit: 'MiB/s',
    value: megabytes / down,
    yardstick,
    yardstickValue: megabytes / downOther,
    aim,
  });
  printFigure({
    name: 'most memory of the registry process',
    unit: 'MB',
    value: peakMegabytes(here),
    yardstick,
    yardstickValue: null,
    aim: { of: 'value', atMost: 300 },
  });
}

/** VmHWM of /proc: the most that was resident. */
function peakMegabytes({ child }: Site): number {
  const [, kib = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return (Number(kib) * 1_024) / 1e6;
}

function upload(site: Site, path: string): Promise<number> {
  return timed(site, { method: 'PUT', path: FILE, headers: { 'content-length': FILE_BYTES } }, (sent) =>
    createReadStream(path).pipe(sent),
  );
}

function download(site: Site): Promise<number> {
  return timed(site, { method: 'GET', path: FILE }, (sent) => sent.end());
}

/** Seconds until the whole answer is there. */
function timed(site: Site, options: object, send: (sent: ReturnType<typeof request>) => void): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(site.url, { ...options, agent }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve((performance.now() - begun) / 1_000);
        else reject(new Error(`${site.name} answered ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    send(sent);
  });
}

/** Operations per second of so many, a few at once. */
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

async function ours(): Promise<Site> {
  const directory = scratchDirectory();
  const [port = 0] = await freePorts(1);
  const program = new URL('./registry-server.ts', import.meta.url).pathname;
  const child = spawn(
    process.execPath,
    ['--conditions=headrace-source', program, directory, String(port), String(RUNS)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    },
  );
  return answering({ name: 'headrace', url: `http://127.0.0.1:${port}`, child });
}

/** MLflow's server with its runs; the tables are filled once it made them. */
async function official(name: string, python: string): Promise<Site> {
  const directory = scratchDirectory();
  const [port = 0] = await freePorts(1);
  const args = [
    '-m',
    'mlflow',
    'server',
    '--backend-store-uri',
    `sqlite:///${directory}/mlflow.db`,
    '--artifacts-destination',
    join(directory, 'files'),
  ];
  const env = {
    ...process.env,
    PATH: `${dirname(python)}:${process.env['PATH']}`,
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  };
  const child = spawn(python, [...args, '--port', String(port), '--workers', '1'], {
    cwd: directory,
    env,
    stdio: 'ignore',
    detached: true,
  });
  const site = await answering({ name, url: `http://127.0.0.1:${port}`, child });
  await post(site, 'experiments/search', { max_results: 1 });
  const program = new URL('./fill-mlflow.py', import.meta.url).pathname;
  const filling = spawn(python, [program, `${directory}/mlflow.db`, String(RUNS)], { stdio: 'inherit' });
  const code = await new Promise((resolve) => filling.once('close', resolve));
  if (code !== 0) throw new Error(`the runs of ${name} cannot be written`);
  return site;
}

async function answering(site: Site): Promise<Site> {
  for (;;) {
    if (site.child.exitCode !== null) throw new Error(`${site.name} ended with ${site.child.exitCode}`);
    const response = await fetch(`${site.url}/health`).catch(() => null);
    if (response?.ok === true) return site;
    await sleep(100);
  }
}
