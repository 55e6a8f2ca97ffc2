import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as secureConnect } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../scripts/services/certificates.ts';
import { readVectors } from '../../src/client/read-vectors.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { parseJsonExact } from '../../src/schema/json-exact.ts';
import { VECTOR_BINARY_TYPE } from '../../src/schema/vector-format.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../src/server/http-server.ts';
import { serveLean } from '../../src/server/lean/lean-server.ts';
import { parseHead } from '../../src/server/lean/request-head.ts';
import { runs } from '../runs.ts';
import { turns, until, untilStill } from '../until.ts';
import { project } from './shop.ts';

const START = Date.UTC(2026, 0, 1);
let headrace: Headrace;
let server: RunningServer;
let port = 0;
const directory = mkdtempSync(join(tmpdir(), 'headrace-lean-'));

const tls = { certFile: join(directory, 'server.crt'), keyFile: join(directory, 'server.key') };

/** Who reads what clients send: processes that share a port do so in one thread. */
const ways: readonly (readonly [string, Partial<ServerOptions>])[] = [
  ['a thread that has the connections', {}],
  ['the thread of the project', { sharesPort: true }],
  ['a thread that has the connections, by TLS', { tls }],
  ['the thread of the project, by TLS', { tls, sharesPort: true }],
];
/** Whose word clients take for the server's. */
let authority: Buffer | null = null;
let losesRefusals = false;

const start = (more: Partial<ServerOptions>) =>
  startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000, ...more });

beforeAll(async () => {
  await makeCertificates(directory);
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => START });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const service = () => headrace.project.services[0];
const body = () => JSON.stringify({ request: requestOf('ann') });
const requestOf = (user: string) =>
  Object.fromEntries(Object.entries(service().request).map(([name, { type }]) => [name, type === 'text' ? user : 1]));

function post(text: string, fields: readonly string[] = [], line?: string): string {
  const first = line ?? `POST /v1/features/${service().name} HTTP/1.1`;
  const all = [
    'host: localhost',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    ...fields,
  ];
  return `${first}\r\n${all.join('\r\n')}\r\n\r\n${text}`;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function dial(to: number): Socket {
  const server = { port: to, host: '127.0.0.1' };
  return authority === null ? connect(server) : secureConnect({ ...server, ca: authority });
}

/**
 * Sends pieces, one write each, and closes its side: gives what came back once the server has closed its own. `first` is
 * answered before the others go; where they go apart, each is on its way before the next is written.
 */
async function converse(pieces: readonly string[], { first = '', isApart = false, to = port } = {}) {
  const socket = dial(to);
  const chunks: Buffer[] = [];
  let came = () => undefined as unknown;
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    came();
  });
  socket.on('error', () => undefined);
  const over = new Promise((resolve) => socket.once('close', resolve));
  socket.setNoDelay(true);
  await once(socket, authority === null ? 'connect' : 'secureConnect');
  if (first !== '') {
    await new Promise<void>((resolve) => {
      came = resolve;
      socket.write(first);
    });
  }
  for (const piece of pieces) {
    if (isApart) await written(socket, piece);
    else socket.write(piece);
  }
  socket.end();
  await over;
  return { answers: answersIn(Buffer.concat(chunks)) };
}

/** Writes a piece, and lets the reader have it by itself. */
async function written(socket: Socket, piece: string): Promise<void> {
  await new Promise((resolve) => socket.write(piece, resolve));
  await turns(3);
}

