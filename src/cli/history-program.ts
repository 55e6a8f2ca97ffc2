import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type ErrorCode, fail, HeadraceError } from '../base/errors/fail.ts';
import type {
  AskedTrainingSet,
  TrainingSetProgram,
  TrainingSetRun,
} from '../featurestore/training-set/asked-training-set.ts';
import type { JoinedSpine } from '../featurestore/training-set/join-spine.ts';
import type { TrainingSetSummary } from '../featurestore/training-set/training-set.ts';
import type { Call } from './command.ts';
import { turns } from './take-turns.ts';

/** Processes that run at a time: each may hold `offline.memory`. Other sets wait. */
const MOST_PROCESSES = 2;

/** Messages of the process to the one that started it. */
export type FromHistoryWorker =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'done'; readonly summary: TrainingSetSummary | JoinedSpine }
  | {
      readonly kind: 'failed';
      /** null: of an error that is not catalogued. */
      readonly code: ErrorCode | null;
      readonly facts: HeadraceError['facts'];
      readonly message: string;
    };

/**
 * Writes the training sets of a serving process in processes of their own, by the configuration of its call. One that is cancelled or
 * dies leaves no file; `clear` removes its remains in the history's scratch folder. Errors: JOB_CANCELLED, JOB_PROCESS, those of its work.
 */
export function historyProgram({ options }: Pick<Call, 'options'>, clear: () => void): TrainingSetProgram {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const program = new URL(`./history-worker${ending}`, import.meta.url);
  const args = ['config', 'env'].flatMap((name) =>
    options[name] === undefined ? [] : [`--${name}=${String(options[name])}`],
  );
  const takeTurn = turns(MOST_PROCESSES);
  return async (asked, run) => {
    const giveBack = await takeTurn(asked.path, run.signal);
    const child = fork(program, args, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    try {
      return await answerOf(child, asked, run);
    } catch (error) {
      removeAll(asked.path);
      clear();
      throw error;
    } finally {
      giveBack();
    }
  };
}

/** Ends when the process has ended. */
function answerOf(
  child: ChildProcess,
  asked: AskedTrainingSet,
  { onLine, signal }: TrainingSetRun,
): Promise<TrainingSetSummary | JoinedSpine> {
  return new Promise((done, failed) => {
    let answer: FromHistoryWorker | null = null;
    const kill = () => void child.kill('SIGKILL');
    signal?.addEventListener('abort', kill, { once: true });
    process.once('exit', kill);
    child.on('message', (message: FromHistoryWorker) => {
      if (message.kind === 'line') onLine?.(message.line);
      else answer = message;
    });
    const end = (outcome: string) => {
      signal?.removeEventListener('abort', kill);
      process.off('exit', kill);
      if (signal?.aborted === true) failed(fail('JOB_CANCELLED', { job: asked.path }));
      else if (answer?.kind === 'done') done(answer.summary);
      else if (answer?.kind === 'failed') failed(errorOf(answer));
      else failed(fail('JOB_PROCESS', { path: asked.path, outcome }));
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, by) => end(by === null ? `exit code ${code}` : `signal ${by}`));
    child.send(asked, () => undefined);
  });
}

function errorOf({ code, facts, message }: Extract<FromHistoryWorker, { kind: 'failed' }>): Error {
  return code === null ? new Error(message) : new HeadraceError(code, facts);
}

/** Removes a file, and its neighbours that begin with its name. */
function removeAll(path: string): void {
  const folder = dirname(resolve(path));
  for (const name of readdirSync(folder))
    if (name.startsWith(basename(path))) rmSync(join(folder, name), { recursive: true, force: true });
}
