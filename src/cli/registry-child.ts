import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Call } from './command.ts';
import { configPath, loadConfig } from './load-config.ts';

/** A process that dies is started again after this, ms; twice as long each time. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/**
 * The registry waits for the server where both want a processor: an answer to MLflow's clients may be late, a prediction may not. Both
 * are of one session, where nice always counts.
 */
export const BEHIND_SERVING = [
  '/bin/sh',
  '-c',
  'command -v nice >/dev/null && exec nice -n 10 "$@"; exec "$@"',
  'sh',
] as const;

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
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isClosing = false;
  let waitMs = FIRST_WAIT_MS;
  const start = () => {
    const [shell, ...words] = BEHIND_SERVING;
    const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '', ...wordsOf(call)];
    const started = spawn(shell, [...words, ...program], { stdio: ['ignore', 'inherit', 'inherit'] });
    child = started;
    started.once('exit', (code, signal) => {
      child = null;
      if (isClosing) return;
      call.terminal.err(`headrace: the registry ended (${signal ?? code}); it is started again in ${waitMs} ms`);
      timer = setTimeout(start, waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    });
  };
  start();
  return {
    close: async () => {
      isClosing = true;
      if (timer !== null) clearTimeout(timer);
      const running = child;
      if (running === null) return;
      const ended = once(running, 'exit');
      running.kill('SIGTERM');
      await ended;
    },
  };
}

function wordsOf(call: Call): readonly string[] {
  const env = call.options['env'];
  return ['registry', '--config', configPath(call), ...(typeof env === 'string' ? ['--env', env] : [])];
}
