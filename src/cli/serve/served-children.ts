import { fail } from '../../base/errors/fail.ts';
import { type KeptChild, keepRunning } from '../../process/keep-running.ts';
import { startOwn } from '../../process/start-child.ts';
import type { Call, CommonOptions } from '../command.ts';
import { mainProgram } from '../main-program.ts';
import { loadConfig, placeWords } from '../open/load-config.ts';

/** A monitor that ended by itself starts again after this time, ms. */
const AGAIN_MS = 10_000;

/** A registry that dies is started again after this, ms; twice as long each time. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/**
 * Runs `headrace monitor` in a child for as long as a process serves, so that no judgement runs in its event loop. A monitor
 * that already runs elsewhere keeps the lease, and the child waits for it. The child ends with its parent, however that ends.
 */
export function startMonitor(call: CommonOptions, report: (error: unknown) => void): KeptChild {
  return keepRunning({
    start: () => startOwn(mainProgram, ['monitor', ...placeWords(call)], { stdio: ['ignore', 'ignore', 'ignore'] }),
    waitMs: () => AGAIN_MS,
    onEnd: (how) => report(fail('DRIFT_CHILD', { how })),
  });
}

/**
 * Starts `headrace registry` as a separate process if the environment names its port, so that MLflow's clients and requests for
 * features share no thread; null: it names none. It is started again when it dies. `console` is the address of the console, if there is one.
 */
export async function startRegistryChild(call: Call, console: string | null): Promise<KeptChild | null> {
  const { environment } = await loadConfig(call);
  if (environment.registry.port === undefined) return null;
  const words = ['registry', ...placeWords(call), ...(console === null ? [] : [`--console=${console}`])];
  return keepRunning({
    // The registry waits for the server: an answer to MLflow's clients may be late, a prediction may not.
    start: () =>
      startOwn(mainProgram, words, {
        stdio: ['ignore', 'inherit', 'inherit'],
        priority: 'low',
      }),
    waitMs: (ends) => Math.min(FIRST_WAIT_MS * 2 ** (ends - 1), LONGEST_WAIT_MS),
    onEnd: (how, waitMs) =>
      call.terminal.err(`headrace: the registry ended (${how}); it is started again in ${waitMs} ms`),
  });
}
