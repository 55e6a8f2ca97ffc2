import { createServer } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { fail } from '../base/errors/fail.ts';
import type { Headrace } from '../headrace.ts';
import { answerError } from './error-answer.ts';
import { featureListener } from './feature-listener.ts';
import { openApi } from './openapi.ts';
import { eventRoutes } from './routes/events.ts';
import { featureRoutes } from './routes/features.ts';
import { predictionRoutes } from './routes/predictions.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Largest body taken, bytes. */
  readonly bodyLimit: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a project over HTTP: thin, every route parses, calls and answers. Error: SERVER_ADDRESS. */
export async function startServer(headrace: Headrace, options: ServerOptions): Promise<RunningServer> {
  const server = buildServer(headrace, options.bodyLimit);
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

function buildServer(headrace: Headrace, bodyLimit: number): FastifyInstance {
  const hot = featureListener(headrace, bodyLimit);
  const server = Fastify({
    bodyLimit,
    logger: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => {
      answerError(reply, fail('SERVER_ROUTE', { method: request.method, path: request.url }, error));
    },
    serverFactory: (full) =>
      createServer((request, response) => {
        if (!hot(request, response)) full(request, response);
      }),
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
      .send(JSON.stringify({ ready: waiting.length === 0, waiting }));
  });
  server.get('/metrics', async (_, reply) => {
    const { contentType, text } = await headrace.metrics();
    return reply.type(contentType).send(text);
  });
  server.get('/openapi.json', (_, reply) => reply.type('application/json').send(description));
}