/** The answers in a stream of them. */
function answersIn(stream: Buffer): readonly Answer[] {
  const answers: Answer[] = [];
  for (let rest = stream; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n');
    const head = rest.toString('latin1', 0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (end < 0 || Number.isNaN(status)) throw new Error(`no answer: ${rest.toString('latin1').slice(0, 200)}`);
    // Node refuses by an empty body in chunks.
    const isChunked = /transfer-encoding: chunked/i.test(head);
    const length = isChunked ? '0\r\n\r\n'.length : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    answers.push({ status, body: isChunked ? '' : rest.toString('utf8', end + 4, end + 4 + length) });
    rest = rest.subarray(end + 4 + length);
  }
  return answers;
}

/** Makes the full server read everything after it. */
const FULL = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n';

async function fullAnswers(pieces: readonly string[]): Promise<readonly Answer[]> {
  const { answers } = await converse(pieces, { first: FULL });
  expect(answers[0]).toEqual({ status: 200, body: '{"status":"ok"}' });
  return answers.slice(1);
}

/**
 * Expects the answers of the full server. Where a stream ends in a refusal, the full server closes at once: it may lose
 * answers to what came in the same bytes, or refuse by another code, as the bytes happened to come. By TLS node:https may
 * lose the refusal itself, which the front has not to.
 */
function expectAsFull(ours: readonly Answer[], full: readonly Answer[]): void {
  const refused = [ours, full].map((answers) => (answers.at(-1)?.status ?? 0) >= 400);
  if (!(losesRefusals ? refused.includes(true) : refused[1])) {
    expect(ours).toEqual(full);
    return;
  }
  if (!losesRefusals) expect(ours.at(-1)?.status).toBeGreaterThanOrEqual(400);
  const both = Math.max(0, Math.min(ours.length, full.length) - 1);
  expect(ours.slice(0, both)).toEqual(full.slice(0, both));
  for (const { status } of ours.slice(both, -1)) expect([200, 400, 421]).toContain(status);
}

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const smuggled = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n';
const attacks: readonly (readonly [string, () => string])[] = [
  ['length and chunks', () => post('0\r\n\r\n', ['transfer-encoding: chunked'])],
  ['two lengths that differ', () => post(body(), ['content-length: 3'])],
  ['two lengths that agree', () => post(body(), [`content-length: ${body().length}`])],
  ['a list of lengths', () => post(body()).replace(/content-length: (\d+)/, 'content-length: $1, $1')],
  ['a length with a sign', () => post(body()).replace('content-length: ', 'content-length: +')],
  ['a length in hexadecimal', () => post(body()).replace(/content-length: \d+/, 'content-length: 0x10')],
  ['a length with a leading zero', () => post(body()).replace('content-length: ', 'content-length: 0')],
  ['a blank before the colon', () => post(body()).replace('content-length:', 'content-length :')],
  ['a folded line', () => post(body(), ['x-note: one', ' content-length: 0'])],
  ['a bare line feed', () => post(body()).replace('host: localhost\r\n', 'host: localhost\n')],
  ['bare line feeds alone', () => post(body()).replaceAll('\r\n', '\n')],
  ['a bare carriage return', () => post(body(), ['x-note: a\rcontent-length: 0'])],
  ['a line feed in a trace', () => post(body(), [`traceparent: ${TRACE}\ncontent-length: 0`])],
  ['a folded trace', () => post(body(), [`traceparent: ${TRACE}`, ' content-length: 0'])],
  ['two traces', () => post(body(), [`traceparent: ${TRACE}`, `traceparent: ${TRACE}`])],
  ['a trace that is none', () => post(body(), ['traceparent: 00-0af7'])],
  ['a NUL in a field', () => post(body(), ['x-note: a\0b'])],
  ['chunked in disguise', () => post('0\r\n\r\n', ['transfer-encoding: xchunked'])],
  ['chunked with a tab', () => post('0\r\n\r\n', ['transfer-encoding:\tchunked'])],
  ['no host', () => post(body()).replace('host: localhost\r\n', '')],
  ['two hosts', () => post(body(), ['host: 127.0.0.1'])],
  ['an unknown expectation', () => post(body(), ['expect: 200-ok'])],
  ['an upgrade', () => post(body(), ['connection: upgrade', 'upgrade: h2c'])],
  ['HTTP/1.0', () => post(body(), [], `POST /v1/features/${service().name} HTTP/1.0`)],
  ['an absolute target', () => post(body(), [], `POST http://localhost/v1/features/${service().name} HTTP/1.1`)],
  ['two blanks in the first line', () => post(body(), [], `POST  /v1/features/${service().name} HTTP/1.1`)],
  ['a field without a name', () => post(body(), [': 1'])],
  ['a head that is too long', () => post(body(), [`x-note: ${'a'.repeat(20_000)}`])],
  ['a body above the limit', () => post(JSON.stringify({ request: 'a'.repeat(30_000) }))],
  ['a body that is not JSON', () => post('{')],
  ['another content type', () => post(body()).replace('application/json', 'text/plain')],
  ['a service that is not', () => post(body(), [], 'POST /v1/features/nobody HTTP/1.1')],
];

describe.each(ways)('read by %s', (_, way) => {
  beforeAll(async () => {
    authority = way.tls === undefined ? null : readFileSync(join(directory, 'ca.crt'));
    losesRefusals = way.tls !== undefined && way.sharesPort === true;
    server = await start(way);
    port = Number(new URL(server.url).port);
  });

  afterAll(async () => {
    authority = null;
    await server.close();
  });

  test('requests that follow each other without waiting are answered in order, also with others between', async () => {
    const pipelined = [post(body()), FULL, post('{"request":1}'), post(body())].join('');
    const { answers } = await converse([post(body()) + post(body()), pipelined]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 400, 200]);
    expect(answers[2]).toEqual(answers[0]);
    expect(answers[3].body).toBe('{"status":"ok"}');
    expect(answers[5]).toEqual(answers[0]);
  });

  test('a request in pieces of one byte is answered, whichever server reads it', async () => {
    const request = post(body());
    const split = request.indexOf('\r\n\r\n') + 4;
    const wholeHead = await converse([request.slice(0, split), ...request.slice(split)], { isApart: true });
    expect(wholeHead.answers).toEqual(await fullAnswers([request]));
    expect((await converse([...request])).answers).toEqual(wholeHead.answers);
  });

  test('a body that stops is given to the full server, and both halves of a connection are closed', async () => {
    const request = post(body());
    const cut = await converse([request + request.slice(0, -5)]);
    expect(cut.answers.map(({ status }) => status)).toEqual([200, 400]);
  });

  test.each(attacks)(
    '%s is answered as by the full server, and nothing after it is taken for a request',
    async (_, attack) => {
      const bytes = attack() + smuggled;
      const { answers } = await converse([bytes]);
      expectAsFull(answers, await fullAnswers([bytes]));
    },
  );

  test('a chunked body is read whole, and the request after it is answered', async () => {
    const text = body();
    const chunked = `POST /v1/features/${service().name} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const { answers } = await converse([chunked + post(text)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]).toEqual(answers[1]);
  });

  // A longer search: FUZZ_RUNS=20000 npx vitest run test/server/lean.test.ts
  test('whatever bytes come, in whatever pieces, the answers are those of the full server', {
    timeout: 600_000,
  }, async () => {
    const parts = () => [post(body()), post('{"request":{}}'), FULL, '\r\n', 'content-length: 5\r\n', ' ', 'a', '\0'];
    const mutation = fc.record({
      base: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 3 }),
      edits: fc.array(
        fc.record({ at: fc.nat(), cut: fc.nat({ max: 12 }), part: fc.nat({ max: 7 }), isIn: fc.boolean() }),
        { maxLength: 2 },
      ),
      cuts: fc.array(fc.nat(), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ base, edits, cuts }) => {
        let text = base.map((i) => parts()[i]).join('');
        for (const { at, cut, part, isIn } of edits) {
          const from = at % text.length;
          text = text.slice(0, from) + (isIn ? parts()[part] : '') + text.slice(from + cut);
        }
        const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, i) => text.slice(from, places[i])).filter((piece) => piece !== '');
        const { answers } = await converse(pieces);
        expectAsFull(answers, await fullAnswers(pieces));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? runs(20, 400)) },
    );
  });

  test('a request that waited too long while others were answered is asked to come back, and one that did not is not', async () => {
    const busy = await start({ ...way, mostWaitMs: 0 });
    const to = Number(new URL(busy.url).port);
    // One thread has the requests of a connection at once, the other those of many.
    const many = await Promise.all(Array.from({ length: 50 }, () => converse([post(body()).repeat(4)], { to })));
    const answers = many.flatMap((one) => one.answers);
    const codes = answers.map(({ status }) => status);
    expect(new Set(codes)).toEqual(new Set([200, 503]));
    expect(JSON.parse(answers[codes.indexOf(503)].body)).toMatchObject({
      error: { code: 'SERVER_BUSY', retry: 'later' },
    });
    expect((await converse([post(body())], { to })).answers.map(({ status }) => status)).toEqual([200]);
    await busy.close();
    const patient = await converse([post(body()).repeat(50)]);
    expect(patient.answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
  });

  test('events are taken and refused as by the full server, one, many or as lines', async () => {
    const one = { id: 'e1', at: START, user: 'ann', price: '1.00', number: 1 };
    const lines = `${JSON.stringify(one)}\n\n${JSON.stringify({ ...one, id: 'e2' })}\n`;
    const json = 'application/json';
    const bodies: readonly (readonly [string, string])[] = [
      [JSON.stringify(one), json],
      [JSON.stringify([one, { ...one, id: 'e3', user: 'zoë' }]), json],
      [JSON.stringify([one, { ...one, price: 'much' }]), json],
      [JSON.stringify({ ...one, price: 'viel – €' }), json],
      ['[', json],
      [lines, 'application/x-ndjson'],
      [lines, 'Application/X-NDJSON; charset=utf-8'],
      [`${lines}{`, 'application/x-ndjson'],
      [lines, json],
      [`[${JSON.stringify(one)}${' '.repeat(19_000)}]`, json],
      [`[${JSON.stringify(one)}${' '.repeat(30_000)}]`, json],
    ];
    const requests = bodies.map(([text, type]) =>
      post(text, [], 'POST /v1/events/purchases HTTP/1.1').replace('application/json', type),
    );
    // Once before, so that both find the same events in the log.
    for (const request of requests) await converse([request]);
    const answers = await Promise.all(requests.map(async (request) => (await converse([request])).answers));
    expect(answers).toEqual(await Promise.all(requests.map((request) => fullAnswers([request]))));
    expect(answers.map(([{ status }]) => status)).toEqual([200, 200, 200, 400, 400, 200, 200, 400, 400, 200, 413]);
    const { answers: together } = await converse([requests[0] + post(body()) + requests[5] + FULL]);
    expect(together.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(JSON.parse(together[2].body)).toEqual({
      ...{ accepted: 0, duplicate: 2, late: 0, pending: 0, refused: 0, errors: [] },
      dropped: ['e1', 'e2'].map((id, index) => ({ index, id, reason: 'duplicate' })),
    });
  });

  if (way.tls === undefined)
    test('a binary answer holds the vectors of the JSON one, whichever server gives it', async () => {
      const many = JSON.stringify({ requests: ['ann', 'bob'].map(requestOf), at: START });
      const ask = async (text: string | ReadableStream) => {
        const headers = { 'content-type': 'application/json', accept: VECTOR_BINARY_TYPE };
        const init = { method: 'POST', headers, body: text, duplex: 'half' } as const;
        const answer = await fetch(`${server.url}/v1/features/${service().name}`, init);
        expect(answer.headers.get('content-type')).toBe(VECTOR_BINARY_TYPE);
        return readVectors(new Uint8Array(await answer.arrayBuffer()));
      };
      const lean = await ask(many);
      // A stream goes in chunks, which only the full server reads.
      expect(await ask(new Blob([many]).stream())).toEqual(lean);
      expect(parseJsonExact((await converse([post(many)])).answers[0].body)).toEqual({ vectors: lean });
    });
});

test('a head that is read is a head exactly: one more byte anywhere makes another of it, or none', () => {
  const head = post(body()).slice(0, post(body()).indexOf('\r\n\r\n') + 4);
  const parsed = parseHead(head);
  expect(parsed).toEqual({
    path: `/v1/features/${service().name}`,
    host: 'localhost',
    bodyBytes: body().length,
    authorization: null,
    isBinary: false,
    isLines: false,
    traceparent: null,
    takesBytes: false,
    headerLength: null,
    timeout: null,
  });
  fc.assert(
    fc.property(
      fc.nat({ max: head.length - 4 }),
      fc.constantFrom('\n', '\r', '\0', '\x7f', 'é', '\x0b'),
      (at, extra) => {
        expect(parseHead(head.slice(0, at) + extra + head.slice(at))).toBeNull();
      },
    ),
    { numRuns: runs(60, 300) },
  );
});

test('a client that sends a byte now and then is timed out by the full server, in the head and in the body', async () => {
  const full = createServer(
    { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 },
    (request, response) => request.resume().on('end', () => response.end()),
  );
  const answer = () => 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
  const lean = serveLean(
    full,
    { knows: () => true, allows: () => true, answer, answerBytes: () => '', bodyLimit: 1_000 },
    10,
  );
  await new Promise<void>((resolve) => full.listen(0, '127.0.0.1', resolve));
  const address = full.address();
  const to = typeof address === 'object' && address !== null ? address.port : 0;
  const request = post('a'.repeat(1_000));
  const head = request.indexOf('\r\n\r\n') + 4;
  for (const whole of [4, head]) {
    const socket = dial(to);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.write(request.slice(0, whole));
    let sent = whole;
    // A byte at each look; the last one never comes.
    await until(() => {
      if (!socket.destroyed && sent < request.length - 1) socket.write(request.slice(sent, ++sent));
      return socket.closed;
    });
    expect(answersIn(Buffer.concat(chunks)).map(({ status }) => status)).toEqual([408]);
  }
  lean.close();
  await new Promise((resolve) => full.close(resolve));
});

/** Servers, the lean before the full one, whose answers, the bodies themselves, come later: when `wait` is over. */
async function laterServer(wait: (body: string) => Promise<unknown>) {
  const full = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString('latin1');
    await wait(text);
    response.setHeader('content-length', text.length).end(text);
  });
  const answer = async (_: unknown, text: string) => {
    await wait(text);
    return `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
  };
  const lean = serveLean(full, {
    knows: () => true,
    allows: () => true,
    answer,
    answerBytes: () => '',
    bodyLimit: 1_000,
  });
  const sockets: Socket[] = [];
  full.on('connection', (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => full.listen(0, '127.0.0.1', resolve));
  const address = full.address();
  const close = async () => {
    lean.close();
    await new Promise((resolve) => full.close(resolve));
  };
  return { to: typeof address === 'object' && address !== null ? address.port : 0, sockets, close };
}

test('what comes while an answer is waited for is answered after it, also if the client has sent all', async () => {
  const { to, close } = await laterServer((text) => turns(20 * (text.length % 3)));
  const request = fc.record({ size: fc.integer({ min: 1, max: 9 }), cut: fc.option(fc.nat({ max: 8 })) });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), fc.boolean(), async (requests, isApart) => {
      const bodies = requests.map(({ size }, i) => String(i).repeat(size));
      // Cut in bodies alone: a head in two pieces is the full server's.
      const text = requests.map(({ size, cut }, i) => {
        const whole = post(bodies[i]);
        const at = whole.length - ((cut ?? 0) % size);
        return cut === null ? whole : `${whole.slice(0, at)}|${whole.slice(at)}`;
      });
      const pieces = text
        .join('')
        .split('|')
        .filter((piece) => piece !== '');
      const { answers } = await converse(pieces, { isApart, to });
      expect(answers).toEqual(bodies.map((one) => ({ status: 200, body: one })));
    }),
    { numRuns: runs(15, 100) },
  );
  await close();
});

test('of a client that sends on while an answer is waited for no more is read than is at hand', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { to, sockets, close } = await laterServer(() => {
    ask();
    return promise;
  });
  const [each, times] = ['a'.repeat(900), 20_000];
  const conversation = connect(to, '127.0.0.1');
  const chunks: Buffer[] = [];
  conversation.on('data', (chunk) => chunks.push(chunk));
  const ended = new Promise((done) => conversation.once('close', done));
  conversation.write(post(each));
  await asked;
  conversation.end(post(each).repeat(times));
  await untilStill(() => sockets[0].bytesRead);
  expect(sockets[0].bytesRead).toBeLessThan(1_000_000);
  resolve();
  await ended;
  expect(answersIn(Buffer.concat(chunks)).filter(({ status }) => status === 200)).toHaveLength(times + 1);
  await close();
});
