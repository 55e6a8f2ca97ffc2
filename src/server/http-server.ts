import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import Fastify, { type FastifyInstance } from 'fastify';
import { fail } from '../base/errors/fail.ts';
import type { Headrace } from '../headrace.ts';
import { answerError } from './error-answer.ts';
import { hotAnswers } from './lean/hot-answer.ts';
import { type LeanServer, serveLean } from './lean/lean-server.ts';
import { type ListenOptions, type Secured, secured } from './listen-options.ts';
import { openApi } from './openapi.ts';
import { traceRequests } from './request-spans.ts';
import { adminRoutes } from './routes/admin.ts';
import { eventRoutes } from './routes/events.ts';
import { featureRoutes } from './routes/features.ts';
import { predictionRoutes } from './routes/predictions.ts';
import { trainingSetRoutes } from './routes/training-sets.ts';

export interface ServerOptions extends ListenOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Largest body taken, bytes. */
  readonly bodyLimit: number;
  /** A feature request that has waited longer than this while others were answered is turned away, ms (500). */
  readonly mostWaitMs?: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a project over HTTP: thin, every route parses, calls and answers. Error: SERVER_ADDRESS. */
export async function startServer(headrace: Headrace, options: ServerOptions): Promise<RunningServer> {
  const security = secured(options, headrace.directory);
  const server = buildServer(headrace, options.bodyLimit, options.mostWaitMs ?? MOST_WAIT_MS, security);
  try {
    const url = await server.listen({ host: options.host, port: options.port });
    return { url, close: () => server.close() };
  } catch (error) {
    throw fail(
      'SERVER_ADDRESS',
      { address: `${options.host}:${options.port}`, reason: error instanceof Error ? error.message : String(error) },
      error,
    );
  }
}

/** Larger bodies are the full server's, which reads them in pieces. */
const LEAN_BODY_LIMIT = 256 * 1_024;

/** A client has so long for the head of a request, and for all of it. */
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

const MOST_WAIT_MS = 500;

function buildServer(
  headrace: Headrace,
  bodyLimit: number,
  mostWaitMs: number,
  { check, tls }: Secured,
): FastifyInstance {
  let lean: LeanServer | null = null;
  const server = Fastify({
    bodyLimit,
    logger: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => {
      answerError(reply, fail('SERVER_ROUTE', { method: request.method, path: request.url }, error));
    },
    serverFactory: (full) => {
      const times = {
        headersTimeout: HEAD_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: 1_000,
      };
      // The lean reader reads plain sockets only.
      if (tls !== null) return createSecureServer({ ...times, ...tls }, full);
      const http = createServer(times, full);
      lean = serveLean(http, {
        ...hotAnswers(headrace, check, mostWaitMs),
        bodyLimit: Math.min(bodyLimit, LEAN_BODY_LIMIT),
      });
      return http;
    },
  });
  server.addHook('preClose', async () => lean?.close());
  if (headrace.tracer !== null) traceRequests(server, headrace.tracer);
  // By the route that was found: a path can be written in many ways.
  server.addHook('onRequest', async ({ routeOptions, headers }) => {
    check({ path: routeOptions.url ?? '', authorization: headers.authorization ?? null });
  });
  // Bodies stay text: the routes parse them with numbers exact, which JSON.parse alone does not keep.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(['application/json', 'application/x-ndjson'], { parseAs: 'string' }, (_, body, done) =>
    done(null, body),
  );
  server.setErrorHandler((error, _, reply) => answerError(reply, error));
  server.setNotFoundHandler((request, reply) =>
    answerError(reply, fail('SERVER_ROUTE', { method: request.method, path: request.url })),
  );
  eventRoutes(server, headrace);
  featureRoutes(server, headrace);
  predictionRoutes(server, headrace);
  trainingSetRoutes(server, headrace);
  adminRoutes(server, headrace);
  operationRoutes(server, headrace);
  return server;
}

function operationRoutes(server: FastifyInstance, headrace: Headrace): void {
  const description = JSON.stringify(openApi(headrace.project));
  server.get('/healthz', (_, reply) => reply.type('application/json').send('{"status":"ok"}'));
  server.get('/readyz', (_, reply) => {
    const waiting = headrace.notReady();
    return reply
      .code(waiting.length === 0 ? 200 : 503)
      .type('application/json')
      .send(JSON.stringify({ ready: waiting.length === 0, waiting, degraded: headrace.degraded() }));
  });
  server.get('/v1/status', (_, reply) => reply.type('application/json').send(JSON.stringify(headrace.status())));
  server.get('/v1/slo', (_, reply) => reply.type('application/json').send(JSON.stringify(headrace.slo())));
  server.get('/metrics', async (_, reply) => {
    const { contentType, text } = await headrace.metrics();
    return reply.type(contentType).send(text);
  });
  server.get('/openapi.json', (_, reply) => reply.type('application/json').send(description));
}
