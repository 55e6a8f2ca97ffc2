import { type ChildProcess, spawn } from 'node:child_process';
import { root } from './run-command.ts';

/** Starts `vitest run`, as the leader of a process group of its own; without colours where the output is no terminal. */
export function startVitest(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const plain = process.stdout.isTTY || 'FORCE_COLOR' in process.env ? {} : { NO_COLOR: '1' };
  return spawn(`${root}/node_modules/.bin/vitest`, ['run', ...args], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...plain, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
