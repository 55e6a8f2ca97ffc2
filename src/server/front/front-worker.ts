// The thread that has the clients' connections. Its messages are in messages.ts.

import { createServer, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { secureOptions } from '../certificate.ts';
import { allowsHost } from '../host-list.ts';
import type { Gone } from '../lean/hot-route.ts';
import { inferPath } from '../lean/infer-path.ts';
import { serveLean } from '../lean/lean-server.ts';
import type { RequestHead } from '../lean/request-head.ts';
import type { LeanResponse } from '../lean/response.ts';
import { boundConnections, endSoon } from '../limits/connections.ts';
import type { FrontOptions } from './front.ts';
import {
  addRequest,
  alone,
  type FromFront,
  forAnswers,
  type Piece,
  type RequestList,
  type ToFront,
} from './messages.ts';

const { host, port, paths, runsModels, bodyLimit, tls, hosts } = workerData as FrontOptions;

/** As node:http has it: a client that has sent all gets its answers. */
const HALF_OPEN = { allowHalfOpen: true };

/** Requests that have no answer yet, by their numbers. */
const open = new Map<number, (response: LeanResponse) => void>();
let newest = 0;
let gathered: RequestList = [];

/** The last request of each connection, by what says that its client goes away. It answers one at a time. */
const lastOf = new WeakMap<Gone, number>();

/** Asks the thread of the project: the requests that one turn of the loop has read go together. Hot path. */
function ask(head: RequestHead, body: string | Uint8Array, gone: Gone): Promise<LeanResponse> {
  return new Promise((resolve) => {
    newest += 1;
    if (!lastOf.has(gone)) gone.signal.addEventListener('abort', () => leave(lastOf.get(gone)), { once: true });
    lastOf.set(gone, newest);
    open.set(newest, resolve);
    if (gathered.length === 0) setImmediate(sendGathered);
    addRequest(gathered, newest, head, body);
  });
}

/** Reports that nobody waits for a request, after the request itself. */
function leave(number: number | undefined): void {
  if (number === undefined || !open.has(number)) return;
  sendGathered();
  say({ kind: 'gone', number });
}

function sendGathered(): void {
  if (gathered.length === 0) return;
  say(gathered);
  gathered = [];
}

function answered(number: number, response: LeanResponse): void {
  open.get(number)?.(response);
  open.delete(number);
}

function serveFull(socket: Socket): void {
  const handed = handOver(socket);
  parentPort?.postMessage({ kind: 'handedOver', port: handed } satisfies FromFront, [handed]);
}

function say(message: FromFront): void {
  parentPort?.postMessage(message);
}

const server = tls === null ? createServer(HALF_OPEN) : createSecureServer({ ...secureOptions(tls), ...HALF_OPEN });
boundConnections(server);
const knows = (path: string) => paths.has(path) || (runsModels && inferPath(path) !== null);
const allows = allowsHost(hosts);
const lean = serveLean(server, { knows, allows, answer: ask, answerBytes: ask, bodyLimit, serveFull });

parentPort?.on('message', (message: ToFront) => {
  if (message !== null) return forAnswers(message, answered);
  server.close();
  lean.close();
  parentPort?.unref();
});
server.once('error', ({ message: reason }) => say({ kind: 'refused', reason }));
server.listen({ host, port }, () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) say({ kind: 'listening', address });
});

/** Passes the data of a connection to the returned port, and its data back. One piece of the client is on its way at a time. */
function handOver(socket: Socket): MessagePort {
  const { port1: near, port2: far } = new MessageChannel();
  const send = (piece: Piece): void => near.postMessage(piece);
  socket.on('data', (bytes) => {
    socket.pause();
    send(alone(bytes));
  });
  socket.on('end', () => send('end'));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => near.close());
  near.on('message', (piece: Piece) => {
    if (piece === 'end') socket.end();
    else if (typeof piece === 'number') socket.resume();
    else socket.write(piece, () => send(piece.length));
  });
  // After its earlier messages.
  near.on('close', () => endSoon(socket));
  return far;
}
