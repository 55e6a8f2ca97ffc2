import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { checkedAct } from '../acting.ts';
import { secureOptions } from '../certificate.ts';
import { boundConnections, boundSessions, type SessionTimes } from '../limits/connections.ts';
import { heldBy } from '../limits/held-bytes.ts';
import { type ListenOptions, secured } from '../listen-options.ts';
import type { Sender } from '../page-rule.ts';
import { senderRefusal } from '../plain-refusal.ts';
import type { RouteAccess } from '../route-access.ts';
import type { ServedProject } from '../served-project.ts';
import { answerUnary } from './answer-unary.ts';
import { GrpcCall } from './grpc-call.ts';
import { grpcMethods, STREAM_INFER, streamAccess } from './grpc-methods.ts';
import type { GrpcServing, Incoming } from './grpc-serving.ts';
import { statusOf } from './grpc-status.ts';
import { loadProto, type Proto } from './proto.ts';
import { answerStream } from './stream-infer.ts';

export interface GrpcOptions extends ListenOptions, SessionTimes {
  /** 0: a free one. */
  readonly port: number;
  /** Other processes listen on the port too: the system shares connections out among them. */
  readonly sharesPort?: boolean;
  /** Time of a client for a whole message, ms (30,000). */
  readonly messageTimeoutMs?: number;
}

export interface RunningGrpc {
  /** `127.0.0.1:8001`. */
  readonly address: string;
  /** Lets the answers that are under way out. */
  close(): Promise<void>;
}

const SERVICE = '/inference.GRPCInferenceService/';

/** A server that closes breaks off calls that are still open after this, ms. */
const CLOSE_WITHIN_MS = 5_000;

const MESSAGE_TIMEOUT_MS = 30_000;

/** Bounds of one connection: floods of HTTP/2 frames end it. Memory in MiB: large answers that wait to be taken are part of it. */
const CONNECTION = {
  maxSessionMemory: 256,
  maxHeaderListPairs: 64,
  settings: { maxConcurrentStreams: 1_000, maxHeaderListSize: 16_384, enablePush: false },
} as const;

/** Serves the Open Inference Protocol over gRPC. Errors: SERVER_GRPC, SERVER_ADDRESS, AUTH_*. */
export async function startGrpc(served: ServedProject, options: GrpcOptions): Promise<RunningGrpc> {
  const proto = await loadMessages();
  const { check, tls, pages } = secured(options, served.directory);
  const server =
    tls === null ? createServer(CONNECTION) : createSecureServer({ ...CONNECTION, ...secureOptions(tls, 'h2') });
  boundConnections(server);
  boundSessions(server, options);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => sessions.delete(session));
  });
  const timeoutMs = options.messageTimeoutMs ?? MESSAGE_TIMEOUT_MS;
  answerCalls(server, { served, proto, check, pages, timeoutMs });
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return { address: `${options.host}:${port}`, close: () => closeServer(server, sessions) };
}

/** Error: SERVER_ADDRESS. */
async function listen(server: Http2Server, { host, port, sharesPort = false }: GrpcOptions): Promise<void> {
  try {
    server.listen({ host, port, reusePort: sharesPort });
    await once(server, 'listening');
  } catch (error) {
    throw fail('SERVER_ADDRESS', { address: `${host}:${port}`, reason: reasonOf(error) }, error);
  }
}

async function closeServer(server: Http2Server, sessions: ReadonlySet<ServerHttp2Session>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  const timer = setTimeout(() => {
    for (const session of sessions) session.destroy();
  }, CLOSE_WITHIN_MS);
  await closed;
  clearTimeout(timer);
}

/** Error: SERVER_GRPC. */
async function loadMessages(): Promise<Proto> {
  try {
    return await loadProto();
  } catch (error) {
    throw fail('SERVER_GRPC', { reason: reasonOf(error) }, error);
  }
}

function answerCalls(server: Http2Server, serving: GrpcServing): void {
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (!/^application\/grpc(?:$|[+;])/.test(headers['content-type'] ?? '')) {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    const held = heldBy(stream.session ?? stream);
    const call = new GrpcCall(stream, headers);
    answerCall(serving, call, { stream, headers, held }).catch((error) => call.end(statusOf(error)));
  });
}

/** Page and key are checked before a byte of a message is read. Errors: those of the check, SERVER_PAGE, OIP_UNSUPPORTED. */
async function answerCall(serving: GrpcServing, call: GrpcCall, incoming: Incoming): Promise<void> {
  const { headers } = incoming;
  const page = senderRefusal(senderOfCall(headers), serving.pages);
  if (page !== null) throw page;
  const path = String(headers[':path']);
  const name = path.startsWith(SERVICE) ? path.slice(SERVICE.length) : '';
  const caller = async ({ scopes, changes }: RouteAccess) => {
    const act = { directory: serving.served.directory, route: { act: name, changes }, target: '' };
    return call.caller(await checkedAct(act, () => serving.check(scopes, headers.authorization ?? null)));
  };
  if (name === STREAM_INFER) {
    answerStream(serving, call, incoming, await caller(streamAccess));
    return;
  }
  if (!Object.hasOwn(grpcMethods, name))
    throw fail('OIP_UNSUPPORTED', { reason: `the method '${path.slice(0, 200)}'` });
  const method = grpcMethods[name];
  answerUnary(serving, { name, method }, call, incoming, await caller(method));
}

function senderOfCall(headers: IncomingHttpHeaders): Sender {
  const field = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    method: 'POST',
    host: field(':authority') ?? field('host') ?? '',
    origin: field('origin'),
    site: field('sec-fetch-site'),
    mode: field('sec-fetch-mode'),
    authorization: field('authorization'),
  };
}
