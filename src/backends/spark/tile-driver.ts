import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { isAlive } from '../../base/is-alive.ts';
import { startSurvivor } from '../../process/start-child.ts';
import { endedError, failedError } from './failures.ts';
import { findInstallation, tileRunner } from './installation.ts';
import { type SparkOptions, submitArguments } from './submit.ts';
import type { SparkTileJob } from './tile-job.ts';

/** The jars through which Spark reads and writes Kafka. */
const NEEDED = [
  'spark-sql-kafka-0-10_',
  'spark-token-provider-kafka-0-10_',
  'kafka-clients-',
  'commons-pool2-',
] as const;

/** Sees that Spark has its Kafka connector, whole. Error: SPARK_CONNECTOR. */
export function requireConnector(home: string, jars: readonly string[]): void {
  const absent = jars.find((path) => !existsSync(path));
  if (absent !== undefined) throw fail('SPARK_CONNECTOR', { home, what: absent });
  const there = [...readdirSync(join(home, 'jars')), ...jars.map((path) => basename(path))];
  const missing = NEEDED.find((name) => !there.some((file) => file.startsWith(name)));
  if (missing !== undefined) throw fail('SPARK_CONNECTOR', { home, what: `${missing}….jar` });
}

const failureSchema = z.object({
  at: z.number(),
  name: z.string(),
  condition: z.string().nullable(),
  sqlState: z.string().nullable(),
  message: z.string(),
  cause: z.string(),
});

const statusSchema = z.object({
  format: z.literal(1),
  run: z.string(),
  application: z.string(),
  host: z.string(),
  pid: z.number(),
  at: z.number(),
  state: z.enum(['STARTING', 'RUNNING', 'STOPPED', 'FAILED']),
  failures: z.array(failureSchema),
});

/** The last state of the driver; `tile-runner/TileRunner.java` has the files of its folder. */
export type DriverStatus = Readonly<z.infer<typeof statusSchema>>;

export interface TileDriverOptions {
  readonly spark: SparkOptions;
  /** Jars of Spark's Kafka connector; those in Spark's own folder need none. */
  readonly jars: readonly string[];
  readonly job: SparkTileJob;
  /** The consumer group that receives the position of the events in tiles. */
  readonly group: string;
  /** Settings of Kafka's client in Java, secret ones too. */
  readonly kafka: Readonly<Record<string, string>>;
  readonly realTime: boolean;
  /** Time between two checkpoints, ms. */
  readonly everyMs: number;
  /** Of the shuffles; fixed once there is a checkpoint. */
  readonly partitions: number;
}

/** A driver without a sign for this long is gone, ms. */
const SILENT_MS = 60_000;
const POLL_MS = 200;

/** How long a driver may take from its start to running queries, and to end when it is asked to, ms. */
const START_MS = 300_000;
const END_MS = 60_000;

/** The reported length of a driver's log, characters. */
const LOG_LENGTH = 20_000;

/** The last state of the driver in a folder; null: there was none, or one of another version of Headrace. */
export function driverStatus(folder: string): DriverStatus | null {
  const path = join(folder, 'status.json');
  if (!existsSync(path)) return null;
  return statusSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data ?? null;
}

/** Whether a driver runs; of one on another machine only its silence is known. */
export function isDriving(status: DriverStatus, now: number): boolean {
  if (status.state !== 'RUNNING' && status.state !== 'STARTING') return false;
  if (now - status.at > SILENT_MS) return false;
  return status.host !== hostname() || isHere(status);
}

function isHere({ host, pid }: DriverStatus): boolean {
  return host === hostname() && isAlive(pid);
}

/** Drivers that this process has started and that have not said yet how they stand, by folder. */
const starting = new Map<string, ChildProcess>();

/**
 * Starts a driver that outlives this process, and waits until its queries run. Secrets go through its standard input only.
 * Errors: SPARK_*.
 */
