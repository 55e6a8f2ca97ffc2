import { keepRunning } from '../process/keep-running.ts';
import { startOwn } from '../process/start-child.ts';
import type { Call } from './command.ts';
import { configPath, loadConfig } from './load-config.ts';

/** A process that dies is started again after this, ms; twice as long each time. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** The process of the registry next to one that serves. */
export interface RegistryChild {
  close(): Promise<void>;
}

/**
 * Starts `headrace registry` as a separate process if the environment names its port, so that MLflow's clients and requests for
 * features share no thread. It is started again when it dies.
 */
export async function startRegistryChild(call: Call): Promise<RegistryChild> {
  const { environment } = await loadConfig(call);
  if (environment.registry.port === undefined) return { close: async () => undefined };
  const program = new URL(`./main${import.meta.url.slice(-3)}`, import.meta.url);
  const child = keepRunning({
    // The registry waits for the server: an answer to MLflow's clients may be late, a prediction may not.
    start: () => startOwn(program, wordsOf(call), { stdio: ['ignore', 'inherit', 'inherit'], priority: 'low' }),
    waitMs: (ends) => Math.min(FIRST_WAIT_MS * 2 ** (ends - 1), LONGEST_WAIT_MS),
    onEnd: (how, waitMs) =>
      call.terminal.err(`headrace: the registry ended (${how}); it is started again in ${waitMs} ms`),
  });
  return { close: () => child.stop() };
}

function wordsOf(call: Call): readonly string[] {
  const { env } = call.options;
  return ['registry', '--config', configPath(call), ...(env === undefined ? [] : ['--env', env])];
}
