import { Worker } from 'node:worker_threads';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { type BatchTools, BatchWorker } from './batch-worker.ts';
import type { FromBatchWorker, ToBatchWorker } from './worker-messages.ts';

/** A run blocks the thread of the worker, so another one looks whether the coordinator still lives. */
const WATCH = `const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);`;

/** Runs a worker process of batch jobs: takes messages until the coordinator goes away. */
export function runBatchWorker(tools: () => Promise<BatchTools>): void {
  process.once('disconnect', () => process.exit(0));
  // Of a terminal it goes to all processes; the coordinator ends this one.
  process.on('SIGINT', () => undefined);
  new Worker(WATCH, { eval: true }).unref();
  let worker: BatchWorker | null = null;
  let turn: Promise<void> = Promise.resolve();
  const work = async (message: ToBatchWorker): Promise<void> => {
    try {
      if (message.kind === 'open') {
        worker = await BatchWorker.open(message, await tools(), () => performance.now());
        return send({ kind: 'ready' });
      }
      if (worker === null) throw new Error('a partition came before the job');
      const part = await worker.score(message, {
        onRun: (rows) => void send({ kind: 'run', rows }),
        onScored: () => void send({ kind: 'scored' }),
      });
      await send({ kind: 'done', partition: message.partition.index, part });
    } catch (error) {
      await send(failure(error));
    }
  };
  process.on('message', (message) => {
    turn = turn.then(() => work(message as ToBatchWorker));
  });
}

function failure(error: unknown): FromBatchWorker {
  const message = reasonOf(error);
  return isHeadraceError(error)
    ? { kind: 'failed', code: error.code, facts: error.facts, message }
    : { kind: 'failed', code: null, facts: {}, message };
}

/** Ends when the message has left. */
function send(message: FromBatchWorker): Promise<void> {
  return new Promise((sent) => {
    process.send?.(message, () => sent());
  });
}
