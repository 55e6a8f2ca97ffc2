import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startReadServer, startServer } from '../../src/server/http-server.ts';
import { project, purchases } from './shop.ts';

const START = Date.UTC(2026, 0, 1);
const directory = mkdtempSync(join(tmpdir(), 'headrace-utf8-'));
let headrace: Headrace;
let server: RunningServer;
let reader: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => START });
  const options = { host: '127.0.0.1', port: 0, bodyLimit: 200_000 };
  const writer = join(directory, 'writer.sock');
  server = await startServer(headrace, options);
  const writing = await startServer(headrace, { ...options, socketPath: writer });
  const reading = await startReadServer(headrace, { ...options, writer, sharesPort: true });
  reader = { url: reading.url, close: () => reading.close().then(() => writing.close()) };
});

afterAll(async () => {
  await server.close();
  await reader.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Bytes that are no UTF-8 (RFC 3629), by what is wrong with them. */
const INVALID: Readonly<Record<string, readonly number[]>> = {
  'a byte that only continues': [0x80],
  'a byte that never occurs': [0xff],
  'a character that is cut off': [0xe2, 0x82],
  'a longer form than needed': [0xc0, 0xaf],
  'half a surrogate pair': [0xed, 0xa0, 0x80],
  'a number beyond Unicode': [0xf4, 0x90, 0x80, 0x80],
};

/** Bodies with a place, `@`, for what is wrong; in Latin-1. */
const BODIES: readonly (readonly [path: string, type: string, text: string])[] = [
  ['/v1/events/purchases', 'application/json', `{"id":"a","at":${START},"user":"zo@","price":1,"number":1}`],
  ['/v1/events/purchases', 'application/json', `[{"id":"a@","at":${START},"user":"zo","price":1,"number":1}]`],
  ['/v1/events/purchases', 'application/json', `[{"id":"a","at":${START},"us@r":"zo","price":1,"number":1}]`],
  ['/v1/events/purchases', 'application/x-ndjson', `{"id":"b","at":${START},"user":"zo","price":1,"number":1}\n@`],
  ['/v1/features/shopper', 'application/json', '{"request":{"user":"zo@","price":1}}'],
  ['/v1/features/shopper', 'application/json', '{"requests":[{"user":"zo","price":1}]}@'],
  ['/v1/predictions/risk', 'application/json', '{"id":"p@","request":{"user":"zo","price":1}}'],
  ['/v1/admin/forget', 'application/json', '{"entity":"user","key":{"user":"zo@"}}'],
  ['/v1/admin/promote', 'application/json', '{"model":"ri@sk","version":1}'],
  ['/v1/training-sets/shopper', 'text/csv', `user,price,time\nzo@,1,${START}\n`],
  ['/v1/training-sets/shopper', 'text/csv', `user,price,time,zo@\nzo,1,${START},1\n`],
  ['/v1/training-sets/shopper', 'text/tab-separated-values', `user\tprice\ttime\nzo@\t1\t${START}\n`],
  ['/v1/training-sets/shopper', 'application/x-ndjson', `{"user":"zo@","price":1,"time":${START}}\n`],
  ['/v1/training-sets/shopper?time=ti%FFme', 'text/csv', `user,price,ti@me\nzo,1,${START}\n`],
];

/** The body, whole at once or in chunks: which the lean reader leaves. */
async function post(url: string, type: string, bytes: Buffer, isChunked: boolean) {
  const body = isChunked ? new Blob([new Uint8Array(bytes)]).stream() : new Uint8Array(bytes);
  const init = { method: 'POST', headers: { 'content-type': type }, body, duplex: 'half' } as const;
  const answer = await fetch(url, init);
  return { status: answer.status, text: await answer.text() };
}

const filled = (text: string, bad: readonly number[]) => {
  const [before = '', after = ''] = text.split('@');
  return Buffer.concat([Buffer.from(before, 'latin1'), Buffer.from(bad), Buffer.from(after, 'latin1')]);
};

describe.each([
  ['a server', () => server.url],
  ['a reader that forwards', () => reader.url],
])('%s', (_, url) => {
  test.each(BODIES)('%s (%s) refuses a body that is not UTF-8, wherever it is wrong: %s', async (path, type, text) => {
    const before = headrace.counters(purchases);
    for (const [name, bad] of Object.entries(INVALID)) {
      for (const isChunked of [false, true]) {
        const { status, text: answer } = await post(`${url()}${path}`, type, filled(text, bad), isChunked);
        expect({ name, status, answer }).toMatchObject({
          status: 400,
          answer: expect.stringMatching(/UTF-8|SPINE_FILE/),
        });
        expect(answer).not.toContain('\ufffd');
      }
    }
    expect(headrace.counters(purchases)).toEqual(before);
  });

  test('the replacement character itself is a character as any other', async () => {
    const text = JSON.stringify({ request: { user: 'zo\ufffd', price: 1 } });
    for (const isChunked of [false, true])
      expect(
        await post(`${url()}/v1/features/shopper`, 'application/json', Buffer.from(text), isChunked),
      ).toMatchObject({ status: 200 });
  });
});
