import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { bytesOf, type SizeText } from '../base/byte-size.ts';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { allLabs } from '../labs/all-labs.ts';
import { Labs } from '../labs/labs.ts';
import { projectPackage } from '../process/project-package.ts';
import type { Headrace } from '../running/headrace.ts';
import { secureOptions } from './certificate.ts';
import { continueInTurn } from './continue-in-turn.ts';
import { answerError, answerPlain } from './error-answer.ts';
import { FrontServer } from './front/front-server.ts';
import { answerHalfOpen } from './half-open.ts';
import { hidingPaths } from './hidden-paths.ts';
import { allowsHost } from './host-list.ts';
import { JobBoard } from './jobs/job-board.ts';
import { hotAnswers } from './lean/hot-answer.ts';
import type { BytesRoute, HotRoute } from './lean/hot-route.ts';
import { bytesRoute, hotRoutes } from './lean/hot-routes.ts';
import { inferPath } from './lean/infer-path.ts';
import { type LeanServer, serveLean } from './lean/lean-server.ts';
import { boundConnections, breakStalled } from './limits/connections.ts';
import { holdBodies, readHeld } from './limits/held-body.ts';
import { type ListenOptions, type Secured, secured } from './listen-options.ts';
import { openLive } from './live/open-live.ts';
import { openApi } from './openapi.ts';
import { answerOtherMethod } from './other-method.ts';
import { type PathTable, pathTable } from './path-table.ts';
import { bodyRefusal, hostRefusal, pageRefusal } from './plain-refusal.ts';
import { checkCaller, registerRoutes } from './register-routes.ts';
import { answerAll } from './request-check.ts';
import { traceRequests } from './request-spans.ts';
import { isAnsweredBy, type ReadContext, type Route } from './route.ts';
import { allRoutes } from './routes/all-routes.ts';
import { consoleRoutes } from './routes/console.ts';
import { docsRoutes } from './routes/docs.ts';
import { SPINE_LIMIT } from './routes/training-sets.ts';
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
  /** Largest body taken: `4MiB`, or bytes. */
  readonly bodyLimit: number | SizeText;
  /** Largest spine of a training set taken (256MiB). */
  readonly spineLimit?: number | SizeText;
  /** The jobs of the process, where several servers of it share them: who made them closes them. */
  readonly jobs?: JobBoard;
  /** A server that closes breaks connections off that are still open after this, ms (30,000). */
  readonly closeWithinMs?: number;
  /** A feature request that has waited longer than this while others were answered is turned away, ms (500). */
  readonly mostWaitMs?: number;
  /** The processes that serve together, where this one speaks for all. */
  readonly group?: Group;
  /** Whether browsers get the console at `/` (yes). */
  readonly console?: boolean;
  /** Whether it offers the labs of a demo: their steps start systems of their own on this machine (no). */
  readonly labs?: boolean;
}

