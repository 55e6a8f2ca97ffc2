import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer, request } from 'node:http';
import { connect } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../../scripts/services/certificates.ts';
import { functionModel } from '../../src/features/define/function-model.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { checkJson } from '../../src/schema/json-bounds.ts';
import { startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { MessageReader } from '../../src/server/grpc/message-reader.ts';
import { startServer } from '../../src/server/http-server.ts';
import { boundConnections, breakStalled, endSoon } from '../../src/server/limits/connections.ts';
import { HeldBytes, heldBytes } from '../../src/server/limits/held-bytes.ts';
import { until } from '../until.ts';
import { project } from './shop.ts';

/** Values of JSON by walking it: each array or object, and of each the members beyond the first. */
function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  return 1 + Math.max(0, members.length - 1) + members.reduce((sum: number, one) => sum + valuesOf(one), 0);
}

test('a JSON text is refused exactly beyond its bound of values, whatever its texts have in them', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.string({ unit: 'binary' }), (value, more) => {
      const all = [value, more, '"[{,\\'.repeat(300)];
      const text = JSON.stringify(all);
      const most = 1 + valuesOf(JSON.parse(text));
      expect(() => checkJson(text, most)).not.toThrow();
      expect(() => checkJson(text, most - 1)).toThrow(expect.objectContaining({ code: 'SERVER_BODY_BOUNDS' }));
    }),
  );
});

test('a text of a hundred levels is read, and one of more is refused before it is', () => {
  const nested = (levels: number) => `${' '.repeat(1_024)}${'['.repeat(levels)}${']'.repeat(levels)}`;
  expect(() => checkJson(nested(100))).not.toThrow();
  expect(() => checkJson(nested(101))).toThrow(expect.objectContaining({ code: 'SERVER_BODY_BOUNDS' }));
});

test('messages are the same however they are cut, and all that is held is returned', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 12_000 }), { maxLength: 6 }), cuts, (bodies, sizes) => {
      const held = new HeldBytes();
      const reader = new MessageReader(12_000, held);
      const whole = Buffer.concat(bodies.flatMap((body) => [headOf(body.length), Buffer.from(body)]));
      const found: Buffer[] = [];
      for (let at = 0, i = 0; at < whole.length; i += 1) {
        const end = at + (sizes[i % sizes.length] ?? 1);
        for (const { bytes, heldBytes: size } of reader.push(whole.subarray(at, end))) {
          found.push(bytes);
          held.give(size);
        }
        at = end;
      }
      expect(found.map(String)).toEqual(bodies.map((body) => String(Buffer.from(body))));
      expect(reader.isPartial).toBe(false);
      expect(held.bytes).toBe(0);
    }),
  );
});

function headOf(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return head;
}

test('a length that is only announced holds nothing; one connection may not have what is left of all', () => {
  const all = new HeldBytes(20_000);
  const [one, other] = [all.share(12_000), all.share(12_000)];
  const [reader, second] = [new MessageReader(2 ** 20, one), new MessageReader(2 ** 20, other)];
  reader.push(headOf(2 ** 20));
  expect(all.bytes).toBe(0);
  reader.push(Buffer.alloc(6_000));
  expect(all.bytes).toBe(12_000);
  expect(() => reader.push(Buffer.alloc(7_000))).toThrow(expect.objectContaining({ code: 'SERVER_HELD', status: 503 }));
  second.push(headOf(10_000));
  expect(() => second.push(Buffer.alloc(9_000))).toThrow(expect.objectContaining({ code: 'SERVER_HELD' }));
  reader.release();
  second.push(Buffer.alloc(10));
  expect(all.bytes).toBe(other.bytes);
  second.release();
  expect(all.bytes).toBe(0);
});

