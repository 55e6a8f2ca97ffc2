import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of an example, with what it printed. */
export interface Child {
  readonly process: ChildProcess;
  readonly lines: () => readonly string[];
  /** Its exit code; null: a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly hasEnded: () => boolean;
}

/** Starts a program next to this file, by the Node options of this process. */
export function startProgram(name: string, args: readonly string[]): Child {
  return start([fileURLToPath(new URL(name, import.meta.url)), ...args]);
}

/** Starts a command of `headrace` over the environment of a site. */
export function startHeadrace(args: readonly string[], directory: string): Child {
  const index = import.meta.resolve('headrace');
  const main = fileURLToPath(new URL(index.endsWith('.ts') ? './cli/main.ts' : './cli/main.js', index));
  const config = fileURLToPath(new URL('./headrace.config.ts', import.meta.url));
  return start([main, ...args, '--config', config], { FLIGHTS_DIRECTORY: directory });
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  ended.then(() => process.removeListener('exit', stop));
  return {
    process: child,
    ended,
    lines: () => printed.split('\n').filter(Boolean),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
  };
}

/** Waits until a condition holds, or a child has ended. */
export async function untilOr(child: Child, holds: () => boolean): Promise<void> {
  while (!holds() && !child.hasEnded()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Waits for the end of a child that has to end well. */
export async function endedWell(child: Child, name: string): Promise<void> {
  const code = await child.ended;
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
}

/** Kills a process as the system does when memory is short: nothing of it runs any more. */
export async function kill(child: Child): Promise<void> {
  child.process.kill('SIGKILL');
  await child.ended;
}