export async function startDriver(folder: string, run: string, options: TileDriverOptions): Promise<DriverStatus> {
  const { spark, jars, job, group, kafka, realTime, everyMs, partitions } = options;
  requireConnector(spark.home, jars);
  mkdirSync(folder, { recursive: true });
  const { submit, jar } = await findInstallation({
    home: spark.home,
    directory: join(folder, '..'),
    program: tileRunner,
    jars,
  });
  rmSync(join(folder, 'stop'), { force: true });
  const logPath = join(folder, 'driver.log');
  const log = openSync(logPath, 'w');
  const own = { ...STREAMING, 'spark.sql.shuffle.partitions': `${partitions}` };
  const args = submitArguments(spark, 'headrace.TileRunner', jar, own);
  const child = startSurvivor([submit, ...(jars.length === 0 ? [] : ['--jars', jars.join(',')]), ...args], {
    stdio: ['pipe', log, log],
    env: { ...process.env, SPARK_HOME: spark.home },
  });
  closeSync(log);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(JSON.stringify({ run, folder, group, kafka, realTime, everyMs, queries: job.queries }));
  child.unref();
  starting.set(folder, child);
  try {
    return await started(folder, run, job, child, logPath);
  } finally {
    starting.delete(folder);
  }
}

async function started(
  folder: string,
  run: string,
  job: SparkTileJob,
  child: ChildProcess,
  logPath: string,
): Promise<DriverStatus> {
  let end: { readonly code: number | null; readonly signal: string | null } | null = null;
  child.once('exit', (code, signal) => (end = { code, signal }));
  child.once('error', () => (end = { code: null, signal: null }));
  const logged = () => readFileSync(logPath, 'utf8').slice(-LOG_LENGTH);
  for (const until = performance.now() + START_MS; performance.now() < until; await sleep(POLL_MS)) {
    const status = driverStatus(folder);
    if (status?.run === run && status.state === 'RUNNING') return status;
    if (status?.run === run && status.state === 'FAILED') throw driverError(status, job);
    if (end !== null) throw endedError('the start of its queries', end, logged());
  }
  child.kill('SIGKILL');
  throw endedError('the start of its queries', { code: null, signal: 'SIGKILL' }, logged());
}

/** Ends a driver, kindly if it can be asked; what it was in the middle of it does again when it is begun again. */
export async function endDriver(folder: string, clock: () => number): Promise<void> {
  closeSync(openSync(join(folder, 'stop'), 'w'));
  for (const until = performance.now() + END_MS; performance.now() < until; await sleep(POLL_MS)) {
    const status = driverStatus(folder);
    if (status === null || !(isDriving(status, clock()) || isHere(status))) return;
  }
  await killDriver(folder);
}

/** Ends a driver on this machine without a word, as a failure does, and waits until it is gone. */
export async function killDriver(folder: string): Promise<void> {
  const status = driverStatus(folder);
  if (status === null || !isHere(status)) return;
  process.kill(status.pid, 'SIGKILL');
  for (const until = performance.now() + END_MS; performance.now() < until; await sleep(POLL_MS))
    if (!isHere(status)) return;
}

/** Ends a driver that this process is about to start: it cannot be asked yet. */
export function killStarting(folder: string): void {
  starting.get(folder)?.kill('SIGKILL');
}

/** Why a driver ended by itself. */
export function driverError({ failures: [last] }: DriverStatus, job: SparkTileJob): Error {
  if (last === undefined)
    return fail('SPARK_ENDED', { during: 'its queries', how: 'by itself', reason: 'see driver.log' });
  const outputs = job.queries.map(({ name, increments }) => ({
    name,
    steps: [],
    sql: increments,
    path: '',
    sliced: false,
  }));
  return failedError({ ...last, name: last.name === '' ? (outputs[0]?.name ?? '') : last.name, step: null }, outputs);
}

/** The settings that streaming needs; others may be chosen. */
const STREAMING = {
  'spark.sql.streaming.stateStore.providerClass':
    'org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider',
  'spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled': 'true',
  // Without events nothing runs; state that is too old goes with the next ones.
  'spark.sql.streaming.noDataMicroBatches.enabled': 'false',
  'spark.sql.streaming.minBatchesToRetain': '10',
} as const;
