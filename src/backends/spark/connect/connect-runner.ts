import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import { turnsInOrder } from '../../../base/in-turn.ts';
import { failedError } from '../failures.ts';
import { type JobOutput, type JobRunner, type JobTable, SLICE, type SparkJob, type WrittenFile } from '../job.ts';
import { ConnectSession, type Progress } from './connect-session.ts';
import { ConnectLink, type ConnectOptions } from './link.ts';
import { filesOf, quoted, rowsOf, viewOf, writtenTo } from './plans.ts';
import type { Fields } from './protobuf.ts';
import { scoredRelation } from './python-function.ts';
import { cellsSql, fileSql, rejectedSql, rowsSql, SCORE_SLICE, scoredSql } from './score-sql.ts';
import { columnKinds, withScores } from './spark-types.ts';

/** The view of the scored rows. */
const SCORED = 'headrace_scored';

/**
 * The commands of a job that scores. The scored rows are written before they are split, because a score may cost more than a file.
 * `typed` gives the type of the rows of an SQL text. Errors: PREDICT_COLUMN, PREDICT_TYPE, those of `typed`.
 */
async function scoreCommands(
  scores: NonNullable<SparkJob['scores']>,
  python: string,
  typed: (sql: string) => Promise<Buffer>,
): Promise<readonly Fields[]> {
  const sql = cellsSql(scores, columnKinds(await typed(fileSql(scores))));
  const outputType = withScores(await typed(scoredSql(scores)));
  const at = (name: string) => join(scores.path, name);
  const format = 'parquet' as const;
  return [
    writtenTo(at('scored'), scoredRelation(rowsOf(sql), { job: scores, python, outputType }), { format }),
    viewOf(SCORED, filesOf('parquet', [at('scored')])),
    writtenTo(at('rows'), rowsOf(rowsSql(scores, SCORED)), { format, partitionedBy: [SCORE_SLICE] }),
    writtenTo(at('rejected'), rowsOf(rejectedSql(SCORED)), { format }),
  ];
}

/** Between two words of progress, ms. */
const PROGRESS_MS = 500;

interface ConnectRunnerOptions extends ConnectOptions {
  /** The version of the executors' Python, as `3.12`, for jobs that score. */
  readonly python?: string | null;
}

/** Runs jobs on a Connect server, each in a separate session: no job sees the leftovers of another. */
export class ConnectRunner implements JobRunner {
  readonly #link: ConnectLink;
  readonly #conf: Readonly<Record<string, string>>;
  readonly #onProgress: (text: string) => void;
  /** The version of the executors' Python; null: none of ours is run there. */
  readonly #python: string | null;
  readonly #running = new Set<ConnectSession>();
  readonly #inTurn = turnsInOrder();
  #toldAt = 0;
  #closed = false;

  private constructor(
    link: ConnectLink,
    { conf, python = null }: ConnectRunnerOptions,
    onProgress: (text: string) => void,
  ) {
    this.#link = link;
    this.#conf = conf;
    this.#python = python;
    this.#onProgress = onProgress;
  }

