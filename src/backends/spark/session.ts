import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { turnsInOrder } from '../../base/in-turn.ts';
import { startProgram } from '../../process/start-child.ts';
import { endedError, failedError, type JobFailure } from './failures.ts';
import { findInstallation, historyRunner, type SparkProgram } from './installation.ts';
import type { JobRunner, SparkJob, WrittenFile } from './job.ts';
import { type SparkOptions, submitArguments } from './submit.ts';

type Line =
  | { readonly headrace: 'started'; readonly spark: string; readonly application: string }
  | { readonly headrace: 'progress'; readonly stages: number; readonly rows: number }
  | { readonly headrace: 'executorLost'; readonly executor: string; readonly reason: string }
  | { readonly headrace: 'written'; readonly name: string; readonly files: readonly WrittenFile[] }
  | { readonly headrace: 'done' }
  | ({ readonly headrace: 'failed' } & JobFailure);

interface ApplicationOptions extends SparkOptions {
  /** Jars that the program needs in addition to Spark's. */
  readonly jars?: readonly string[];
  /** The program that takes the jobs: the runner of SQL where it is left out. */
  readonly program?: SparkProgram;
}

/** The kept length of Spark's output, characters. */
const LOG_LENGTH = 20_000;

/** How long a runner may take to end when it is asked to, ms. */
const END_MS = 20_000;

/** A Spark application that runs jobs one after the other, in a separate process that ends with this one. */
export class SparkApplication implements JobRunner {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #onProgress: (text: string) => void;
  readonly #ended: Promise<void>;
  #log = '';
  #end: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null = null;
  #take: (line: Line | null) => void = () => undefined;
  readonly #inTurn = turnsInOrder();

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, onProgress: (text: string) => void) {
    this.#child = child;
    this.#onProgress = onProgress;
    // The process may be gone when a job is sent; its exit reports that.
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    createInterface({ input: child.stdout }).on('line', (text) => this.#read(text));
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#end = { code, signal };
        this.#take(null);
        resolve();
      });
      child.once('error', (error) => {
        this.#log += error.message;
        this.#end ??= { code: null, signal: null };
        this.#take(null);
        resolve();
      });
    });
  }

  /**
   * Starts an application and waits until it can take jobs; the runner is compiled into `directory`.
   * Errors: SPARK_HOME, SPARK_VERSION, SPARK_JAVA, SPARK_RUNNER, SPARK_ENDED, SPARK_MEMORY.
   */
  static async start(
    { home, master, conf, jars = [], program = historyRunner }: ApplicationOptions,
    directory: string,
    onProgress: (text: string) => void,
  ): Promise<SparkApplication> {
    const { submit, jar } = await findInstallation({ home, directory, program, jars });
    const args = submitArguments({ master, conf }, 'headrace.Runner', jar);
    const child = startProgram([submit, ...(jars.length === 0 ? [] : ['--jars', jars.join(',')]), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, SPARK_HOME: home },
    });
    if (!hasPipes(child)) throw new TypeError('a child without pipes');
    const application = new SparkApplication(child, onProgress);
    for await (const line of application.#lines())
      if (line.headrace === 'started') {
        onProgress(`Spark ${line.spark} runs on ${master} as ${line.application}`);
        return application;
      }
    throw application.#endedError('its start');
  }

  /** The process of the driver. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Runs a job; gives the files of each output by its name. Errors: SPARK_SQL, SPARK_FAILED, SPARK_MEMORY, SPARK_ENDED. */
  run(job: SparkJob): Promise<ReadonlyMap<string, readonly WrittenFile[]>> {
    return this.#inTurn(() => this.#runNow(job));
  }

  async #runNow(job: SparkJob): Promise<ReadonlyMap<string, readonly WrittenFile[]>> {
    const written = new Map<string, readonly WrittenFile[]>();
    const lines = this.#lines();
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    for await (const line of lines) {
      if (line.headrace === 'written') {
        written.set(line.name, line.files);
        this.#onProgress(`${line.name} is computed`);
      }
      if (line.headrace === 'failed') throw failedError(line, job.outputs);
      if (line.headrace === 'done') return written;
    }
    throw this.#endedError('a job');
  }

  /** Ends it at once; its job fails with SPARK_ENDED. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Asks it to end, and kills it if it does not. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const late = new AbortController();
    await Promise.race([this.#ended, sleep(END_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    if (this.#end === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Lines from now on, until the process ends. */
  async *#lines(): AsyncGenerator<Line> {
    const waiting: (Line | null)[] = [];
    let wake: () => void = () => undefined;
    this.#take = (line) => {
      waiting.push(line);
      wake();
    };
    if (this.#end !== null) waiting.push(null);
    for (;;) {
      const line = waiting.shift();
      if (line === null) return;
      if (line !== undefined) yield line;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  #read(text: string): void {
    // Launchers print lines of their own.
    if (!text.startsWith('{"headrace":')) return;
    const line: Line = JSON.parse(text);
    if (line.headrace === 'progress') this.#onProgress(`${line.stages} stages are done, ${line.rows} rows are read`);
    if (line.headrace === 'executorLost') this.#onProgress(`executor ${line.executor} is lost: ${line.reason}`);
    this.#take(line);
  }

  #heard(text: string): void {
    this.#log = (this.#log + text).slice(-LOG_LENGTH);
    if (text.includes('Initial job has not accepted any resources'))
      this.#onProgress('the cluster has no executor for it yet');
  }

  #endedError(during: string): Error {
    return endedError(during, this.#end ?? { code: null, signal: null }, this.#log);
  }
}

function hasPipes(child: ChildProcess): child is ChildProcessByStdio<Writable, Readable, Readable> {
  return child.stdin !== null && child.stdout !== null && child.stderr !== null;
}
