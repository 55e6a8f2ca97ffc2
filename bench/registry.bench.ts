import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { mlflow2, mlflow3 } from '../scripts/services/mlflow.ts';
import { printFigure } from './figure.ts';
import { agent, batchRate, kill, metricRate, official, ours, RUNS, type Site, searchRate } from './mlflow-sites.ts';
import { withServices } from './services.ts';
import { scratchDirectory } from './shop.ts';

/**
 * The registry over HTTP next to MLflow's own servers with one worker each, all on SQLite and on the same cores: the same raw requests,
 * without the cost of a client. A search reads 100,000 runs that were written into the databases directly.
 */
const FILE_BYTES = Number(process.env['HEADRACE_BENCH_FILE'] ?? 2 ** 28);
/** The artefact that is sent and read. */
const FILE = '/api/2.0/mlflow-artifacts/artifacts/0/bench/file.bin';

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
    kill([here, ...others]);
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