  /** Connects and tries a session. Errors: SPARK_CLIENT, SPARK_UNREACHABLE, SPARK_TOKEN, SPARK_VERSION, SPARK_SETTING. */
  static async start(options: ConnectRunnerOptions, onProgress: (text: string) => void): Promise<ConnectRunner> {
    const link = await ConnectLink.open(options);
    const runner = new ConnectRunner(link, options, onProgress);
    try {
      const version = await runner.#inSession((session) => session.sparkVersion());
      if (!version.startsWith('4.')) throw fail('SPARK_VERSION', { home: options.address, found: version });
      onProgress(`Spark ${version} takes jobs on ${options.address}`);
      return runner;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Runs a job; gives the files of each output by its name. Errors: SPARK_SQL, SPARK_FAILED, SPARK_MEMORY, SPARK_UNREACHABLE, SPARK_FILE. */
  run(job: SparkJob): Promise<ReadonlyMap<string, readonly WrittenFile[]>> {
    return this.#inTurn(() => this.#inSession((session) => this.#runIn(session, job)));
  }

  /** Ends what runs, too. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running].map((session) => session.release()));
    await this.#inTurn(async () => undefined);
    this.#link.close();
  }

  async #inSession<T>(work: (session: ConnectSession) => Promise<T>): Promise<T> {
    const session = await ConnectSession.begin(this.#link, this.#conf);
    this.#running.add(session);
    try {
      if (this.#closed)
        throw fail('SPARK_UNREACHABLE', { address: this.#link.address, reason: 'the session is closed' });
      return await work(session);
    } finally {
      this.#running.delete(session);
      await session.release();
    }
  }

  async #runIn(session: ConnectSession, job: SparkJob): Promise<ReadonlyMap<string, readonly WrittenFile[]>> {
    const run = async (command: Fields, name: string, step: string | null = null) => {
      const failure = await session.run(command, (progress) => this.#tell(progress));
      if (failure !== null) throw failedError({ name, step, ...failure }, job.outputs);
    };
    if (job.scores !== undefined) return this.#score(session, job.scores, (command) => run(command, 'scores'));
    for (const table of job.tables) for (const command of tableViews(table)) await run(command, table.name);
    const written = new Map<string, readonly WrittenFile[]>();
    for (const output of job.outputs) {
      for (const { name, sql, path } of output.steps) {
        if (path !== null) await run(writtenTo(path, rowsOf(sql), { format: 'parquet' }), output.name, name);
        await run(viewOf(name, path === null ? rowsOf(sql) : filesOf('parquet', [path])), output.name, name);
      }
      await run(outputCommand(output), output.name);
      for (const command of listCommands(output)) await run(command, output.name);
      written.set(output.name, listed(output));
      this.#onProgress(`${output.name} is computed`);
    }
    return written;
  }

  /** Scores in the Python of the executors; the files are those of `score-runner/ScoreRows.java`. */
  async #score(
    session: ConnectSession,
    scores: NonNullable<SparkJob['scores']>,
    run: (command: Fields) => Promise<void>,
  ): Promise<ReadonlyMap<string, readonly WrittenFile[]>> {
    const python = this.#python;
    if (python === null) throw new TypeError('the server has no Python to score with');
    const typed = async (sql: string) => {
      const found = await session.schemaOf(rowsOf(sql));
      if (Buffer.isBuffer(found)) return found;
      throw failedError({ name: 'scores', step: null, ...found }, []);
    };
    for (const command of await scoreCommands(scores, python, typed)) await run(command);
    const written = new Map<string, readonly WrittenFile[]>();
    for (const name of ['rows', 'rejected']) {
      const path = join(scores.path, name);
      for (const command of listCommands({ path })) await run(command);
      written.set(name, listed({ path }));
    }
    this.#onProgress('scores are computed');
    return written;
  }

  #tell({ tasks, done, bytes }: Progress): void {
    const now = performance.now();
    if (tasks === 0 || now - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = now;
    this.#onProgress(`${done} of ${tasks} tasks are done, ${bytes} bytes are read`);
  }
}

/** Files written under other columns than the table's read as null there, or as the same number. */
function tableViews({ name, columns, parts }: JobTable): readonly Fields[] {
  const partOf = (i: number) => `${name}__part_${i}`;
  const selects = parts.map((part, i) => {
    const own = new Set(part.columns.map(([column]) => column));
    const values = columns.map(
      ([column, type]) => `CAST(${own.has(column) ? quoted(column) : 'NULL'} AS ${type}) AS ${quoted(column)}`,
    );
    return `SELECT ${values.join(', ')} FROM ${partOf(i)}`;
  });
  const none = `SELECT ${columns.map(([column, type]) => `CAST(NULL AS ${type}) AS ${quoted(column)}`).join(', ')} WHERE FALSE`;
  return [
    ...parts.map(({ columns: own, files }, i) => viewOf(partOf(i), filesOf('parquet', files, { columns: own }))),
    viewOf(name, rowsOf(selects.length === 0 ? none : selects.join('\nUNION ALL\n'))),
  ];
}

function outputCommand({ sql, path, sliced }: JobOutput): Fields {
  if (!sliced) return writtenTo(path, rowsOf(sql), { format: 'parquet' });
  return writtenTo(path, rowsOf(`${sql} DISTRIBUTE BY ${SLICE}`), { format: 'parquet', partitionedBy: [SLICE] });
}

/** The view of the files of an output, as bytes. */
const FILES = 'headrace_files';

/** The files of an output, as the machines of the server read them back. */
function listPath({ path }: Pick<JobOutput, 'path'>): string {
  return `${path}-files`;
}

function listCommands(output: Pick<JobOutput, 'path'>): readonly Fields[] {
  const options = { recursiveFileLookup: 'true', pathGlobFilter: '*.parquet' };
  const sql = `SELECT COLLECT_LIST(STRUCT(path, length AS bytes, SHA2(content, 256) AS sha256)) AS files FROM ${FILES}`;
  return [
    viewOf(FILES, filesOf('binaryFile', [output.path], { options })),
    writtenTo(listPath(output), rowsOf(sql), { format: 'json' }),
  ];
}

/** One row of JSON, which is whole or does not parse. Error: SPARK_FILE. */
function listed(output: Pick<JobOutput, 'path'>): readonly WrittenFile[] {
  const folder = listPath(output);
  const missing = (error: unknown) => fail('SPARK_FILE', { path: folder, reason: 'it is not here' }, error);
  try {
    const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.json'));
    const { files }: { readonly files: readonly WrittenFile[] } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const above = `/${basename(output.path)}/`;
    return files.map((file) => ({ ...file, path: file.path.slice(file.path.lastIndexOf(above) + above.length) }));
  } catch (error) {
    throw missing(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
