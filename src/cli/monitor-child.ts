import { fail } from '../base/errors/fail.ts';
import { type KeptChild, keepRunning } from '../process/keep-running.ts';
import { startOwn } from '../process/start-child.ts';
import type { CommonOptions } from './command.ts';
import { placeWords } from './load-config.ts';

/** A monitor that ended by itself starts again after this time, ms. */
const AGAIN_MS = 10_000;

/**
 * Runs `headrace monitor` in a child for as long as a process serves, so that no judgement runs in its event loop. A monitor
 * that already runs elsewhere keeps the lease, and the child waits for it. The child ends with its parent, however that ends.
 */
export function startMonitor(call: CommonOptions, report: (error: unknown) => void): KeptChild {
  const program = new URL(`./main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  return keepRunning({
    start: () => startOwn(program, ['monitor', ...placeWords(call)], { stdio: ['ignore', 'ignore', 'ignore'] }),
    waitMs: () => AGAIN_MS,
    onEnd: (how) => report(fail('DRIFT_CHILD', { how })),
  });
}
