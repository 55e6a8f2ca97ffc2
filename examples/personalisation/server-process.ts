import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface ServerProcess {
  readonly url: string;
  /** Stops it cleanly: its data is in every store afterwards. Throws if it ended with a fault. */
  stop(): Promise<void>;
}

/** Starts `headrace serve` in its own process, as an operator would, on a free port of this machine. */
export async function startServerProcess(config: string, options: readonly string[] = []): Promise<ServerProcess> {
  const child = headrace(['serve', '--port', '0', '--json', '--config', config, ...options]);
  process.once('exit', () => child.kill());
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'close').then(([code]) => Number(code));
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), ended]);
  if (typeof line === 'number') throw new Error(`headrace serve ended with ${line}`);
  return { url: urlOf(line), stop: () => stop(child, ended) };
}

/** Runs a command of `headrace` to its end; returns the JSON of its last line. */
export async function askHeadrace(args: readonly string[]): Promise<unknown> {
  const child = headrace([...args, '--json']);
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`headrace ${args.join(' ')} ended with ${code}`);
  return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
}

/** The command line of the package, by the Node options of this process. */
function headrace(args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  const index = import.meta.resolve('headrace');
  const main = fileURLToPath(new URL(index.endsWith('.ts') ? './cli/main.ts' : './cli/main.js', index));
  return spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function stop(child: ChildProcess, ended: Promise<number>): Promise<void> {
  child.kill('SIGTERM');
  const code = await ended;
  if (code !== 0) throw new Error(`headrace serve ended with ${code}`);
}

function urlOf(line: string): string {
  const { url }: { readonly url?: unknown } = JSON.parse(line);
  if (typeof url !== 'string') throw new Error(`headrace serve did not print its address: ${line}`);
  return url;
}
