import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail } from '../../base/errors/fail.ts';
import { isAlive } from '../../base/is-alive.ts';
import { spark } from '../../features/sql/spark.ts';
import type {
  BroughtTable,
  Computation,
  Computed,
  ComputedTable,
  HistoryEngine,
  HistorySession,
} from '../../ports/history-engine.ts';
import type { OfflineTable, OfflineType } from '../../ports/offline-store.ts';
import { ConnectRunner } from './connect/connect-runner.ts';
import type { ConnectOptions } from './connect/link.ts';
import { type JobColumns, type JobRunner, type JobStep, SLICE, type SparkJob, type WrittenFile } from './job.ts';
import { SparkApplication } from './session.ts';
import type { SparkOptions } from './submit.ts';

/**
 * Computes over the history with Spark: an application for each session, or a running Connect server. A computation writes
 * everything to `<directory>/run=<process>-<number>`, which all machines of the cluster reach under the same path.
 */
export function sparkHistoryEngine(options: SparkOptions | ConnectOptions, directory: string): HistoryEngine {
  return {
    dialect: spark,
    async open(onProgress) {
      mkdirSync(directory, { recursive: true });
      removeDead(directory);
      const runner =
        'home' in options
          ? await SparkApplication.start(options, directory, onProgress)
          : await ConnectRunner.start(options, onProgress);
      return new SparkHistorySession(runner, directory);
    },
  };
}

class SparkHistorySession implements HistorySession {
  readonly #runner: JobRunner;
  readonly #directory: string;

  constructor(runner: JobRunner, directory: string) {
    this.#runner = runner;
    this.#directory = directory;
  }

  async compute(computation: Computation): Promise<Computed> {
    const folder = newRun(this.#directory);
    const drop = () => rmSync(folder, { recursive: true, force: true });
    try {
      await bring(computation, folder);
      const job = jobOf(computation, folder);
      const written = await this.#runner.run(job);
      rmSync(stepsOf(folder), { recursive: true, force: true });
      const files = new Map<string, readonly (readonly string[])[]>();
      for (const { name, path } of job.outputs) {
        const slices = Array.from({ length: computation.slices }, (): string[] => []);
        for (const file of written.get(name) ?? [])
          slices[sliceOf(file)].push(await checked(join(path, file.path), file));
        files.set(name, slices);
      }
      return { files, drop };
    } catch (error) {
      drop();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}

function jobOf({ tables, brought = [], outputs, slices }: Computation, folder: string): SparkJob {
  return {
    tables: [
      ...tables.map(({ name, table, files }) => ({
        name,
        columns: columnsOf(table.columns),
        parts: files.map(({ columns, paths }) => ({ columns: columnsOf(columns), files: paths })),
      })),
      ...brought.map((table) => {
        const columns = columnsOf(table.columns);
        return { name: table.name, columns, parts: [{ columns, files: [broughtPath(folder, table)] }] };
      }),
    ],
    outputs: outputs.map((output, i) => ({
      name: output.name,
      steps: jobSteps(output, join(stepsOf(folder), `output-${i}`)),
      sql: slicedSql(output, slices),
      path: join(folder, `output-${i}`),
      sliced: output.slicedBy.length > 0,
    })),
  };
}

/** Writes what is brought where the machines of the cluster read it. */
async function bring({ brought = [] }: Computation, folder: string): Promise<void> {
  if (brought.length > 0) mkdirSync(stepsOf(folder));
  for (const table of brought) await table.write(broughtPath(folder, table));
}

function broughtPath(folder: string, { name }: BroughtTable): string {
  return join(stepsOf(folder), `${name}.parquet`);
}

/** The folder of a computation's inputs: uploaded tables, and results that are read more than once. */
function stepsOf(folder: string): string {
  return join(folder, 'steps');
}

/** Spark puts the text of a step wherever it is read: one that is read more than once would be computed as often. */
function jobSteps({ steps = [], sql }: ComputedTable, folder: string): readonly JobStep[] {
  const texts = [...steps.map((step) => step.sql), sql].join('\n');
  return steps.map(({ name, sql: text }) => {
    const reads = texts.match(new RegExp(`\\b(?:FROM|JOIN) ${name}\\b`, 'g'))?.length ?? 0;
    return { name, sql: text, path: reads > 1 ? join(folder, name) : null };
  });
}

function slicedSql({ sql, slicedBy }: ComputedTable, slices: number): string {
  if (slicedBy.length === 0) return sql;
  // The text is the statement's own, so that a line that Spark names is a line of it.
  return `SELECT *, PMOD(XXHASH64(${slicedBy.join(', ')}), ${slices}) AS ${SLICE} FROM (${sql}) AS computed`;
}

function sliceOf({ path }: WrittenFile): number {
  return Number(/^slice=(\d+)\//.exec(path)?.[1] ?? 0);
}

const TYPES: Readonly<Record<OfflineType, string>> = {
  BIGINT: 'BIGINT',
  DOUBLE: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
  STRING: 'STRING',
  DECIMAL: 'DECIMAL(38,0)',
  BLOB: 'BINARY',
  'LIST<BIGINT>': 'ARRAY<BIGINT>',
  'LIST<DOUBLE>': 'ARRAY<DOUBLE>',
  'LIST<STRING>': 'ARRAY<STRING>',
  'LIST<BOOLEAN>': 'ARRAY<BOOLEAN>',
};

function columnsOf(columns: OfflineTable['columns']): JobColumns {
  return Object.entries(columns).map(([name, type]) => [name, TYPES[type]]);
}

/** The path of a file that is here what it was there. Error: SPARK_FILE. */
export async function checked(path: string, { bytes, sha256 }: WrittenFile): Promise<string> {
  if (!existsSync(path)) throw fail('SPARK_FILE', { path, reason: 'it is not here' });
  const found = statSync(path).size;
  if (found !== bytes) throw fail('SPARK_FILE', { path, reason: `it has ${found} bytes here, ${bytes} there` });
  const digest = createHash('sha256');
  await pipeline(createReadStream(path), digest);
  if (digest.digest('hex') !== sha256)
    throw fail('SPARK_FILE', { path, reason: 'its bytes are others here than there' });
  return path;
}

let runs = 0;

/** A fresh folder of this process. */
export function newRun(directory: string): string {
  runs += 1;
  const folder = join(directory, `run=${process.pid}-${runs}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return folder;
}

/** Removes the runs of processes that are gone. */
export function removeDead(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = Number(/^run=(\d+)-\d+$/.exec(name)?.[1] ?? Number.NaN);
    if (!Number.isNaN(pid) && !isAlive(pid)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
