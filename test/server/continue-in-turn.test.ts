import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { continueInTurn } from '../../src/server/continue-in-turn.ts';
import { answersIn } from './chain/answers.ts';
import { converse } from './chain/chain.ts';

const BODY = 'x'.repeat(40);
const ASKING = `POST /asking HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: ${BODY.length}\r\n\r\n`;
const HELD = 'GET /held HTTP/1.1\r\nhost: localhost\r\n\r\n';

/** Answers the bytes of a path; one that is held is answered after the next. */
async function served(work: (port: number) => Promise<void>): Promise<void> {
  const held: ServerResponse[] = [];
  const answer = (response: ServerResponse, text: string) => {
    const bytes = Buffer.from(text);
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes);
    response.end();
  };
  const server = continueInTurn(
    createServer((request, response) => {
      request.resume();
      if (request.url === '/held') {
        held.push(response);
        return;
      }
      answer(response, `asked ${request.url}`);
      for (const each of held.splice(0)) answer(each, 'held');
    }),
  );
  Object.assign(server, { httpAllowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

test('a client is asked to continue in the turn of its request, never during an answer', () =>
  served(async (port) => {
    const came = await converse(port, [Buffer.from(`${HELD}${ASKING}${BODY}`)]);
    expect(answersIn(came, ['GET', 'POST'])).toEqual([
      { status: 200, body: 'held' },
      { status: 200, body: 'asked /asking' },
    ]);
  }));

test('a client that waits to be asked is asked', () =>
  served(async (port) => {
    const came = await converse(port, [Buffer.from(ASKING), Buffer.from(BODY)]);
    expect(came.toString()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  }));
