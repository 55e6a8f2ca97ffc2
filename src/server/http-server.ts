import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { availableParallelism } from 'node:os';
import Fastify, { type FastifyInstance } from 'fastify';
import { fail } from '../base/errors/fail.ts';
import type { Headrace } from '../headrace.ts';
import { secureOptions } from './certificate.ts';
import { answerError, answerPlain } from './error-answer.ts';
import { FrontServer } from './front/front-server.ts';
import { answerHalfOpen } from './half-open.ts';
import { hidingPaths } from './hidden-paths.ts';
import { allowsHost } from './host-list.ts';
import { JobBoard } from './jobs/job-board.ts';
import { hotAnswers } from './lean/hot-answer.ts';
import { hotEvents } from './lean/hot-events.ts';
import { hotFeatures } from './lean/hot-features.ts';
import type { HotRoute } from './lean/hot-route.ts';
import { type LeanServer, serveLean } from './lean/lean-server.ts';
import { type ListenOptions, type Secured, secured } from './listen-options.ts';
import { plainRefusal } from './plain-refusal.ts';
import { answerAll } from './request-check.ts';
import { traceRequests } from './request-spans.ts';
import { allRoutes } from './routes/all-routes.ts';
import { featureRoutes } from './routes/features.ts';
import { operationRoutes } from './routes/operations.ts';
import type { ServedProject } from './served-project.ts';
import { forwardTo } from './workers/forward.ts';
import type { Group } from './workers/group.ts';

export interface ServerOptions extends ListenOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Listens on this path instead, for other processes of the same user. */
  readonly socketPath?: string;
  /** Other processes listen on the port too: the system shares connections out among them. */
  readonly sharesPort?: boolean;
  /** Largest body taken, bytes. */
  readonly bodyLimit: number;
  /** Largest spine of a training set taken, bytes (256 MiB). */
  readonly spineLimit?: number;
  /** The jobs of the process, where several servers of it share them: who made them closes them. */
  readonly jobs?: JobBoard;
  /** A server that closes breaks connections off that are still open after this, ms (30,000). */
  readonly closeWithinMs?: number;
  /** A feature request that has waited longer than this while others were answered is turned away, ms (500). */
  readonly mostWaitMs?: number;
}