async function served(models: { readonly functions?: readonly (typeof numbers)[] } = {}): Promise<Headrace> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-limits-'));
  const headrace = await openHeadrace({
    project,
    environment: { directory, partitions: 1, models: { functions: [...(models.functions ?? [])] } },
  });
  onTestFinished(async () => {
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return headrace;
}

test('a message that never ends ends its call, and what was kept of it is let go', async () => {
  const grpc = await startGrpc(await served(), { host: '127.0.0.1', port: 0, messageTimeoutMs: 20 });
  const session = connect(`http://${grpc.address}`);
  for (const method of ['ModelInfer', 'ModelStreamInfer']) {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/inference.GRPCInferenceService/${method}`,
      'content-type': 'application/grpc',
    });
    stream.on('error', () => undefined);
    stream.write(Buffer.concat([headOf(60 * 2 ** 20), Buffer.alloc(10_000)]));
    const [headers] = await once(stream, 'response');
    expect(headers['grpc-status'], method).toBe('4');
  }
  await until(() => heldBytes.bytes === 0);
  session.destroy();
  await grpc.close();
});

test('an unfinished body is counted while it is held, and no longer when its client has gone', async () => {
  const server = await startServer(await served(), { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  const headers = { 'content-type': 'application/json', 'content-length': 900_000 };
  const sent = request(`${server.url}/v1/events/purchases`, { method: 'POST', headers });
  sent.on('error', () => undefined);
  sent.write(Buffer.alloc(400_000, ' '));
  await until(() => heldBytes.bytes === 400_000);
  sent.destroy();
  await until(() => heldBytes.bytes === 0);
  await server.close();
});

/** What is left of all that the process may hold. */
function roomLeft(): number {
  let [least, most] = [0, 2 ** 30];
  while (least < most) {
    const half = Math.ceil((least + most) / 2);
    if (heldBytes.takes(half)) {
      heldBytes.give(half);
      least = half;
    } else most = half - 1;
  }
  return least;
}

const numbers = functionModel({
  name: 'numbers',
  inputs: [{ name: 'x', type: 'INT64', shape: [-1] }],
  outputs: [{ name: 'y', type: 'INT64', shape: [1] }],
  run: ({ x }) => ({ y: { shape: [1], data: BigInt64Array.of(BigInt(x.data.length)) } }),
});

test('one budget holds what all connections have sent and what it becomes, at every door, and refuses the rest by code', async () => {
  const headrace = await served({ functions: [numbers] });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 22 });
  const grpc = await startGrpc(headrace, { host: '127.0.0.1', port: 0 });
  const [small, long] = [20_000, 200_000].map((n) => '0,'.repeat(n - 1).concat('0'));
  const infer = (data: string, n: number) =>
    `{"inputs":[{"name":"x","datatype":"INT64","shape":[${n}],"data":[${data}]}]}`;
  const calls: Record<string, () => Promise<string>> = {};
  for (const [name, body] of Object.entries({ short: infer(small, 20_000), long: infer(long, 200_000) }))
    calls[`a ${name} inference`] = () => posted(`${server.url}/v2/models/numbers/infer`, body);
  for (const [name, body] of Object.entries({ short: `[${small}]`, long: `[${long}]` }))
    calls[`${name} events`] = () => posted(`${server.url}/v1/events/purchases`, body);
  calls['long lines'] = () =>
    posted(`${server.url}/v1/events/purchases`, '{}\n'.repeat(100_000), 'application/x-ndjson');
  calls['a message of gRPC'] = () => called(grpc.address, Buffer.alloc(60_000, Buffer.of(7 * 8 + 2, 0)));
  const answers = new Map<string, string>();
  for (const [name, call] of Object.entries(calls)) answers.set(name, await call());
  await until(() => heldBytes.bytes === 0);
  const taken = roomLeft() - 70_000;
  heldBytes.take(taken);
  for (const [name, call] of Object.entries(calls)) expect(await call(), name).toMatch(/SERVER_HELD|^8 /);
  await until(() => heldBytes.bytes === taken);
  heldBytes.give(taken);
  for (const [name, call] of Object.entries(calls)) expect(await call(), name).toBe(answers.get(name));
  await until(() => heldBytes.bytes === 0);
  for (const answer of answers.values()) expect(answer).not.toMatch(/SERVER_HELD|^8 /);
  await grpc.close();
  await server.close();
});

async function posted(url: string, body: string, type = 'application/json'): Promise<string> {
  const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': type } });
  const text = await answer.text();
  return `${answer.status} ${text.includes('SERVER_HELD') ? 'SERVER_HELD' : ''}`;
}

async function called(address: string, message: Buffer): Promise<string> {
  const session = connect(`http://${address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ModelInfer',
    'content-type': 'application/grpc',
  });
  stream.on('error', () => undefined);
  stream.resume();
  stream.end(Buffer.concat([headOf(message.length), message]));
  const [headers] = await once(stream, 'response');
  session.destroy();
  return `${headers['grpc-status']} `;
}

test('a session of gRPC that makes no call is closed, and one that has none left', async () => {
  const grpc = await startGrpc(await served(), { host: '127.0.0.1', port: 0, firstCallMs: 20, idleSessionMs: 20 });
  const silent = connectTcp(Number(grpc.address.split(':')[1]), '127.0.0.1');
  silent.on('error', () => undefined).resume();
  await once(silent, 'close');
  const session = connect(`http://${grpc.address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ServerLive',
    'content-type': 'application/grpc',
  });
  stream.resume();
  stream.end(headOf(0));
  await once(session, 'close');
  await grpc.close();
});

test('beyond its connections a server closes further ones at once', async () => {
  const server = createTcpServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  boundConnections(server, 2);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets = [1, 2, 3].map(() => connectTcp(port, '127.0.0.1').on('error', () => undefined));
  const third = sockets.at(-1);
  if (third !== undefined) await once(third.resume(), 'close');
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** An answer that is larger than the buffers of sockets. */
const LARGE = Buffer.alloc(64 * 2 ** 20);

test.each<readonly [string, (server: HttpServer) => void, boolean]>([
  ['takes nothing of its answer', (server) => breakStalled(server, 20), true],
  ['sends nothing', (server) => breakStalled(server, 20), false],
])('a client that %s is broken off', async (_name, bound, asks) => {
  const server = createServer((_, response) => response.end(LARGE)).listen(0, '127.0.0.1');
  bound(server);
  await once(server, 'listening');
  const ended = new Promise((resolve) => server.on('connection', (socket) => socket.once('close', resolve)));
  const client = connectTcp((server.address() as AddressInfo).port, '127.0.0.1').pause();
  client.on('error', () => undefined);
  if (asks) client.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
  await ended;
  client.destroy();
  server.close();
});

test('a client that waits for its answer is left alone, however long it takes', async () => {
  const server = createServer(async (incoming, response) => {
    // The rule sees a request after this.
    await Promise.resolve();
    incoming.socket.emit('timeout');
    response.end('done');
  }).listen(0, '127.0.0.1');
  breakStalled(server);
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect(await answer.text()).toBe('done');
  server.closeAllConnections();
  server.close();
});

test('a connection that is ended is broken off where its client takes nothing', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(LARGE);
    endSoon(socket, 20);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ended = new Promise((resolve) => server.on('connection', (socket) => socket.once('close', resolve)));
  const client = connectTcp((server.address() as AddressInfo).port, '127.0.0.1').pause();
  client.on('error', () => undefined);
  await ended;
  client.destroy();
  server.close();
});

test('gRPC by TLS answers a client that trusts the certificate, and ends one that does not agree on encryption', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-grpc-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await makeCertificates(folder);
  const tls = { certFile: join(folder, 'server.crt'), keyFile: join(folder, 'server.key') };
  const grpc = await startGrpc(await served(), { host: '127.0.0.1', port: 0, tls });
  const session = connect(`https://${grpc.address}`, { ca: readFileSync(join(folder, 'ca.crt')) });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ServerLive',
    'content-type': 'application/grpc',
  });
  const trailers = once(stream, 'trailers');
  stream.resume();
  stream.end(headOf(0));
  expect((await trailers)[0]['grpc-status']).toBe('0');
  session.destroy();
  const plain = connect(`http://${grpc.address}`);
  plain.on('error', () => undefined);
  await new Promise((resolve) => plain.once('close', resolve));
  await grpc.close();
});
