import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { FromHistoryWorker, ToHistoryWorker } from '../compose/history-process.ts';
import { loadConfig } from './load-config.ts';

// The process that writes a training set for one that serves: it takes the first message, writes, answers, and ends.

/** Those who are served go first. Before the engine is loaded: its threads then have it too. */
const LOW_PRIORITY = 10;
setPriority(LOW_PRIORITY);

// Nobody takes the answer any longer.
process.once('disconnect', () => process.exit(1));
// Of a terminal it goes to all processes; the one that serves ends this one.
process.on('SIGINT', () => undefined);
process.once('message', (message) => void write(message as ToHistoryWorker));

async function write({ asked, declared }: ToHistoryWorker): Promise<void> {
  const { writeHistorySet } = await import('./history-set.ts');
  const { values } = parseArgs({ options: { config: { type: 'string' }, env: { type: 'string' } } });
  const onLine = (line: string) => send({ kind: 'line', line });
  try {
    const { project, environment } =
      declared === null
        ? await loadConfig({ options: { ...values } })
        : { project: { models: [declared.model], services: [] }, environment: declared.environment };
    const onComputeError = (error: unknown) => onLine(String(error));
    await send({
      kind: 'done',
      summary: await writeHistorySet(asked, { project, environment, onComputeError, onLine }),
    });
  } catch (error) {
    const message = reasonOf(error);
    const known = isHeadraceError(error) ? { code: error.code, facts: error.facts } : { code: null, facts: {} };
    await send({ kind: 'failed', ...known, message });
  }
  process.exit(0);
}

/** Ends when the message has left. */
function send(message: FromHistoryWorker): Promise<void> {
  return new Promise((sent) => {
    process.send?.(message, () => sent());
  });
}
