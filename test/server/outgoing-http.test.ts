import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { postJson } from '../../src/backends/alert-sinks/post-json.ts';
import { answerStart, answerText } from '../../src/base/read-answer.ts';
import type { Webhook } from '../../src/ports/webhook-store.ts';
import { post } from '../../src/registry/webhooks/deliver.ts';
import { callUpstream, upstreamJson } from '../../src/versions/upstream/upstream-call.ts';

const MIB = 2 ** 20;

/** A server whose answers never end; counts the bytes that were taken of them. */
async function endless(status: number): Promise<{ readonly url: string; readonly taken: () => number }> {
  let taken = 0;
  const piece = Buffer.alloc(65_536, 'x');
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    const write = () => {
      let isTaken = true;
      while (isTaken && !response.destroyed) {
        isTaken = response.write(piece);
        taken += piece.length;
      }
    };
    response.on('drain', write);
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken: () => taken };
}

const webhook = (url: string) => ({ url, secret: '', isActive: true }) as Webhook;
const signal = new AbortController().signal;

test.each([
  ['a webhook', 200, (url: string) => post(webhook(url), '{}', { allowed: [url], clock: () => 0, onFault: () => {} })],
  ['an alert', 500, (url: string) => postJson({ url, body: '{}', signal, timeoutMs: 120_000 })],
  ['the failure of an upstream', 500, (url: string) => callUpstream('m', { url }, { path: '/' })],
])('of the endless answer to %s only the beginning is read', async (_, status, ask) => {
  const { url, taken } = await endless(status);
  await Promise.allSettled([ask(url)]);
  // Buffers of both sides are written before anything is read.
  expect(taken()).toBeLessThan(16 * MIB);
});

test('an endless answer of a service that is asked for data is refused at its limit', async () => {
  const { url } = await endless(200);
  await expect(upstreamJson('m', { url, timeoutMs: 120_000 }, '/')).rejects.toMatchObject({
    code: 'MODEL_RUN',
    message: expect.stringContaining('more than'),
  });
});

test('an answer of exactly the limit is whole, one byte more is refused, and what follows is not asked for', async () => {
  async function* pieces(count: number) {
    for (let i = 0; i < count; i += 1) {
      asked += 1;
      yield new Uint8Array(10).fill(97);
    }
  }
  let asked = 0;
  expect(await answerText(pieces(5), 50)).toBe('a'.repeat(50));
  await expect(answerText(pieces(6), 50)).rejects.toThrow(RangeError);
  asked = 0;
  expect(await answerStart(pieces(1_000), 25)).toBe('a'.repeat(25));
  expect(asked).toBe(3);
});

test('nothing in src reads an answer whole without a limit', () => {
  const root = new URL('../../src/', import.meta.url);
  // The client library runs in the user's program, and its answers are those of the server that it names.
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('client/'),
  );
  const whole =
    /await (?:\w+\.)*(?:answer|response|reply)\.(?:text|json|arrayBuffer|blob|bytes)\(\)|\btext\((?:answer|response)\)/;
  const found = files.filter((path) => {
    const text = readFileSync(new URL(path, root), 'utf8');
    return /\bfetch\(|node:https?'/.test(text) && whole.test(text);
  });
  expect(found).toEqual([]);
});
