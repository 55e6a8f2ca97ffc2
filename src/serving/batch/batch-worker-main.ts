import { flushCompileCache } from 'node:module';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { endWithParent } from '../../process/end-with-parent.ts';
import { type BatchTools, BatchWorker } from './batch-worker.ts';
import type { FromBatchWorker, ToBatchWorker } from './worker-messages.ts';

/** Runs a worker process of batch jobs: takes messages until the coordinator goes away. */
export function runBatchWorker(tools: () => Promise<BatchTools>): void {
  endWithParent();
  let worker: BatchWorker | null = null;
  const inTurn = turnsInOrder();
  const work = async (message: ToBatchWorker): Promise<void> => {
    try {
      if (message.kind === 'open') {
        worker = await BatchWorker.open(message, await tools(), () => performance.now());
        await send({ kind: 'ready' });
        // A worker is killed at the end of its job, before Node would write it.
        return flushCompileCache();
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
    void inTurn(() => work(message as ToBatchWorker));
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
