import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One start of a program that another system runs. */
export interface Start {
  readonly child: ChildProcess;
  readonly output: string[];
  ended: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null;
}

/** Starts a program in a process group of its own. */
export function startProgram(words: readonly string[], env: NodeJS.ProcessEnv, onEnd: () => void): Start {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { env: { ...process.env, ...env }, detached: true });
  const start: Start = { child, output: [], ended: null };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => start.output.push(String(bytes)));
  child.once('close', (code, signal) => {
    start.ended = { code, signal };
    onEnd();
  });
  return start;
}

export function killStart({ child }: Start, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

/** A body that is a function writes a stream; `null`: no answer comes. */
export type Answer = readonly [status: number, body: unknown] | null;

/** Serves JSON on the loopback; a handler answers a method, a path and a body. */
export async function serveJson(
  handle: (method: string, url: URL, body: unknown, headers: IncomingMessage['headers']) => Answer,
): Promise<{ readonly url: string; close(): void }> {
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.on('data', (bytes) => {
      text += String(bytes);
    });
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://server');
      const answer = handle(request.method ?? 'GET', url, text === '' ? null : JSON.parse(text), request.headers);
      if (answer === null) return;
      const [status, body] = answer;
      if (typeof body === 'function') {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.flushHeaders();
        return void body(response);
      }
      response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
