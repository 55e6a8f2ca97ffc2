import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { mlflow3 } from '../scripts/services/mlflow.ts';
import { postgres } from '../scripts/services/postgres.ts';
import { printFigure } from './figure.ts';
import { batchRate, kill, metricRate, official, ours, RUNS, type Store, searchRate } from './mlflow-sites.ts';
import { withServices } from './services.ts';

/**
 * The registry over HTTP next to MLflow's server with one worker, each on its own database of one PostgreSQL, and on the same cores.
 * A search reads 100,000 runs that were written into the tables directly.
 */
const OURS = [
  "INSERT INTO runs (no, id, experiment, name, user_name, status, started, ended, uri, stage) SELECT i, lpad(to_hex(i), 32, '0'), 0, 'r', 'u', 'FINISHED', i, i + 1, '', 'active' FROM generate_series(1, $1::int) i",
  "INSERT INTO latest_metrics (owner, key, value, nan, at, step) SELECT i, 'auc', ((i::bigint * 7919) % 10000) / 10000.0, 0, 1, 0 FROM generate_series(1, $1::int) i",
  "INSERT INTO latest_metrics (owner, key, value, nan, at, step) SELECT i, 'loss', i / $1::float8, 0, 1, 0 FROM generate_series(1, $1::int) i",
  "INSERT INTO run_params (owner, key, value) SELECT i, 'depth', (i % 10)::text FROM generate_series(1, $1::int) i",
  "INSERT INTO run_params (owner, key, value) SELECT i, 'lr', ((i % 100) / 100.0)::float8::text FROM generate_series(1, $1::int) i",
  "INSERT INTO run_tags (owner, key, value) SELECT i, 'mlflow.runName', 'r' FROM generate_series(1, $1::int) i",
  "SELECT setval(pg_get_serial_sequence('runs', 'no'), $1::int)",
];
const MLFLOW = [
  "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id) SELECT lpad(to_hex(i), 32, '0'), 'r', 'UNKNOWN', '', '', 'u', 'FINISHED', i, i + 1, 'active', '', 0 FROM generate_series(1, $1::int) i",
  "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT 'auc', ((i::bigint * 7919) % 10000) / 10000.0, 1, 0, false, lpad(to_hex(i), 32, '0') FROM generate_series(1, $1::int) i",
  "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT 'loss', i / $1::float8, 1, 0, false, lpad(to_hex(i), 32, '0') FROM generate_series(1, $1::int) i",
  "INSERT INTO params (key, value, run_uuid) SELECT 'depth', (i % 10)::text, lpad(to_hex(i), 32, '0') FROM generate_series(1, $1::int) i",
  "INSERT INTO params (key, value, run_uuid) SELECT 'lr', ((i % 100) / 100.0)::float8::text, lpad(to_hex(i), 32, '0') FROM generate_series(1, $1::int) i",
  "INSERT INTO tags (key, value, run_uuid) SELECT 'mlflow.runName', 'r', lpad(to_hex(i), 32, '0') FROM generate_series(1, $1::int) i",
];

await withServices([mlflow3, postgres], async (told) => {
  const other = await official('mlflow 3.17.2', told['MLFLOW_3'] ?? '', await store(told, 'bench_mlflow', MLFLOW));
  const here = await ours(await store(told, 'bench_headrace', OURS));
  try {
    const kinds = [
      { name: `search of ${RUNS} runs by metric and param, ordered`, unit: 'searches/s', measure: searchRate, aim: 10 },
      { name: 'log-metric over HTTP, c = 16', unit: 'requests/s', measure: metricRate, aim: 10 },
      { name: 'log-batch of 1,000 metrics, c = 4', unit: 'metrics/s', measure: batchRate, aim: 3 },
    ] as const;
    for (const { name, unit, measure, aim } of kinds)
      printFigure({
        name: `${name}, on PostgreSQL`,
        unit,
        value: await measure(here, true),
        yardstick: other.name,
        yardstickValue: await measure(other, false),
        aim: { of: 'ratio', atLeast: aim },
      });
  } finally {
    kill([here, other]);
  }
});

/** An empty database, and what fills the tables that a server has made there. */
async function store(
  told: Readonly<Record<string, string>>,
  database: string,
  fill: readonly string[],
): Promise<Store> {
  const admin = told['POSTGRES_URL'] ?? '';
  await asked(admin, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${database}`);
  });
  const url = new URL(admin);
  url.pathname = `/${database}`;
  return {
    url: url.href,
    fill: () =>
      asked(url.href, async (client) => {
        for (const statement of fill) await client.query(statement, statement.includes('$1') ? [RUNS] : []);
        await client.query('ANALYZE');
      }),
  };
}

/** A server that has just started listens before it answers. */
async function connected(url: string): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== '57P03') throw error;
      await sleep(100);
    }
  }
}

async function asked(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await connected(url);
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
