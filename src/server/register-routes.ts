import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Scope } from '../operating/scopes.ts';
import { countLines } from '../schema/json-bounds.ts';
import { acting, checkedAct } from './acting.ts';
import { bodyText, LONG_BODY, longBody } from './body.ts';
import { heldOf, readHeld } from './limits/held-body.ts';
import { mostDecoded, type RequestHeld } from './limits/request-held.ts';
import { isJsonLines } from './media-types.ts';
import type { RequestCheck } from './request-check.ts';
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
    readonly route?: Route;
  }
}

const callers = new WeakMap<FastifyRequest, string>();

/** Checks the key of a request by the route that was found, and notes whose request it is. Errors: AUTH_*. */
export async function checkCaller(request: FastifyRequest, check: RequestCheck, directory: string): Promise<void> {
  const { route } = request.routeOptions.config;
  const acts = { act: route === undefined ? '' : actOf(route), changes: route?.changes ?? null };
  const caller = await checkedAct({ directory, route: acts, target: targetOf(request) }, () =>
    check(route === undefined ? UNKNOWN_PATH : route.scopes, request.headers.authorization ?? null),
  );
  if (caller !== '') callers.set(request, caller);
}

function actOf({ act, operationId }: Route): string {
  return act ?? operationId;
}

function targetOf({ params }: FastifyRequest): string {
  return Object.values(Object(params)).join(' ');
}

function callerOf(request: FastifyRequest): string {
  return callers.get(request) ?? '';
}

/** A path without a route still needs a key that may read. */
const UNKNOWN_PATH: readonly Scope[] = ['read'];

/** Makes the routes of a process; without `write` none that writes. */
export function registerRoutes(
  server: FastifyInstance,
  routes: readonly Route[],
  read: ReadContext,
  write: WriteContext | null,
): void {
  const { predicting, directory } = read.served;
  const add = (route: Route, run: Run) => register(server, { route, directory, run });
  for (const route of routes) {
    if (route.access === 'reads') add(route, (request) => route.run(read, request));
    else if (route.access === 'predicts') {
      if (predicting !== null) add(route, (request) => route.run(predicting, request));
    } else if (write !== null) add(route, (request) => route.run(write, request));
  }
}

type Run = (request: RouteRequest) => MaybePromise<RouteAnswer>;

interface Registered {
  readonly route: Route;
  /** The environment's. */
  readonly directory: string;
  readonly run: Run;
}

function register(server: FastifyInstance, { route, directory, run }: Registered): void {
  const audit = { changes: route.changes, act: actOf(route) };
  const options: RouteOptions = {
    ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
    method: route.method,
    url: patternOf(route),
    config: { route },
    handler: async (request, reply) => {
      const call = { directory, route: audit, caller: callerOf(request), target: targetOf(request) };
      const held = heldOf(request, reply);
      return send(
        reply,
        await acting(call, async (names) => {
          const body = await readBody(request, route, held);
          return run({ ...requestOf(request, reply, route), body, held, names });
        }),
      );
    },
  };
  if (route.takesStream !== true && route.takesBytes !== true) {
    server.route(options);
    return;
  }
  server.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    if (route.takesBytes) scope.addContentTypeParser('*', readHeld);
    else scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null, undefined));
    scope.route(options);
    done();
  });
}

/** The body as its route takes it: one of JSON counts what it takes when it is read, and a long one is read in turns. */
async function readBody({ body, headers }: FastifyRequest, { takesBytes }: Route, held: RequestHeld): Promise<unknown> {
  if (takesBytes === true || !Buffer.isBuffer(body)) return body;
  if (body.length <= LONG_BODY) held.take(mostDecoded(body.length));
  else if (isJsonLines(headers['content-type'] ?? '')) held.takeCounts(countLines(bodyText(body)));
  else return longBody(body, held.takeCounts);
  return body;
}

function requestOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { takesBytes, access }: Route,
): Omit<RouteRequest, 'names' | 'body' | 'held'> {
  const { params, query, headers, raw } = request;
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
    stream: raw,
    gone,
    trace: spanOf(request),
  };
}

function send(reply: FastifyReply, { status, type, body, headers }: RouteAnswer): FastifyReply {
  if (headers !== undefined) void reply.headers(headers);
  return reply.code(status).type(type).send(body);
}
