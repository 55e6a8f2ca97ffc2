import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface KeepOptions {
  readonly start: () => ChildProcess;
  /** Time until the next start, ms, by the number of ends. */
  readonly waitMs: (ends: number) => number;
  /** Called when it has ended by itself, before the wait. */
  readonly onEnd: (how: string, waitMs: number) => void;
  /** Time from SIGTERM to SIGKILL when it is stopped, ms; it has all the time it needs where this is left out. */
  readonly graceMs?: number;
}

/** A child that is started again whenever it ends. */
export interface KeptChild {
  stop(): Promise<void>;
}

/** Keeps a child running until it is stopped. It keeps no process alive. */
export function keepRunning({ start, waitMs, onEnd, graceMs }: KeepOptions): KeptChild {
  let running: ChildProcess | null = null;
  let again: NodeJS.Timeout | undefined;
  let isStopping = false;
  let ends = 0;
  const begin = () => {
    const child = start();
    running = child;
    child.unref();
    child.channel?.unref();
    const ended = (how: string) => {
      if (running !== child) return;
      running = null;
      if (isStopping) return;
      ends += 1;
      const wait = waitMs(ends);
      onEnd(how, wait);
      again = setTimeout(begin, wait).unref();
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  };
  begin();
  return {
    async stop() {
      isStopping = true;
      clearTimeout(again);
      const child = running;
      if (child === null) return;
      const ended = once(child, 'exit');
      child.ref();
      child.kill('SIGTERM');
      const kill = graceMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(kill);
    },
  };
}