export interface ReadServerOptions extends ServerOptions {
  /** Socket of the process that writes, which gets what is not a read; without it that is refused. */
  readonly writer?: string;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`; https where it speaks TLS. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a project over HTTP. Errors: SERVER_ADDRESS, SIZE_TEXT, CONFIG_PACKAGES. */
export function startServer(headrace: Headrace, options: ServerOptions): Promise<RunningServer> {
  return serveRoutes(routesOf(options), headrace, options);
}

function routesOf({ console: hasConsole = true }: ServerOptions): readonly Route[] {
  const left: readonly Route[] = hasConsole ? [] : [...consoleRoutes, ...docsRoutes];
  return allRoutes.filter((route) => !left.includes(route));
}

/** Serves a project by a list of routes. Error: SERVER_ADDRESS. */
export async function serveRoutes(
  routes: readonly Route[],
  headrace: Headrace,
  options: ServerOptions,
): Promise<RunningServer> {
  const security = secured(options, headrace.directory);
  // Data of the socket was encrypted where it came from, and is not checked yet.
  const { check, tls, hosts, pages } = security;
  const isSocket = options.socketPath !== undefined;
  const jobs = options.jobs ?? new JobBoard();
  const spineLimit = bytesOf(options.spineLimit ?? SPINE_LIMIT, 'spineLimit');
  const labs = options.labs === true ? openLabs(headrace, jobs) : null;
  const group = options.group ?? null;
  const read = readContext({ served: headrace, routes, group, check, labs: labs !== null });
  const write = { headrace, spineLimit, jobs, labs };
  const live = openLive(routes, { read, write, check, hide: hidingPaths(headrace.directory) });
  const server = await listening(headrace, options, {
    check,
    tls: isSocket ? null : tls,
    hosts: isSocket ? null : hosts,
    pages: isSocket ? null : pages,
    hot: hotRoutes(routes, headrace, headrace, options),
    bytes: bytesRoute(routes, headrace),
    paths: pathTable(routes),
    unknown: 'SERVER_ROUTE',
    routes: (server) => registerRoutes(server, routes, read, { ...write, live }),
  });
  const close = async () => {
    // A stream has no end of itself.
    await live.feed.close();
    if (options.jobs === undefined) await jobs.close();
    await server.close();
  };
  return { ...server, close };
}

/** The labs, below the folder of the environment. Errors: LABS_FILE, LABS_FORMAT. */
function openLabs({ directory }: Headrace, jobs: JobBoard): Labs {
  return new Labs({
    labs: allLabs,
    folder: join(directory, 'labs'),
    jobs,
    serve: (headrace) => startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB', console: false }),
  });
}

/** Serves the reads of a project, and forwards the rest to the process that writes. Errors: SERVER_ADDRESS, SIZE_TEXT. */
export function startReadServer(served: ServedProject, options: ReadServerOptions): Promise<RunningServer> {
  return serveReads(routesOf(options), served, options);
}

/** Serves those of some routes that read, and forwards the others. Error: SERVER_ADDRESS. */
export async function serveReads(
  routes: readonly Route[],
  served: ServedProject,
  options: ReadServerOptions,
): Promise<RunningServer> {
  const { writer, group = null, labs = false, socketPath } = options;
  // A socket of these is opened by the other processes of the group only, whose user is the same.
  const security =
    socketPath === undefined
      ? secured(options, served.directory)
      : { check: answerAll, tls: null, hosts: null, pages: null };
  return listening(served, options, {
    ...security,
    hot: hotRoutes(routes, served, null, options),
    bytes: bytesRoute(routes, served),
    // Without a writer nobody has the other routes.
    paths: pathTable(writer === undefined ? routes.filter((route) => isAnsweredBy(route, served)) : routes),
    unknown: 'SERVER_READ_ONLY',
    routes: (server) => {
      const { check } = security;
      registerRoutes(server, routes, readContext({ served, routes, group, check, labs }), null);
    },
    ...(writer === undefined ? {} : { elsewhere: forwardTo(writer) }),
  });
}

/** The context of routes that read. The description is made once. */
function readContext({ routes, ...context }: Omit<ReadContext, 'description'> & { readonly routes: readonly Route[] }) {
  let description: string | null = null;
  return {
    ...context,
    description: () => {
      description ??= JSON.stringify(openApi(context.served.project, routes));
      return description;
    },
  };
}

/** The routes of a server, and its callers. */
interface Serving extends Secured {
  readonly hot: readonly HotRoute[];
  readonly bytes: BytesRoute | null;
  /** The paths of all routes, also of those that another process answers. */
  readonly paths: PathTable;
  /** The error of a path that no route has. */
  readonly unknown: 'SERVER_ROUTE' | 'SERVER_READ_ONLY';
  readonly routes: (server: FastifyInstance) => void;
  /** Takes the requests that no route of this process answers. */
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
    throw fail('SERVER_ADDRESS', { address: socketPath ?? `${host}:${port}`, reason: reasonOf(error) }, error);
  }
}

/** Lets answers under way out. It does not wait for a client that neither sends nor takes its data. */
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

/** Time of a client for the head of a request, and for all of it. */
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** Whether a thread has the connections: processes that share a port have the cores among them already. */
function hasFront({ socketPath, sharesPort = false }: ServerOptions): boolean {
  return socketPath === undefined && !sharesPort && availableParallelism() > 1;
}

function buildServer(served: ServedProject, options: ServerOptions, serving: Serving): FastifyInstance {
  const { check, tls, hosts, pages, hot, bytes, paths, unknown, elsewhere } = serving;
  const allows = allowsHost(hosts);
  const answers = hotAnswers(hot, bytes, check, served);
  const fullLimit = bytesOf(options.bodyLimit, 'bodyLimit');
  const bodyLimit = Math.min(fullLimit, LEAN_BODY_LIMIT);
  let lean: LeanServer | null = null;
  const server = projectPackage('fastify').fastify({
    bodyLimit: fullLimit,
    logger: false,
    forceCloseConnections: 'idle',
    // A request that has begun is answered.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      answerError(reply, fail('SERVER_ROUTE', { method: request.method, path: request.url }, error));
    },
    serverFactory: (routed) => {
      const full: RequestListener = (request, response) => {
        const known = paths(request.url ?? '');
        const route = known?.routes.get(request.method ?? '');
        const isOther = known !== null && route === undefined;
        const refusal =
          hostRefusal(request, allows) ??
          pageRefusal(request, pages) ??
          (isOther && request.method !== 'OPTIONS' ? null : bodyRefusal(request));
        if (refusal !== null) return answerPlain(response, refusal);
        if (isOther) return answerOtherMethod(request, response, known, check);
        const isOwn = elsewhere === undefined || (route !== undefined && isAnsweredBy(route, served));
        return (isOwn ? routed : elsewhere)(request, response);
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
      boundConnections(own);
      if (options.socketPath === undefined) breakStalled(own);
      const knows = (path: string) => answers.paths.has(path) || (answers.runsModels && inferPath(path) !== null);
      const closesIdle = options.socketPath === undefined;
      const { answer, answerBytes } = answers;
      lean = serveLean(own, { knows, allows, answer, answerBytes, bodyLimit, closesIdle });
      const closeAll = own.closeAllConnections.bind(own);
      own.closeAllConnections = () => {
        closeAll();
        lean?.destroy();
      };
      return continueInTurn(answerHalfOpen(own));
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
  server.addHook('onRequest', async (request) => {
    await checkCaller(request, check, served.directory);
    // Before the body is read: which bodies a method takes is asked of routes only.
    if (request.is404) throw fail(unknown, { method: request.method, path: request.url });
  });
  // Bodies stay text: the routes parse them with numbers exact, which JSON.parse alone does not keep.
  server.removeAllContentTypeParsers();
  holdBodies(server);
  server.addContentTypeParser(['application/json', 'application/x-ndjson'], readHeld);
  server.setErrorHandler((error, _, reply) => answerError(reply, error));
  return server;
}
