import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Scope } from '../../operating/scopes.ts';
import { type ActingCall, acting, checkedAct, whoOf } from '../acting.ts';
import { secureOptions } from '../certificate.ts';
import { allowsHost } from '../host-list.ts';
import { boundConnections } from '../limits/connections.ts';
import { requestHeld } from '../limits/request-held.ts';
import { type ListenOptions, secured } from '../listen-options.ts';
import { pageRefusal } from '../plain-refusal.ts';
import { allMlflowRoutes } from './all-mlflow-routes.ts';
import { faultOf, MlflowFault } from './fault.ts';
import type { Message } from './message.ts';
import type { MlflowContext } from './mlflow-route.ts';
import { readMessage } from './read-message.ts';
import { type FoundRoute, routeTable } from './route-table.ts';
import { sendJson, sendText } from './send.ts';

/** Seconds after which clients ask again when the store is away. */
const RETRY_AFTER_S = 1;

/** A connection that sends nothing for this long is closed, ms. */
const IDLE_MS = 120_000;

export interface RegistryServerOptions extends ListenOptions {
  /** 0: a free one. */
  readonly port: number;
  /** The environment's, with its API keys. */
  readonly directory: string;
  readonly version: string;
  /** The address of the console, which shows the runs that clients print addresses of. */
  readonly console?: string;
  /** Receives errors that are not the caller's. */
  readonly onFault: (error: unknown) => void;
}

/** A registry that answers MLflow's clients. */
export interface RunningRegistry {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the registry to MLflow's clients. Errors: SERVER_ADDRESS, AUTH_*. */
export async function startRegistryServer(
  context: MlflowContext,
  options: RegistryServerOptions,
): Promise<RunningRegistry> {
  const { check, tls, hosts, pages } = secured(options, options.directory);
  const find = routeTable(allMlflowRoutes);
  const isAllowed = allowsHost(hosts);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      if (!isAllowed(request.headers.host ?? ''))
        throw new MlflowFault('PERMISSION_DENIED', 'Invalid Host header: name this server by its own name');
      const refusal = pageRefusal(request, pages);
      if (refusal !== null) throw refusal;
      const { path, query } = addressOf(request.url ?? '/');
      if (path === '/' && toConsole(request, response, options.console)) return;
      if (answerPlain(path, options.version, response)) return;
      const found = find(request.method ?? 'GET', path);
      if (found === null || found === 'method') throw noRoute(request.method ?? '', path, found);
      const needs = (scopes: readonly Scope[] | null) => check(scopes, bearerOf(request.headers.authorization));
      const call = await checked(found, options.directory, needs);
      const origin = `${tls === null && options.tlsAtProxy !== true ? 'http' : 'https'}://${request.headers.host ?? 'localhost'}`;
      await runRoute(context, found, { call, needs, path, query, origin, request, response });
    } catch (error) {
      answerFault(request, response, error, options.onFault);
    }
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response);
  const server =
    tls === null
      ? createServer({ requestTimeout: 0 }, listener)
      : createSecureServer({ ...secureOptions(tls), requestTimeout: 0 }, listener);
  boundConnections(server);
  server.setTimeout(IDLE_MS);
  // A client that comes back within this finds its connection open.
  server.keepAliveTimeout = IDLE_MS;
  return listen(server, options, tls === null ? 'http' : 'https');
}

/** A path as it was sent: a URL would resolve `..` before any check sees it. */
function addressOf(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const at = target.indexOf('?');
  if (at === -1) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, at), query: new URLSearchParams(target.slice(at)) };
}

/** The call of a caller whose key is checked. Errors: AUTH_*. */
async function checked(
  { route, params }: FoundRoute,
  directory: string,
  needs: (scopes: readonly Scope[] | null) => string,
): Promise<ActingCall> {
  const acts = { act: `${route.method} ${route.path}`, changes: route.changes };
  const call = { directory, route: acts, target: params.join(' ') };
  return { ...call, caller: await checkedAct(call, () => needs(route.scopes)) };
}

