import type { ChildProcess } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { type TakeTurn, turns } from '../base/take-turns.ts';
import type { Environment } from '../environment/config.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type {
  AskedTrainingSet,
  TrainingSetProgram,
  TrainingSetRun,
} from '../featurestore/training-set/asked-training-set.ts';
import type { JoinedSpine } from '../featurestore/training-set/join-spine.ts';
import type { TrainingSetSummary } from '../featurestore/training-set/training-set.ts';
import { type ChildFailure, errorOfChild } from '../process/child-failure.ts';
import { startOwn } from '../process/start-child.ts';

/** The message to the process: the set, and its model and environment as data; null: of the configuration of its call. */
export interface ToHistoryWorker {
  readonly asked: AskedTrainingSet;
  readonly declared: { readonly model: ModelData; readonly environment: Environment } | null;
}

/** Messages of the process to the one that started it. */
export type FromHistoryWorker =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'done'; readonly summary: TrainingSetSummary | JoinedSpine }
  | ChildFailure;

/** Processes that run at a time: each may hold `offline.memory`. Other sets wait. */
const MOST_PROCESSES = 2;

/** A limited number of processes that write training sets, each by the program of the command line. */
export class HistoryProcesses {
  readonly #program: URL;
  readonly #args: readonly string[];
  readonly #clear: () => void;
  readonly #takeTurn: TakeTurn = turns(MOST_PROCESSES);

  /** `program`: the entry of the process, and `args` its arguments; `clear` removes the remains of a process that died in the history's scratch folder. */
  constructor(program: URL, args: readonly string[], clear: () => void) {
    this.#program = program;
    this.#args = args;
    this.#clear = clear;
  }

  /** Writes a set. One that is cancelled or dies leaves no file. Errors: JOB_CANCELLED, JOB_PROCESS, those of its work. */
  async run(message: ToHistoryWorker, run: TrainingSetRun): Promise<TrainingSetSummary | JoinedSpine> {
    const { path } = message.asked;
    const giveBack = await this.#takeTurn(path, run.signal);
    const child = startOwn(this.#program, this.#args, {
      messages: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    try {
      return await answerOf(child, message, run);
    } catch (error) {
      removeAll(path);
      this.#clear();
      throw error;
    } finally {
      giveBack();
    }
  }
}

/**
 * Writes the training set of a model in another process, from its declaration as data. A model with on-demand functions gives null: a
 * function stays in its process. Errors: those of `HistoryProcesses.run`.
 */
export function declaredSets(
  environment: Environment,
  clear: () => void,
): (model: ModelData) => TrainingSetProgram | null {
  const program = new URL(`./history-worker${import.meta.url.slice(-3)}`, import.meta.url);
  const processes = new HistoryProcesses(program, [], clear);
  return (model) => {
    if (model.service.computed.some(({ kind }) => kind === 'apply')) return null;
    const declared = { model: asData(model), environment: asData(environment) };
    return (asked, run) => processes.run({ asked, declared }, run);
  };
}

/** A value without its functions, in which the same object stays the same. */
function asData<T>(value: T, seen: Map<unknown, unknown> = new Map()): T {
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known as T;
  const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : {};
  seen.set(value, copy);
  for (const [name, one] of Object.entries(value))
    if (typeof one !== 'function') Object.assign(copy, { [name]: asData(one, seen) });
  return copy as T;
}

/** Ends when the process has ended. */
function answerOf(
  child: ChildProcess,
  message: ToHistoryWorker,
  { onLine, signal }: TrainingSetRun,
): Promise<TrainingSetSummary | JoinedSpine> {
  return new Promise((done, failed) => {
    const { path } = message.asked;
    let answer: FromHistoryWorker | null = null;
    const kill = () => void child.kill('SIGKILL');
    signal?.addEventListener('abort', kill, { once: true });
    process.once('exit', kill);
    child.on('message', (said: FromHistoryWorker) => {
      if (said.kind === 'line') onLine?.(said.line);
      else answer = said;
    });
    const end = (outcome: string) => {
      signal?.removeEventListener('abort', kill);
      process.off('exit', kill);
      if (signal?.aborted === true) failed(fail('JOB_CANCELLED', { job: path }));
      else if (answer?.kind === 'done') done(answer.summary);
      else if (answer?.kind === 'failed') failed(errorOfChild(answer));
      else failed(fail('JOB_PROCESS', { path, outcome }));
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, by) => end(by === null ? `exit code ${code}` : `signal ${by}`));
    child.send(message, () => undefined);
  });
}

/** Removes a file, and its neighbours that begin with its name. */
function removeAll(path: string): void {
  const folder = dirname(resolve(path));
  for (const name of readdirSync(folder))
    if (name.startsWith(basename(path))) rmSync(join(folder, name), { recursive: true, force: true });
}
