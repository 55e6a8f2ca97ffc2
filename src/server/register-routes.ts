import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Scope } from '../operating/api-keys.ts';
import { spanOf } from './request-spans.ts';
import {
  patternOf,
  type ReadContext,
  type Route,
  type RouteAnswer,
  type RouteRequest,
  type WriteContext,
} from './route.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Scopes of the route. */
    readonly scopes?: readonly Scope[] | null;
  }
}

const callers = new WeakMap<FastifyRequest, string>();

/** Notes whose request it is, by the id of the key. */
export function setCaller(request: FastifyRequest, caller: string): void {
  if (caller !== '') callers.set(request, caller);
}

function callerOf(request: FastifyRequest): string {
  return callers.get(request) ?? '';
}

/** A path without a route still needs a key that may read. */
const UNKNOWN_PATH: readonly Scope[] = ['read'];

/** The scopes of the route that was found: a path can be written in many ways. */
export function scopesOf({ routeOptions }: FastifyRequest): readonly Scope[] | null {
  const { scopes } = routeOptions.config;
  return scopes === undefined ? UNKNOWN_PATH : scopes;
}

/** Makes the routes of a process; without `write` none that writes. */
export function registerRoutes(
  server: FastifyInstance,
  routes: readonly Route[],
  read: ReadContext,
  write: WriteContext | null,
): void {
  for (const route of routes) {
    const { predicting } = read.served;
    if (route.access === 'reads') register(server, route, (request) => route.run(read, request));
    else if (route.access === 'predicts') {
      if (predicting !== null) register(server, route, (request) => route.run(predicting, request));
    } else if (write !== null) register(server, route, (request) => route.run(write, request));
  }
}

type Run = (request: RouteRequest) => MaybePromise<RouteAnswer>;

function register(server: FastifyInstance, route: Route, run: Run): void {
  const options: RouteOptions = {
    ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
    method: route.method,
    url: patternOf(route),
    config: { scopes: route.scopes },
    handler: async (request, reply) => send(reply, await run(requestOf(request, reply, route))),
  };
  if (route.takesStream !== true && route.takesBytes !== true) {
    server.route(options);
    return;
  }
  server.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    if (route.takesBytes)
      scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, parsed) => parsed(null, body));
    else scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null, undefined));
    scope.route(options);
    done();
  });
}

function requestOf(request: FastifyRequest, reply: FastifyReply, { takesBytes, access }: Route): RouteRequest {
  const { params, query, headers, body, raw } = request;
  const values = params as Readonly<Record<string, string>>;
  const [name = ''] = Object.values(values);
  const gone = () => {
    const controller = new AbortController();
    const leave = () => controller.abort();
    // It is closed once: a client that has left already is not reported again.
    if (reply.raw.destroyed) leave();
    else reply.raw.once('close', leave);
    if (takesBytes !== true && access !== 'predicts') return controller.signal;
    // Nobody that runs a model ends its side before it has the answer: until the server writes, nothing else shows that it has gone.
    const { socket } = raw;
    if (socket.readableEnded) leave();
    else socket.once('end', leave);
    reply.raw.once('close', () => socket.off('end', leave));
    return controller.signal;
  };
  return {
    name,
    params: values,
    caller: callerOf(request),
    query,
    headers,
    body,
    stream: raw,
    gone,
    trace: spanOf(request),
  };
}

function send(reply: FastifyReply, { status, type, body, headers }: RouteAnswer): FastifyReply {
  if (headers !== undefined) void reply.headers(headers);
  return reply.code(status).type(type).send(body);
}