export interface ReadServerOptions extends ServerOptions {
  /** Socket of the process that writes, which gets what is not a read; without it that is refused. */
  readonly writer?: string;
  /** The processes that serve together, where this one speaks for all. */
  readonly group?: Group;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`; https where it speaks TLS. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a project over HTTP: thin, every route parses, calls and answers. Error: SERVER_ADDRESS. */
export async function startServer(headrace: Headrace, options: ServerOptions): Promise<RunningServer> {
  const security = secured(options, headrace.directory);
  // What comes over the socket was encrypted where it came from, and is not checked yet.
  const { check, tls, hosts } = security;
  const isSocket = options.socketPath !== undefined;
  const jobs = options.jobs ?? new JobBoard();
  const server = await listening(headrace, options, {
    check,
    tls: isSocket ? null : tls,
    hosts: isSocket ? null : hosts,
    hot: [...hotFeatures(headrace, options.mostWaitMs), ...hotEvents(headrace)],
    routes: (server) => {
      allRoutes(server, headrace, jobs, options.spineLimit);
      server.setNotFoundHandler((request, reply) =>
        answerError(reply, fail('SERVER_ROUTE', { method: request.method, path: request.url })),
      );
    },
  });
  const closeAll = async () => {
    await jobs.close();
    await server.close();
  };
  return options.jobs === undefined ? { ...server, close: closeAll } : server;
}

/** Serves the reads of a project, and hands all else to the process that writes. Error: SERVER_ADDRESS. */
export async function startReadServer(served: ServedProject, options: ReadServerOptions): Promise<RunningServer> {
  const { writer, group, socketPath } = options;
  // A socket of these is opened by the other processes of the group only, whose user is the same.
  const security =
    socketPath === undefined ? secured(options, served.directory) : { check: answerAll, tls: null, hosts: null };
  return listening(served, options, {
    ...security,
    hot: hotFeatures(served, options.mostWaitMs),
    routes: (server) => {
      featureRoutes(server, served);
      operationRoutes(server, served, group ?? null);
      server.setNotFoundHandler((request, reply) =>
        answerError(reply, fail('SERVER_READ_ONLY', { method: request.method, path: request.url })),
      );
    },
    ...(writer === undefined ? {} : { elsewhere: forwardTo(writer) }),
  });
}

/** What a server serves, and to whom. */
interface Serving extends Secured {
  readonly hot: readonly HotRoute[];
  readonly routes: (server: FastifyInstance) => void;
  /** Takes the requests that are not reads. */
  readonly elsewhere?: RequestListener;
}

async function listening(served: ServedProject, options: ServerOptions, serving: Serving): Promise<RunningServer> {
  const { socketPath, host, port, sharesPort = false } = options;
  const server = buildServer(served, options, serving);
  serving.routes(server);
  try {
    // Passed on as it is; the types of fastify do not have it yet.
    const address = { host, port, reusePort: sharesPort };
    const told = await server.listen(socketPath === undefined ? address : { path: socketPath, exclusive: true });
    // The full server does not know of the TLS below it.
    const url = serving.tls === null ? told : told.replace(/^http:/, 'https:');
    return { url, close: () => closeServer(server, options.closeWithinMs ?? REQUEST_TIMEOUT_MS) };
  } catch (error) {
    throw fail(
      'SERVER_ADDRESS',
      { address: socketPath ?? `${host}:${port}`, reason: error instanceof Error ? error.message : String(error) },
      error,
    );
  }
}

/** Lets the answers that are under way out; a client that neither sends nor takes what it has to is not waited for. */
async function closeServer(server: FastifyInstance, withinMs: number): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), withinMs);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}

/** Larger bodies are the full server's, which reads them in pieces. */
const LEAN_BODY_LIMIT = 256 * 1_024;

/** A client has so long for the head of a request, and for all of it. */
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** What a process that only reads answers itself; all else may be the writer's. */
const READS = /^\/(?:v1\/features\/|v1\/(?:status|slo)$|healthz$|readyz$|metrics$|openapi\.json$)/;

function isRead(url: string): boolean {
  const query = url.indexOf('?');
  return READS.test(query < 0 ? url : url.slice(0, query));
}

/** Whether a thread has the connections: processes that share a port have the cores among them already. */
function hasFront({ socketPath, sharesPort = false }: ServerOptions): boolean {
  return socketPath === undefined && !sharesPort && availableParallelism() > 1;
}

function buildServer(served: ServedProject, options: ServerOptions, serving: Serving): FastifyInstance {
  const { check, tls, hosts, hot, elsewhere } = serving;
  const allows = allowsHost(hosts);
  const answers = hotAnswers(hot, check, served);
  const bodyLimit = Math.min(options.bodyLimit, LEAN_BODY_LIMIT);
  let lean: LeanServer | null = null;
  const server = Fastify({
    bodyLimit: options.bodyLimit,
    logger: false,
    forceCloseConnections: 'idle',
    // A request that has begun is answered.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      answerError(reply, fail('SERVER_ROUTE', { method: request.method, path: request.url }, error));
    },
    serverFactory: (routed) => {
      const full: RequestListener = (request, response) => {
        const refusal = plainRefusal(request, allows);
        if (refusal !== null) return answerPlain(response, refusal);
        return (elsewhere === undefined || isRead(request.url ?? '') ? routed : elsewhere)(request, response);
      };
      const times = {
        headersTimeout: HEAD_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: 1_000,
        // Another process that is about to send must not find its connection closed.
        ...(options.socketPath === undefined ? {} : { keepAliveTimeout: 0 }),
      };
      if (hasFront(options)) return new FrontServer({ times, answers, bodyLimit, tls, hosts }, full);
      const own =
        tls === null
          ? createServer(times, full)
          : createSecureServer({ ...times, ...secureOptions(tls), allowHalfOpen: true }, full);
      const knows = (path: string) => answers.paths.has(path);
      const closesIdle = options.socketPath === undefined;
      lean = serveLean(own, { knows, allows, answer: answers.answer, bodyLimit, closesIdle });
      const closeAll = own.closeAllConnections.bind(own);
      own.closeAllConnections = () => {
        closeAll();
        lean?.destroy();
      };
      return answerHalfOpen(own);
    },
  });
  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
    lean?.close();
  });
  const hide = hidingPaths(served.directory);
  server.addHook('onSend', async (_, reply, payload) => {
    if (closing) reply.header('connection', 'close');
    return typeof payload === 'string' ? hide(payload) : payload;
  });
  if (served.tracer !== null) traceRequests(server, served.tracer);
  // By the route that was found: a path can be written in many ways.
  server.addHook('onRequest', async ({ routeOptions, headers }) => {
    check({ path: routeOptions.url ?? '', authorization: headers.authorization ?? null });
  });
  // Bodies stay text: the routes parse them with numbers exact, which JSON.parse alone does not keep.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(['application/json', 'application/x-ndjson'], { parseAs: 'buffer' }, (_, body, done) =>
    done(null, body),
  );
  server.setErrorHandler((error, _, reply) => answerError(reply, error));
  return server;
}
