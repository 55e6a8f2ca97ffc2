import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { createClient, isClientError } from '../../src/client/index.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { vectorWriter } from '../../src/schema/vector-binary.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { project } from '../server/shop.ts';
import { until } from '../until.ts';
import { answer, type FlakyServer, failure, flakyServer, hangUp, type Reply, silence } from './flaky-server.ts';

/** A deadline that a call meets on any machine. */
const LONG_MS = 90_000;
const START = Date.UTC(2026, 0, 1);
const told = { at: 1, stale: [], ages: { streaming: 0, batch: null }, degraded: true };
const vector = { ...told, complete: true, features: { price: 2 ** 60 }, missing: {} };
const float = { type: 'float', nullable: false } as const;
const vectorBytes = vectorWriter({ price: float })([{ ...told, values: [2 ** 60], missing: [] }]);
const report = { accepted: 1, duplicate: 0, late: 0, pending: 0, refused: 0, dropped: [], errors: [] };
const request = { user: 'ann', price: '1.00' };

describe('with a running project', () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-client-'));
  let headrace: Headrace;
  let server: RunningServer;

  beforeAll(async () => {
    headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => START });
    server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  });

  afterAll(async () => {
    await server.close();
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('events, vectors and refusals arrive with the types and the exact values of the declaration', async () => {
    const client = createClient<typeof project>({ url: `${server.url}/` });
    const event = { id: 'a', at: START - 1_000, user: 'ann', price: '2.50', number: 9_007_199_254_740_993n };
    const sent = await client.ingest('purchases', [event, { ...event, id: 'b', price: '2.505' }]);
    expect(sent).toMatchObject({ accepted: 1, refused: 1, errors: [{ index: 1, code: 'EVENT_TYPE' }] });
    expect(await client.ingest('purchases', [{ ...event, id: 'not an id' }])).toMatchObject({
      accepted: 0,
      refused: 1,
    });
    const { features, complete } = await client.vector('shopper', { user: 'ann', price: '1.00' });
    expectTypeOf(features.spend_spent_1h).toEqualTypeOf<string | null>();
    expectTypeOf(features.spend_purchases_7d).toEqualTypeOf<number | null>();
    expectTypeOf(features.spend_numbers_7d).toEqualTypeOf<readonly (bigint | number)[] | null>();
    expect(complete).toBe(true);
    expect(features).toEqual({
      spend_purchases_1h: 1,
      spend_purchases_7d: 1,
      spend_spent_1h: '2.50',
      spend_spent_7d: '2.50',
      spend_numbers_7d: [9_007_199_254_740_993n],
      price: '1.00',
    });
  });

  test('many requests come back in their order, each as of the same instant', async () => {
    const client = createClient<typeof project>({ url: server.url });
    const users = ['nobody', 'ann', 'eve'];
    const vectors = await client.vectors(
      'shopper',
      users.map((user) => ({ user, price: '0' })),
      { at: START },
    );
    expect(vectors.map(({ at, features }) => [at, features.spend_purchases_7d])).toEqual([
      [START, 0],
      [START, 1],
      [START, 0],
    ]);
  });

  test("an error has the server's code, hint and status", async () => {
    const client = createClient<typeof project>({ url: server.url, retries: 0 });
    const refused = await client.predict('risk', 'p1', request).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'ClientError', code: 'MODEL_NONE', retry: 'later', status: 503 });
    // @ts-expect-error: the project has no such service
    const unknown = await client.vector('shoper', {}).catch((error: unknown) => error);
    expect(isClientError(unknown, 'SERVICE_UNKNOWN')).toBe(true);
    // @ts-expect-error: a request of the service has a user
    const missing = await client.vector('shopper', { price: '1' }).catch((error: unknown) => error);
    expect(missing, 'null is a value of it').toMatchObject({ complete: false });
  });
});

