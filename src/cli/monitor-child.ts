import { fork } from 'node:child_process';
import { fail } from '../base/errors/fail.ts';
import type { Call } from './command.ts';

/** A monitor that ended by itself starts again after this time, ms. */
const AGAIN_MS = 10_000;

/**
 * Runs `headrace monitor` in a child for as long as a process serves, so that no judgement runs in its event loop. A monitor
 * that already runs elsewhere keeps the lease, and the child waits for it. The child ends with its parent, however that ends.
 */
export function startMonitor(
  { options }: Pick<Call, 'options'>,
  report: (error: unknown) => void,
): { stop(): Promise<void> } {
  const program = new URL(`./main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  const args = ['config', 'env'].flatMap((name) =>
    options[name] === undefined ? [] : [`--${name}=${String(options[name])}`],
  );
  let stopping = false;
  let again: NodeJS.Timeout | undefined;
  const start = () => {
    const child = fork(program, ['monitor', ...args], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve();
        if (stopping) return;
        report(fail('DRIFT_CHILD', { how: signal ?? `exit code ${code}` }));
        again = setTimeout(() => {
          running = start();
        }, AGAIN_MS);
        again.unref();
      });
    });
    // A child must not keep a server alive that has nothing else to do.
    child.unref();
    child.channel?.unref();
    return { child, ended };
  };
  let running = start();
  return {
    stop: async () => {
      stopping = true;
      clearTimeout(again);
      running.child.kill('SIGTERM');
      await running.ended;
    },
  };
}
