import { once } from 'node:events';
import { type RequestListener, request, type ServerOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { FrontServer } from '../../src/server/front/front-server.ts';
import type { HotAnswers } from '../../src/server/lean/hot-answer.ts';
import { turns, untilStill } from '../until.ts';

const HOT = '/v1/features/hot';
const MEGABYTE = 1_024 * 1_024;
const open: FrontServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** A server whose hot route says after `answerWhen` what it is asked to say, and whose full server has `listener`. */
async function started(listener: RequestListener, times: ServerOptions = {}, answerWhen = () => turns(1)) {
  const answers: HotAnswers = {
    paths: new Set([HOT]),
    runsModels: false,
    answerBytes: () => '',
    answer: async (_, body) => {
      await answerWhen();
      return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    },
  };
  const server = new FrontServer({ times, answers, bodyLimit: 1_000, tls: null, hosts: null }, listener);
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  open.push(server);
  return { server, port: server.address()?.port ?? 0 };
}

const hot = (body: string) =>
  `POST ${HOT} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const cold = 'GET /cold HTTP/1.1\r\nhost: here\r\n\r\n';

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** All that a socket brings until it ends. */
async function all(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

const echo: RequestListener = async (incoming, outgoing) => {
  for await (const chunk of incoming) if (!outgoing.write(chunk)) await once(outgoing, 'drain');
  outgoing.end();
};

test('bodies of any length go to the full server and back as they are, over one connection or many', async () => {
  const { port } = await started(echo);
  const random = seededRandom(5);
  const noise = Uint8Array.from({ length: 65_537 }, () => 256 * random());
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 2 * MEGABYTE }), { minLength: 1, maxLength: 3 }),
      async (sizes) => {
        await Promise.all(
          sizes.map(async (size) => {
            const body = Buffer.alloc(size, noise);
            const asked = request({ port, host: '127.0.0.1', method: 'POST', path: '/echo' });
            asked.end(body);
            const [answer] = await once(asked, 'response');
            expect(Buffer.compare(Buffer.concat(await answer.toArray()), body)).toBe(0);
          }),
        );
      },
    ),
    { numRuns: 15 },
  );
});

test('a client that does not take its answer stops who makes it, and gets all of it later', async () => {
  const piece = Buffer.alloc(64 * 1_024, 'a');
  const pieces = 512;
  let made = 0;
  const { port } = await started(async (_, outgoing) => {
    for (; made < pieces; made += 1) if (!outgoing.write(piece)) await once(outgoing, 'drain');
    outgoing.end();
  });
  const socket = await connected(port);
  socket.end(cold);
  await untilStill(() => made);
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(pieces / 2);
  let bytes = 0;
  for await (const chunk of socket) bytes += chunk.length;
  expect(bytes).toBeGreaterThanOrEqual(pieces * piece.length);
});

test('a client that sends more than is read is stopped, and all of it is read later', async () => {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  let read = 0;
  const { port } = await started(async (incoming, outgoing) => {
    await told;
    for await (const chunk of incoming) read += chunk.length;
    outgoing.end('read');
  });
  const piece = Buffer.alloc(64 * 1_024);
  const pieces = 512;
  let sent = 0;
  const socket = await connected(port);
  const answered = all(socket);
  socket.write(`POST /cold HTTP/1.1\r\nhost: here\r\ncontent-length: ${pieces * piece.length}\r\n\r\n`);
  const sending = (async () => {
    for (; sent < pieces; sent += 1) if (!socket.write(piece)) await once(socket, 'drain');
    socket.end();
  })();
  await untilStill(() => sent);
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(pieces);
  tell();
  await sending;
  expect(await answered).toMatch(/^HTTP\/1\.1 200 /);
  expect(read).toBe(pieces * piece.length);
});

test('who answers learns that a client has gone', async () => {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const { port } = await started((_, outgoing) => {
    outgoing.on('close', resolve);
    outgoing.write('a');
  });
  const socket = await connected(port);
  socket.write(cold);
  await once(socket, 'data');
  socket.resetAndDestroy();
  await gone;
});

test('an idle connection of the full server is closed when its time is over, a slow head refused', async () => {
  const answer: RequestListener = (_, outgoing) => void outgoing.end('a');
  const { port } = await started(answer, { keepAliveTimeout: 50, connectionsCheckingInterval: 20 });
  const idle = await connected(port);
  idle.write(cold);
  expect(await all(idle)).toMatch(/^HTTP\/1\.1 200 /);
  const hasty = await started(answer, { headersTimeout: 100, connectionsCheckingInterval: 20 });
  const slow = await connected(hasty.port);
  slow.write(cold.slice(0, 10));
  expect(await all(slow)).toMatch(/^HTTP\/1\.1 408 /);
});

test('what was written before a connection is destroyed gets out', async () => {
  const { port } = await started((_, outgoing) => {
    outgoing.socket?.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    outgoing.socket?.write('why');
    outgoing.socket?.destroy();
  });
  const socket = await connected(port);
  socket.write(cold.repeat(2));
  expect(await all(socket)).toBe('HTTP/1.1 400 Bad Request\r\n\r\nwhy');
});

test('a server that closes lets the answers under way out, closes idle connections and takes no longer', async () => {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const { promise: hotCame, resolve: seeHot } = Promise.withResolvers<void>();
  const { promise: coldCame, resolve: seeCold } = Promise.withResolvers<void>();
  const { server, port } = await started(
    async (_, outgoing) => {
      seeCold();
      await told;
      outgoing.end('cold');
    },
    {},
    () => {
      seeHot();
      return told;
    },
  );
  const idle = await connected(port);
  const sockets = await Promise.all([connected(port), connected(port)]);
  const [ofHot, ofCold] = sockets;
  ofHot.write(hot('warm'));
  ofCold.write(cold.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
  await Promise.all([hotCame, coldCame]);
  const closed = new Promise((resolve) => server.close(resolve));
  open.splice(0);
  expect(await all(idle)).toBe('');
  const refused = connect(port, '127.0.0.1');
  expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  tell();
  expect(await all(ofHot)).toMatch(/warm$/);
  expect(await all(ofCold)).toMatch(/cold/);
  for (const socket of [...sockets, idle]) socket.end();
  await closed;
});

test('an address that is taken is an error of listening', async () => {
  const { port } = await started(echo);
  const other = new FrontServer(
    {
      times: {},
      answers: { paths: new Set(), runsModels: false, answer: () => '', answerBytes: () => '' },
      bodyLimit: 1_000,
      tls: null,
      hosts: null,
    },
    echo,
  );
  other.listen({ host: '127.0.0.1', port });
  expect(await once(other, 'error')).toMatchObject([{ message: expect.stringContaining('EADDRINUSE') }]);
});