describe('with a server that fails', () => {
  let server: FlakyServer | undefined;

  afterEach(() => server?.close());

  async function clientOf(replies: readonly Reply[], retries = 3) {
    server = await flakyServer(replies);
    const client = createClient<typeof project>({
      url: server.url,
      key: 'k-1',
      retries,
      deadlineMs: LONG_MS,
      rng: () => 0.1,
    });
    return { client, calls: server.calls };
  }

  test.each([
    ['the connection ends', hangUp],
    ['it is overloaded', answer(503, failure('SERVER_BUSY', 'later'))],
    ['a proxy has no server', answer(502, '<html>bad gateway</html>')],
    ['a proxy says so in JSON of its own', answer(503, { message: 'Service Unavailable' })],
    ['it met an unknown error', answer(500, failure('SERVER_FAULT', 'later'))],
  ])('reads and events are sent again where %s', async (_, reply) => {
    const { client, calls } = await clientOf([reply, reply, answer(200, report)]);
    expect(await client.ingest('purchases', [])).toEqual(report);
    expect(calls.map(({ path }) => path)).toEqual(Array(3).fill('/v1/events/purchases'));
    expect(calls[0]?.authorization).toBe('Bearer k-1');
  });

  test.each([
    ['the connection ends', hangUp, 'CLIENT_UNREACHABLE'],
    ['it met an unknown error', answer(500, failure('SERVER_FAULT', 'later')), 'SERVER_FAULT'],
  ])('a prediction, which may have been logged, is not sent again where %s', async (_, reply, code) => {
    const { client, calls } = await clientOf([reply, answer(200, {})]);
    await expect(client.predict('risk', 'p1', request)).rejects.toMatchObject({ code });
    expect(calls).toHaveLength(1);
  });

  test('a prediction is sent again where the server says that it did nothing', async () => {
    const { client, calls } = await clientOf([answer(503, failure('MODEL_NONE', 'later')), answer(200, { id: 'p1' })]);
    expect(await client.predict('risk', 'p1', request)).toEqual({ id: 'p1' });
    expect(calls).toHaveLength(2);
  });

  test('what the catalogue says never to try again is not', async () => {
    const { client, calls } = await clientOf([answer(400, failure('REQUEST_TYPE', 'never')), answer(200, vectorBytes)]);
    await expect(client.vector('shopper', request)).rejects.toMatchObject({ code: 'REQUEST_TYPE', status: 400 });
    expect(calls).toHaveLength(1);
  });

  test('a call waits as long as retry-after says, and does not wait where the deadline is sooner', async () => {
    const busy = (seconds: string) => answer(429, failure('SERVER_BUSY', 'later'), { 'retry-after': seconds });
    // The client's clock: only the test moves it.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const { client, calls } = await clientOf([busy('7'), answer(200, vectorBytes)]);
      const called = client.vector('shopper', request);
      let passedMs = 0;
      await until(() => {
        if (calls.length === 2) return true;
        vi.advanceTimersByTime(100);
        passedMs += 100;
        return false;
      });
      expect(passedMs).toBeGreaterThanOrEqual(7_000);
      expect(await called).toEqual(vector);
      const hurried = await clientOf([busy('91')]);
      // One that waited would wait for ever: the clock stands.
      await expect(hurried.client.vector('shopper', request)).rejects.toMatchObject({ code: 'SERVER_BUSY' });
      expect(hurried.calls).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test('it gives up after the retries it was given', async () => {
    const { client, calls } = await clientOf([answer(503, failure('SERVER_BUSY', 'later'))], 2);
    await expect(client.vector('shopper', request)).rejects.toMatchObject({ code: 'SERVER_BUSY' });
    expect(calls).toHaveLength(3);
  });

  test('a silent server ends with the deadline, an aborted call with the reason of its signal', async () => {
    const { client, calls } = await clientOf([silence]);
    await expect(client.vector('shopper', request, { deadlineMs: 50 })).rejects.toMatchObject({
      code: 'CLIENT_DEADLINE',
    });
    const abort = new AbortController();
    const call = client.vector('shopper', request, { signal: abort.signal });
    const left = expect(call).rejects.toBe('the user left');
    await until(() => calls.length === 2);
    abort.abort('the user left');
    await left;
    await expect(call).rejects.toBe('the user left');
    await expect(client.vector('shopper', request, { signal: abort.signal })).rejects.toBe('the user left');
  });

  test('an answer of something else is an error, never a value', async () => {
    const others = [
      answer(200, '<html>sign in</html>'),
      answer(200, {}),
      answer(200, vectorBytes.subarray(1)),
      answer(302, ''),
      answer(404, 'not here'),
      answer(404, { message: 'not here' }),
    ];
    for (const reply of others) {
      const { client } = await clientOf([reply]);
      await expect(client.vector('shopper', request)).rejects.toMatchObject({ code: 'CLIENT_ANSWER' });
      await server?.close();
      server = undefined;
    }
  });
});
