import { constants } from 'node:os';

type Ending = () => void | Promise<void>;

const endings = new Set<Ending>();

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `end` when a signal ends this process, before it exits with 128 and the signal's number. Returns how to withdraw it.
 * Several run in the order in which they were registered; one that fails does not keep the others from running.
 */
export function whenInterrupted(end: Ending): () => void {
  if (endings.size === 0) for (const signal of signals) process.on(signal, interrupted);
  endings.add(end);
  return () => {
    endings.delete(end);
    if (endings.size === 0) for (const signal of signals) process.off(signal, interrupted);
  };
}

let isEnding = false;

/** A second signal changes nothing: the first is still ending everything. */
async function interrupted(signal: NodeJS.Signals): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  await endAll();
  process.exit(128 + constants.signals[signal]);
}

async function endAll(): Promise<void> {
  for (const end of [...endings]) {
    try {
      await end();
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
    }
  }
}
