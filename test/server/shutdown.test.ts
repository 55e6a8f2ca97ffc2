import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-shutdown-'));
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const BODY = '{"request":{"user":"ann","price":1}}';
const HEAD = 'POST /v1/features/shopper HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
const WHOLE = `${HEAD}content-length: ${BODY.length}\r\n\r\n${BODY}`;
const CHUNKED = `${HEAD}expect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n`;

/** A connection and all that it has brought. */
async function dial(
  url: string,
): Promise<{ readonly socket: Socket; readonly came: () => string; readonly over: Promise<void> }> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', noDelay: true });
  let text = '';
  socket.on('data', (bytes) => {
    text += String(bytes);
  });
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  return { socket, came: () => text, over };
}

/** Waits until a text has come this often. */
async function brought({ socket, came }: { socket: Socket; came: () => string }, text: string): Promise<void> {
  while (!came().includes(text)) await once(socket, 'data');
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

interface Half {
  readonly name: string;
  /** What is sent, and what has come when the server has it. */
  readonly sent: string;
  readonly until: string;
  /** What is sent when the server closes. */
  readonly rest: string;
  /** What may come in all. */
  readonly may: readonly (readonly number[])[];
}

const HALVES: readonly Half[] = [
  { name: 'nothing of a request', sent: WHOLE, until: '"degraded":false}', rest: '', may: [[200]] },
  {
    name: 'half a body, which the lean reader has',
    sent: WHOLE + WHOLE.slice(0, -5),
    until: '"degraded":false}',
    rest: '',
    may: [[200, 503]],
  },
  {
    name: 'half a body in chunks, which the full server has',
    sent: CHUNKED,
    until: '100 Continue',
    rest: `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
    may: [[100, 200]],
  },
  {
    name: 'half a head',
    sent: WHOLE + WHOLE.slice(0, 50),
    until: '"degraded":false}',
    rest: WHOLE.slice(50),
    may: [[200], [200, 200], [200, 503]],
  },
];

describe.each([
  ['a thread that has the connections', false],
  ['the thread of the project', true],
])('a server that closes, its connections with %s,', (_, sharesPort) => {
  const start = (closeWithinMs: number) =>
    startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000, sharesPort, closeWithinMs });

  test.each(HALVES)('answers or closes where it has $name', async ({ sent, until, rest, may }) => {
    const server = await start(60_000);
    const client = await dial(server.url);
    client.socket.write(sent);
    await brought(client, until);
    const closed = server.close();
    client.socket.write(rest);
    await Promise.all([closed, client.over]);
    expect(may).toContainEqual(statuses(client.came()));
    const last = client.came().slice(client.came().lastIndexOf('HTTP/1.1'));
    if (last.includes('HTTP/1.1 503'))
      expect(last).toMatch(/connection: close[\s\S]*retry-after: 1[\s\S]*SERVER_CLOSING/);
  });

  test('does not wait for a client for ever, whatever it has sent and whatever it takes', async () => {
    const server = await start(200);
    const clients = await Promise.all(HALVES.map(() => dial(server.url)));
    const silent = await dial(server.url);
    // It takes no answer: those behind the first stay in the server.
    silent.socket.pause();
    silent.socket.write(WHOLE.repeat(2_000));
    await Promise.all(
      HALVES.map(async ({ sent, until }, i) => {
        clients[i].socket.write(sent);
        await brought(clients[i], until);
      }),
    );
    await server.close();
    await Promise.all(clients.map(({ over }) => over));
    silent.socket.destroy();
    for (const { came } of clients) expect(statuses(came())).not.toContain(400);
  });
});

test('a client that ends in the middle of a request learns it by 400', async () => {
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  const client = await dial(server.url);
  client.socket.end(WHOLE.slice(0, -5));
  await client.over;
  expect(statuses(client.came())).toEqual([400]);
  await server.close();
});
