import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const config = fileURLToPath(new URL('./headrace.config.ts', import.meta.url));

/** A process of `headrace serve`. */
export interface Serving {
  readonly url: string;
  /** Ends it, without a chance to tidy up where the signal is SIGKILL. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Starts `headrace serve` on a port (0: a free one) and waits until it listens. */
export async function serve(port: number, ...options: readonly string[]): Promise<Serving> {
  const child = headrace('serve', '--port', String(port), '--json', ...options);
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const told = await Promise.race([once(lines, 'line').then(([line]) => String(line)), ended.then(() => null)]);
  if (told === null) throw new Error(`headrace serve ${options.join(' ')} ended with ${child.exitCode}`);
  const { url }: { readonly url: string } = JSON.parse(told);
  return {
    url,
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

/** Runs a command of `headrace` to its end; whether it did what it should. */
export async function run(...args: readonly string[]): Promise<boolean> {
  const child = headrace(...args);
  child.stdout.resume();
  const [code] = await once(child, 'close');
  return code === 0;
}

/** Throws where a command did not do what it should. */
export async function ended(running: Promise<boolean>): Promise<void> {
  if (!(await running)) throw new Error('a command of headrace failed; it said why');
}

/** Waits until a server has everything that requests need. */
export async function ready({ url }: Serving): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return;
    await sleep(200);
  }
}

function headrace(...args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(
    process.execPath,
    ['--conditions=headrace-source', main, ...args, '--config', config, '--env', 'together'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}
