import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, ServerCredentials, ServerDuplexStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { InferCaller } from '../../serving/oip/infer-request.ts';
import { oipText } from '../../serving/oip/refuse.ts';
import { type ListenOptions, secured } from '../listen-options.ts';
import type { RequestCheck } from '../request-check.ts';
import type { ServedProject } from '../served-project.ts';
import { grpcMethods, streamMessage } from './grpc-methods.ts';
import { loadProto, type PlainMessage, type Proto } from './proto.ts';

export interface GrpcOptions extends ListenOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Other processes listen on the port too: the system shares connections out among them. */
  readonly sharesPort?: boolean;
}

export interface RunningGrpc {
  /** `127.0.0.1:8001`. */
  readonly address: string;
  /** Lets the answers that are under way out. */
  close(): Promise<void>;
}

const SERVICE = 'inference.GRPCInferenceService';

/** Largest message either way, bytes. */
const LARGEST_MESSAGE = 64 * 2 ** 20;

/** A server that closes breaks off calls that are still open after this, ms. */
const CLOSE_WITHIN_MS = 5_000;

/** Status codes of gRPC by those of HTTP. */
const CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 413: 8, 501: 12, 503: 14 };
const INTERNAL = 13;

/** Bounds of one connection: floods of HTTP/2 frames end it. */
const CONNECTION = {
  'grpc.max_receive_message_length': LARGEST_MESSAGE,
  'grpc.max_send_message_length': LARGEST_MESSAGE,
  'grpc.max_concurrent_streams': 1_000,
  'grpc.http2.max_pings_without_data': 0,
} as const;

/** Serves the Open Inference Protocol over gRPC. Errors: SERVER_GRPC, SERVER_ADDRESS, AUTH_*. */
export async function startGrpc(served: ServedProject, options: GrpcOptions): Promise<RunningGrpc> {
  const { grpc, proto } = await loadPackages();
  const { check, tls } = secured(options, served.directory);
  const server = new grpc.Server(CONNECTION);
  addMethods(server, served, proto, check);
  const credentials =
    tls === null
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(null, [
          { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) },
        ]);
  const address = `${options.host}:${options.port}`;
  if (options.sharesPort === true) {
    const end = await injected(server, credentials, options);
    return { address, close: () => closeServer(server, end) };
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(fail('SERVER_ADDRESS', { address, reason: error.message }, error));
    });
  });
  return { address: `${options.host}:${port}`, close: () => closeServer(server) };
}

/** Listens for a server whose own way cannot share a port; returns what stops to listen. Error: SERVER_ADDRESS. */
async function injected(
  server: Server,
  credentials: ServerCredentials,
  { host, port }: GrpcOptions,
): Promise<() => void> {
  const injector = server.createConnectionInjector(credentials);
  const listener = createServer((socket) => injector.injectConnection(socket));
  try {
    listener.listen({ host, port, reusePort: true });
    await once(listener, 'listening');
  } catch (error) {
    throw fail('SERVER_ADDRESS', { address: `${host}:${port}`, reason: reasonOf(error) }, error);
  }
  return () => {
    listener.close();
    injector.drain(CLOSE_WITHIN_MS);
  };
}

async function closeServer(server: Server, end = (): void => undefined): Promise<void> {
  end();
  const timer = setTimeout(() => server.forceShutdown(), CLOSE_WITHIN_MS);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(timer);
}

async function loadPackages() {
  try {
    const [grpc, proto] = await Promise.all([import('@grpc/grpc-js'), loadProto()]);
    return { grpc, proto };
  } catch (error) {
    throw fail('SERVER_GRPC', { reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

type Unary = ServerUnaryCall<PlainMessage, object>;
type Duplex = ServerDuplexStream<PlainMessage, object>;

/** A method of a name, as the library takes it: messages are decoded by the name of their type. */
function methodOf(
  proto: Proto,
  name: string,
  isStream: boolean,
  answer = `${name}Response`,
  request = `${name}Request`,
) {
  return {
    path: `/${SERVICE}/${name}`,
    requestStream: isStream,
    responseStream: isStream,
    requestDeserialize: (bytes: Buffer) => proto.decode(request, bytes),
    requestSerialize: (message: object) => proto.encode(request, message),
    responseSerialize: (fields: object) => proto.encode(answer, fields),
    responseDeserialize: (bytes: Buffer) => proto.decode(answer, bytes),
  };
}

function addMethods(server: Server, served: ServedProject, proto: Proto, check: RequestCheck): void {
  const definitions: Record<string, ReturnType<typeof methodOf>> = {};
  const handlers: Record<string, (call: never, done: never) => void> = {};
  for (const [name, { scopes, answer }] of Object.entries(grpcMethods)) {
    definitions[name] = methodOf(proto, name, false);
    handlers[name] = (call: Unary, done: sendUnaryData<object>) => {
      const run = async () => answer(served, call.request, callerOf(call, check(scopes, authorizationOf(call))));
      run().then(
        (fields) => done(null, fields),
        (error) => done(statusOf(error)),
      );
    };
  }
  definitions['ModelStreamInfer'] = methodOf(
    proto,
    'ModelStreamInfer',
    true,
    'ModelStreamInferResponse',
    'ModelInferRequest',
  );
  handlers['ModelStreamInfer'] = (call: Duplex) => streamInfer(served, call, check);
  server.addService(definitions, handlers as never);
}

/** Answers each request of a stream, in one piece or several; those of one sequence run in order. */
function streamInfer(served: ServedProject, call: Duplex, check: RequestCheck): void {
  let open = 0;
  let ended = false;
  let caller: InferCaller;
  try {
    caller = callerOf(call, check(['read'], authorizationOf(call)));
  } catch (error) {
    call.emit('error', statusOf(error));
    return;
  }
  const endIfDone = () => {
    if (ended && open === 0) call.end();
  };
  // Each answer that waits for the client listens.
  call.setMaxListeners(0);
  call.on('data', (message: PlainMessage) => {
    open += 1;
    void writePieces(call, streamMessage(served, message, caller))
      .catch((error) => {
        const answer = { errorMessage: oipText(error), inferResponse: { id: String(message['id']) } };
        if (!call.cancelled) call.write(answer);
      })
      .finally(() => {
        open -= 1;
        endIfDone();
      });
  });
  call.on('end', () => {
    ended = true;
    endIfDone();
  });
  call.on('error', () => undefined);
}

/** Writes pieces as fast as the client reads them; a client that has gone ends them. Errors: those of the pieces. */
async function writePieces(call: Duplex, pieces: AsyncGenerator<object>): Promise<void> {
  for await (const fields of pieces) {
    if (call.cancelled) return;
    if (!call.write({ inferResponse: fields })) await drained(call);
  }
}

function drained(call: Duplex): Promise<void> {
  if (call.cancelled) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      call.off('cancelled', done);
      resolve();
    };
    call.on('drain', done);
    call.on('cancelled', done);
  });
}

function authorizationOf({ metadata }: Unary | Duplex): string | null {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' ? value : null;
}

function callerOf(call: Unary | Duplex, tenant: string): InferCaller {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  const until = Number(call.getDeadline());
  const deadline = Number.isFinite(until) ? performance.now() + (until - Date.now()) : Number.POSITIVE_INFINITY;
  return { tenant, deadline, signal: gone.signal };
}

function statusOf(error: unknown): { readonly code: number; readonly details: string } {
  const code = isHeadraceError(error) ? (CODES[error.status] ?? INTERNAL) : INTERNAL;
  return { code, details: oipText(error) };
}
