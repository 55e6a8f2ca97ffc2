import { once } from 'node:events';
import { connect } from 'node:net';
import type { Draw } from './draws.ts';

/*
 * Frames of HTTP/2 (RFC 9113): length(24) type(8) flags(8) stream(32) payload. Header fields are written as literals without
 * an index (RFC 7541, 6.2.2), each with its name.
 */

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
const INITIAL_WINDOW_SIZE = 4;

function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

function literal(name: string, value: string): Buffer {
  const text = (one: string) => Buffer.concat([Buffer.of(one.length), Buffer.from(one, 'latin1')]);
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

function callOf(method: string): Buffer {
  const fields: readonly (readonly [string, string])[] = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', `/inference.GRPCInferenceService/${method}`],
    [':authority', 'localhost'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
  ];
  return Buffer.concat(fields.map(([name, value]) => literal(name, value)));
}

function setting(name: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(name);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

const EMPTY_MESSAGE = Buffer.alloc(5);

/** A whole call, `ServerLive` unless said otherwise, on a stream. */
function call(stream: number, method = 'ServerLive'): Buffer {
  const head = frame(HEADERS, END_HEADERS, stream, callOf(method));
  return Buffer.concat([head, frame(DATA, END_STREAM, stream, EMPTY_MESSAGE)]);
}

/** The frames of one attack, for a client that has sent preface and settings; each is one write. */
export type Attack = (draw: Draw, count: number) => Iterable<Buffer>;

function* rapidReset(_: Draw, count: number): Iterable<Buffer> {
  for (let i = 0; i < count; i += 1) {
    const stream = 2 * i + 1;
    yield Buffer.concat([
      frame(HEADERS, END_HEADERS, stream, callOf('ServerLive')),
      frame(RST_STREAM, 0, stream, word(8)),
    ]);
  }
}

/** Header fields that never end. */
function* continuationFlood(draw: Draw, count: number): Iterable<Buffer> {
  yield frame(HEADERS, 0, 1, callOf('ServerLive'));
  for (let i = 1; i < count; i += 1)
    yield frame(CONTINUATION, 0, 1, draw(3) === 0 ? new Uint8Array(0) : literal(`x-${i}`, 'a'.repeat(100)));
}

/** Answers that may not be sent: windows of nothing, opened by a byte now and then. */
function* stalledWindows(draw: Draw, count: number): Iterable<Buffer> {
  yield frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 0));
  for (let i = 1; i < count; i += 1) {
    const stream = 2 * i - 1;
    yield call(stream, draw(2) === 0 ? 'ServerMetadata' : 'RepositoryIndex');
    if (draw(4) === 0) yield frame(WINDOW_UPDATE, 0, stream, word(1));
  }
}

function* pings(draw: Draw, count: number): Iterable<Buffer> {
  for (let i = 0; i < count; i += 1)
    yield draw(2) === 0
      ? frame(PING, 0, 0, Buffer.alloc(8, i))
      : frame(SETTINGS, 0, 0, setting(draw(7), draw(2 ** 31)));
}

/** Frames of any type, flags, stream and payload, valid calls between them. */
function* randomFrames(draw: Draw, count: number): Iterable<Buffer> {
  let stream = -1;
  for (let i = 0; i < count; i += 1) {
    const kind = draw(10);
    if (kind < 3) {
      stream += 2;
      yield call(stream);
    } else if (kind === 3) {
      const one = call(stream + 2);
      one[draw(one.length)] = draw(256);
      yield one;
    } else {
      const payload = Buffer.from(Array.from({ length: draw(40) }, () => draw(256)));
      yield frame(draw(12), draw(256), draw(3) === 0 ? draw(2 ** 31) : stream + draw(5), payload);
    }
  }
}

/** Bytes that are no frames. */
function* noise(draw: Draw, count: number): Iterable<Buffer> {
  for (let i = 0; i < count; i += 1) yield Buffer.from(Array.from({ length: 1 + draw(60) }, () => draw(256)));
}

export const attacks: Readonly<Record<string, Attack>> = {
  rapidReset,
  continuationFlood,
  stalledWindows,
  pings,
  randomFrames,
  noise,
};

/** What became of the connection of an attack. */
export interface Attacked {
  /** Inputs that were written before the connection ended. */
  readonly inputs: number;
  /** The error of the last frame GOAWAY of the server; null: it sent none with an error. */
  readonly goAway: number | null;
}

/** Sends an attack over one connection, as fast as it is taken, then its end; waits until the server has closed its side. */
export async function attack(port: number, inputs: Iterable<Buffer>): Promise<Attacked> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => received.push(bytes));
  await once(socket, 'connect');
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
  let sent = 0;
  for (const one of inputs) {
    if (socket.destroyed) break;
    sent += 1;
    if (!socket.write(one)) await Promise.race([once(socket, 'drain').catch(() => undefined), closed]);
  }
  socket.end();
  await closed;
  return { inputs: sent, goAway: goAwayOf(Buffer.concat(received)) };
}

function goAwayOf(bytes: Buffer): number | null {
  let found: number | null = null;
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const code = bytes[at + 3] === GOAWAY && at + 17 <= bytes.length ? bytes.readUInt32BE(at + 13) : 0;
    if (code > 0) found = code;
  }
  return found;
}
