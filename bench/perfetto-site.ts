import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { perfettoPages } from '../scripts/services/perfetto.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/** Perfetto's own pages with a trace that they can read: the address that opens it, and how to end it. */
export async function perfettoSite(trace: string): Promise<{ readonly address: string; readonly close: () => void }> {
  const folder = await perfettoPages();
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const path = join(folder, normalize(pathname === '/' ? '/index.html' : pathname));
    const isTrace = pathname === '/trace.json';
    const isThere = isTrace || existsSync(path);
    response.writeHead(isThere ? 200 : 404, { 'content-type': TYPES[extname(pathname)] ?? 'text/html' });
    response.end(isTrace ? trace : isThere ? readFileSync(path) : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return { address: `${url}/#!/?url=${url}/trace.json`, close: () => server.closeAllConnections() };
}
