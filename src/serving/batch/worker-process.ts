import type { ChildProcess } from 'node:child_process';
import { startOwn } from '../../process/start-child.ts';
import type { FromBatchWorker, OpenMessage, ScoreMessage, ToBatchWorker } from './worker-messages.ts';

/** The program of workers, and its arguments. */
export interface WorkerProgram {
  readonly path: URL;
  readonly args: readonly string[];
  /** Folder of code that earlier workers have compiled; left out: each compiles its own. */
  readonly compiled?: string;
}

/** Receives the messages of a worker. */
export interface WorkerListener {
  readonly onMessage: (message: FromBatchWorker) => void;
  /** Called once, after the last message. */
  readonly onEnd: (outcome: string) => void;
}

/** One worker process of a batch job. It ends with the process that started it. */
export class WorkerProcess {
  readonly #child: ChildProcess;

  constructor({ path, args, compiled }: WorkerProgram, open: OpenMessage, { onMessage, onEnd }: WorkerListener) {
    this.#child = startOwn(path, args, {
      messages: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit'],
      ...(compiled === undefined ? {} : { env: { NODE_COMPILE_CACHE: compiled, ...process.env } }),
    });
    this.#child.on('message', (message: FromBatchWorker) => onMessage(message));
    let ended = false;
    const end = (outcome: string) => {
      if (ended) return;
      ended = true;
      onEnd(outcome);
    };
    this.#child.once('error', (error) => end(error.message));
    this.#child.once('close', (code, by) => end(by === null ? `exit code ${code}` : `signal ${by}`));
    this.#send(open);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  score(message: ScoreMessage): void {
    this.#send(message);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToBatchWorker): void {
    // A worker that has ended is heard of by its end.
    this.#child.send(message, () => undefined);
  }
}
