import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { type TakeTurn, turns } from '../../base/take-turns.ts';
import { type ChildFailure, errorOfChild } from '../../process/child-failure.ts';
import { startOwn } from '../../process/start-child.ts';
import type { ToJudge } from './judgement.ts';

/** The message of a process that judged. */
export type FromJudge = { readonly kind: 'done' } | ChildFailure;

/** Files of a caller, in their own folder. */
export interface AskedJudgement extends Omit<ToJudge, 'answer'> {
  readonly folder: string;
}

/** Processes that judge at a time, and calls that may wait for one. */
const MOST_PROCESSES = 2;
const MOST_OPEN = 10;

/** Time of one judgement, and the heap of its process; rows of tables are bounded too. */
const LIMIT_MS = 120_000;
const HEAP_MIB = 1_024;

const takeTurn: TakeTurn = turns(MOST_PROCESSES);
let open = 0;

/**
 * Runs a call that judges files, if there are not too many of them: each holds its form on the disk. Error: SERVER_BUSY.
 */
export async function oneJudgement<T>(run: () => Promise<T>): Promise<T> {
  if (open >= MOST_OPEN) throw fail('SERVER_BUSY', {});
  open += 1;
  try {
    return await run();
  } finally {
    open -= 1;
  }
}

/**
 * Judges the files of a form in a process: a file that breaks its reader breaks nothing else. Gives the path of the answer. Errors:
 * JOB_CANCELLED, SERVER_JUDGE, SERVER_FORM, those of the files.
 */
export async function judgeFiles(asked: AskedJudgement, signal: AbortSignal): Promise<string> {
  const { folder, judgement, ...form } = asked;
  const giveBack = await takeTurn(judgement.kind, signal);
  const answer = join(folder, 'answer.json');
  const files = join(folder, 'files');
  mkdirSync(files);
  const program = new URL(`./judge-worker${import.meta.url.slice(-3)}`, import.meta.url);
  const { NODE_OPTIONS = '', ...env } = process.env;
  const child = startOwn(program, [], {
    messages: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore'],
    cwd: files,
    env: { ...env, NODE_OPTIONS: `${NODE_OPTIONS} --max-old-space-size=${HEAP_MIB}` },
    limitMs: LIMIT_MS,
  });
  try {
    await answered(child, { ...form, judgement, answer }, signal);
    return answer;
  } finally {
    giveBack();
  }
}

/** Ends when the process has ended. */
function answered(child: ChildProcess, message: ToJudge, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    let answer: FromJudge | null = null;
    const kill = () => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    process.once('exit', kill);
    child.on('message', (said: FromJudge) => {
      answer = said;
    });
    const end = (outcome: string) => {
      signal.removeEventListener('abort', kill);
      process.off('exit', kill);
      if (signal.aborted) failed(fail('JOB_CANCELLED', { job: message.judgement.kind }));
      else if (answer === null) failed(fail('SERVER_JUDGE', { outcome }));
      else if (answer.kind === 'done') done();
      else failed(errorOfChild(answer));
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, by) => end(by === null ? `exit code ${code}` : `signal ${by}`));
    child.send(message, () => undefined);
  });
}
