import type { ChildProcess } from 'node:child_process';
import { turns, until } from './until.ts';

/** Where a process is killed. */
export interface KillPoint {
  /** Lines that it has printed by then, one for each thing that it did. */
  readonly lines: number;
  /** Turns of this process after that, so that the kill meets another place of what it does next (0). */
  readonly turns?: number;
  /** Done once the lines are printed, while the process continues. */
  readonly first?: () => Promise<void>;
}

/** Kills a process (SIGKILL) at a point, waits for its end, and gives all that it printed. */
export async function killProcess(child: ChildProcess, at: KillPoint): Promise<string> {
  let printed = '';
  let lines = 0;
  child.stdout?.setEncoding('utf8');
  child.stdout?.on('data', (text: string) => {
    printed += text;
    lines += text.split('\n').length - 1;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await until(() => lines >= at.lines || hasEnded());
  if (hasEnded()) throw new Error(`it ended by itself with ${child.exitCode ?? child.signalCode}: ${printed}`);
  await at.first?.();
  await turns(at.turns ?? 0);
  child.kill('SIGKILL');
  await closed;
  return printed;
}
