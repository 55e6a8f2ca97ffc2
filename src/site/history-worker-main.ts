import { setPriority } from 'node:os';
import { childFailure } from '../process/child-failure.ts';
import { endWithParent } from '../process/end-with-parent.ts';
import type { FromHistoryWorker, ToHistoryWorker } from './history-process.ts';
import type { HistorySetOptions } from './history-set.ts';

/** Those who are served go first. */
const LOW_PRIORITY = 10;

/** The declaration and the environment of a set. */
export type Declared = Pick<HistorySetOptions, 'project' | 'environment'>;

/** Runs a process that writes one training set for another process: it takes the first message, writes, answers, and ends. */
export function runHistoryWorker(declaredBy: (message: ToHistoryWorker) => Promise<Declared>): void {
  endWithParent();
  // Before the engine is loaded: its threads then have it too.
  setPriority(LOW_PRIORITY);
  process.once('message', (message) => void write(message as ToHistoryWorker, declaredBy));
}

async function write(
  message: ToHistoryWorker,
  declaredBy: (message: ToHistoryWorker) => Promise<Declared>,
): Promise<void> {
  const { writeHistorySet } = await import('./history-set.ts');
  const onLine = (line: string) => send({ kind: 'line', line });
  try {
    const declared = await declaredBy(message);
    const onComputeError = (error: unknown) => onLine(String(error));
    await send({
      kind: 'done',
      summary: await writeHistorySet(message.asked, { ...declared, onComputeError, onLine }),
    });
  } catch (error) {
    await send(childFailure(error));
  }
  process.exit(0);
}

/** Ends when the message has left. */
function send(message: FromHistoryWorker): Promise<void> {
  return new Promise((sent) => {
    process.send?.(message, () => sent());
  });
}
