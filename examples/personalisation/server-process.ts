import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ServerProcess {
  readonly url: string;
  /** Ends it cleanly: what it holds is in every store afterwards. Throws where it ended by a fault. */
  stop(): Promise<void>;
}

/** Starts `headrace serve` in a process of its own, as an operator would, on a free port of this machine. */
export async function startServerProcess(config: string): Promise<ServerProcess> {
  const main = new URL('./cli/main', import.meta.resolve('headrace'));
  main.pathname += import.meta.resolve('headrace').endsWith('.ts') ? '.ts' : '.js';
  const args = ['serve', '--port', '0', '--json', '--config', config];
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(main), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill());
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'close').then(([code]) => Number(code));
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), ended]);
  if (typeof line === 'number') throw new Error(`headrace serve ended with ${line}`);
  return { url: urlOf(line), stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<number>): Promise<void> {
  child.kill('SIGTERM');
  const code = await ended;
  if (code !== 0) throw new Error(`headrace serve ended with ${code}`);
}

function urlOf(line: string): string {
  const { url }: { readonly url?: unknown } = JSON.parse(line);
  if (typeof url !== 'string') throw new Error(`headrace serve did not tell its address: ${line}`);
  return url;
}
