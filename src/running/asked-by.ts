import { once } from 'node:events';
import { startOwn } from '../process/start-child.ts';

/** Requests that a process sends to a server on this machine. */
export interface AskedLoad {
  readonly url: string;
  /** Sent in turn, again and again. */
  readonly bodies: readonly string[];
  readonly count: number;
}

/** Has another process send the requests. */
export async function askedBy(asked: AskedLoad): Promise<void> {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const program = new URL(`./load-client${ending}`, import.meta.url);
  const child = startOwn(program, [], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin?.end(JSON.stringify(asked));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the client of the load ended with ${String(code)}`);
}