interface Asked {
  readonly call: ActingCall;
  readonly needs: (scopes: readonly Scope[]) => string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly origin: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function runRoute(context: MlflowContext, { route, params }: FoundRoute, asked: Asked): Promise<void> {
  const { call, path, query, origin, request, response } = asked;
  if (route.kind === 'stream')
    return acting(call, () => route.run(context, { params, query, request, response, origin }));
  const needs = (scope: Scope) => {
    if (route.more?.[scope] === undefined) throw new RangeError(`${route.path} does not declare the scope ${scope}`);
    asked.needs([scope]);
  };
  const answer = await acting(call, async (names) => {
    const message = await readMessage(request, path, query, requestHeld(request, response));
    names({ target: targetOf(message, params) });
    const who = call.caller === '' ? '' : whoOf(call.caller);
    return route.run(context, { message, params, who, needs, names });
  });
  sendJson(response, 200, answer);
}

/** Fields that name the object of a call; values of tags and metrics are none. */
const NAMES = ['name', 'new_name', 'version', 'alias', 'stage', 'experiment_id', 'run_id', 'key', 'upload_id'];

function targetOf(message: Message, params: readonly string[]): string {
  const named = NAMES.map((name) => message.fields[name]).filter((value) => typeof value === 'string');
  return [...params, ...named].map((text) => text.slice(0, 300)).join(' ');
}

/** MLflow's clients send a token as Bearer, or a user and a password: then the password is the key. */
function bearerOf(authorization: string | undefined): string | null {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return authorization ?? null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  return `Bearer ${text.slice(text.indexOf(':') + 1)}`;
}

/** Sends a browser to the console; it keeps the text after `#`, which names the run. A console at every address is at the host that was asked. */
function toConsole({ method, headers }: IncomingMessage, response: ServerResponse, console?: string): boolean {
  if (console === undefined || (method !== 'GET' && method !== 'HEAD')) return false;
  const location = new URL(console);
  if (location.hostname === '0.0.0.0' || location.hostname === '[::]')
    location.hostname = new URL(`http://${headers.host ?? 'localhost'}`).hostname;
  response.writeHead(302, { location: location.href, 'cache-control': 'no-store', 'content-length': 0 }).end();
  return true;
}

/** Paths that answer a text. */
function answerPlain(path: string, version: string, response: ServerResponse): boolean {
  if (path === '/health') sendText(response, 200, 'OK');
  else if (path === '/version') sendText(response, 200, version);
  else if (path === '/server-features') sendJson(response, 200, { workspaces_enabled: false });
  else return false;
  return true;
}

function noRoute(method: string, path: string, found: 'method' | null): MlflowFault {
  const shown = path.slice(0, 200);
  if (found === 'method') return new MlflowFault('ENDPOINT_NOT_FOUND', `${shown} does not take ${method}`);
  return new MlflowFault(
    'ENDPOINT_NOT_FOUND',
    `No API found for '${method} ${shown}'. This server has no tracing, prompts, gateway and workspaces.`,
  );
}

function answerFault(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  onFault: (error: unknown) => void,
): void {
  const fault = faultOf(error);
  if (fault.status >= 500 && fault.status !== 501) onFault(error);
  if (response.headersSent) {
    // The rest of an artefact cannot be read: the client must not take its part for the whole.
    response.destroy();
    return;
  }
  const headers = fault.status === 503 ? { 'retry-after': RETRY_AFTER_S } : {};
  // A body that nobody reads would hold the connection.
  if (!request.complete) request.resume();
  sendJson(
    response,
    fault.status,
    { error_code: fault.code, message: fault.message },
    request.complete ? headers : { ...headers, connection: 'close' },
  );
}

async function listen(server: Server, { host, port }: RegistryServerOptions, scheme: string): Promise<RunningRegistry> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw fail('SERVER_ADDRESS', { address: `${host}:${port}`, reason: reasonOf(error) }, error);
  }
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `${scheme}://${name}:${address.port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}
