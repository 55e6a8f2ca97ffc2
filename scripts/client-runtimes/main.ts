// The built client in several runtimes, against a running server: `npm run build`, then
// `node --conditions=headrace-source scripts/client-runtimes/main.ts node deno bun chromium`, each on the PATH.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { openHeadrace, startServer } from 'headrace';
import { root } from '../run-command.ts';
import { project } from './project.ts';

const WITHIN_MS = 60_000;

/** Arguments with which a runtime runs a program from its text, or opens a page. */
const starts: Readonly<Record<string, (program: string, page: string, scratch: string) => readonly string[]>> = {
  node: (program) => ['--input-type=module', '-e', program],
  deno: (program) => ['eval', program],
  bun: (program) => ['-e', program],
  chromium: (_, page, scratch) => ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${scratch}`, page],
};

const scratch = mkdtempSync(join(tmpdir(), 'headrace-runtimes-'));
const headrace = await openHeadrace({ project, environment: { directory: join(scratch, 'data') } });
const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
let told: (failed: readonly string[]) => void = () => undefined;
/** What each runtime was given as a fault already. */
const faults = new Set<string>();
const origin = createServer(answer);
origin.listen(0, '127.0.0.1');
await once(origin, 'listening');
const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;

for (const runtime of process.argv.slice(2)) {
  faults.clear();
  const failed = await tried(runtime);
  console.log(`${failed.length === 0 ? '✓' : '✗'} ${runtime}`);
  for (const line of failed) console.log(`  ${line}`);
  if (failed.length > 0) process.exitCode = 1;
}
origin.closeAllConnections();
origin.close();
await server.close();
await headrace.close();
rmSync(scratch, { recursive: true, force: true });

/** What failed in a runtime. */
async function tried(runtime: string): Promise<readonly string[]> {
  const start = starts[runtime];
  if (start === undefined) return [`it is none of ${Object.keys(starts).join(', ')}`];
  const args = start(programOf(runtime, url), `${url}/page.html?${runtime}`, join(scratch, runtime));
  const child: ChildProcess = spawn(runtime, args, { cwd: scratch, stdio: 'ignore' });
  const ended = new AbortController();
  const failed = await Promise.race([
    new Promise<readonly string[]>((done) => {
      told = done;
    }),
    new Promise<readonly string[]>((done) => child.once('error', (error) => done([error.message]))),
    new Promise<readonly string[]>((done) => {
      const timer = setTimeout(() => done(['it told nothing']), WITHIN_MS);
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
    }),
  ]);
  ended.abort();
  child.kill();
  return failed;
}

/** The probe as a program that tells the origin what failed. Files lie at the origin too, for the browser. */
function programOf(runtime: string, origin: string): string {
  const at = runtime === 'chromium' ? '' : root;
  const [client, probe] = ['dist/client/index.js', 'scripts/client-runtimes/probe.ts'].map((path) =>
    JSON.stringify(at === '' ? `${origin}/${path}` : `file://${at}/${path}`),
  );
  return `const [client, { probe }] = await Promise.all([import(${client}), import(${probe})]);
const failed = await probe(client, ${JSON.stringify(origin)}, ${JSON.stringify(runtime)}).catch((error) => [String(error)]);
await fetch(${JSON.stringify(`${origin}/told`)}, { method: 'POST', body: JSON.stringify(failed) });`;
}

function answer(incoming: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(incoming.url ?? '/', url);
  const [, first = '', ...rest] = pathname.split('/');
  if (first === 'told') {
    void text(incoming).then((body) => told(JSON.parse(body)));
    response.end();
  } else if (pathname === '/page.html') {
    response.setHeader('content-type', 'text/html');
    response.end(`<script type="module">${programOf(search.slice(1), url)}</script>`);
  } else if (first === 'dist' || first === 'scripts') {
    const source = readFileSync(join(root, pathname), 'utf8');
    response.setHeader('content-type', 'text/javascript');
    response.end(pathname.endsWith('.ts') ? stripTypeScriptTypes(source) : source);
  } else if (first === 'page') {
    response.setHeader('content-type', 'text/html');
    response.end('<title>sign in</title>');
  } else if (first === 'silent') incoming.resume();
  else if (first === 'ml') forward(incoming, response, `/${rest.join('/')}`);
  else if (faults.has(first)) forward(incoming, response, `/${rest.slice(1).join('/')}`);
  else {
    faults.add(first);
    if (first === 'cut') incoming.socket.destroy();
    else response.writeHead(503, { 'retry-after': '0' }).end('{}');
  }
}

/** To the server, as the proxy of a site does it. */
function forward(incoming: IncomingMessage, response: ServerResponse, path: string): void {
  const { method = 'GET', headers } = incoming;
  const onward = request(`${server.url}${path}`, { method, headers }, (answered) => {
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(response);
  });
  onward.once('error', () => response.destroy());
  incoming.pipe(onward);
}
