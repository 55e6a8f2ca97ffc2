import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { model } from '../../src/features/define/declare.ts';
import { sloReportSchema } from '../../src/observe/slo-report.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { VECTOR_BINARY_TYPE } from '../../src/schema/vector-format.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { environmentIn, prepare, project } from '../loop/prediction-project.ts';
import { asked, came, service } from './small-project.ts';

const START = Date.UTC(2026, 0, 1, 12);
const directory = mkdtempSync(join(tmpdir(), 'headrace-prediction-route-'));
const request = (name: string, number = 0.5) => ({ name, number, gaps: null, category: 1 });

let headrace: Headrace;
const servers: RunningServer[] = [];

beforeAll(async () => {
  await prepare(directory);
  headrace = await openHeadrace({ project, environment: environmentIn(directory), clock: () => START });
  const listen = { host: '127.0.0.1', port: 0, bodyLimit: 100_000 };
  for (const sharesPort of [false, true]) servers.push(await startServer(headrace, { ...listen, sharesPort }));
});

afterAll(async () => {
  for (const server of servers) await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Posts a body; with `te` the full server answers, otherwise the lean reader. */
function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const all = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers };
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    httpRequest(`${url}/v1/predictions/small`, { method: 'POST', headers: all }, (answer) => {
      text(answer).then((whole) => resolve({ status: answer.statusCode ?? 0, body: whole }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

const ask = async (body: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const answer = await post(servers[0].url, JSON.stringify(body), headers);
  return { status: answer.status, body: JSON.parse(answer.body) };
};

describe('POST /v1/predictions/{model}', () => {
  test('one request and many are answered with version and cohort, in their order, and are in the log', async () => {
    const before = headrace.outcomes(headrace.model('small')).counters.predictions;
    const one = await ask({ id: 'a', request: request('ann') });
    expect(one).toEqual({
      status: 200,
      body: {
        id: 'a',
        model: 'small',
        version: 1,
        cohort: 'champion',
        rollout: null,
        score: expect.any(Number),
        at: START,
        ages: { streaming: 0, batch: null },
        missing: 0,
      },
    });
    const ids = Array.from({ length: 40 }, (_, i) => `m${i} "ü"`);
    const many = await ask({ requests: ids.map((id, i) => ({ id, request: request('ann', i) })) });
    expect(many.body.predictions.map(({ id }: { id: string }) => id)).toEqual(ids);
    const alone = await ask({ id: 'again', request: request('ann', 7) });
    expect(many.body.predictions[7].score).toBe(alone.body.score);
    expect(headrace.outcomes(headrace.model('small')).counters.predictions).toBe(before + 42);
  });

  test('the client gets the same predictions one by one and together, by the binary form', async () => {
    const client = createClient<typeof project>({ url: servers[0].url });
    const requests = Array.from({ length: 5 }, (_, i) => ({ id: `c${i}`, request: request('bob', i) }));
    const many = await client.predictMany('small', requests, { at: START - 1_000 });
    expectTypeOf(many[0].cohort).toEqualTypeOf<'champion' | 'canary' | 'baseline'>();
    const single = await Promise.all(
      requests.map(({ id, request: of }) => client.predict('small', id, of, { at: START - 1_000 })),
    );
    expect(many).toEqual(single);
    // @ts-expect-error: a request of the model's service has a number
    const refused = await client.predictMany('small', [{ id: 'x', request: { name: 'ann' } }]).catch((e: unknown) => e);
    expect(refused).toMatchObject({ code: 'REQUEST_MISSING' });
  });

  test.each<readonly [string, unknown, Readonly<Record<string, string>>, number, string]>([
    ['both forms', { id: 'a', request: request('x'), requests: [] }, {}, 400, 'SERVER_BODY'],
    ['no id', { request: request('x') }, {}, 400, 'SERVER_BODY'],
    ['an id that is a number', { id: 7, request: request('x') }, {}, 400, 'SERVER_BODY'],
    ['an empty id', { id: '', request: request('x') }, {}, 400, 'PREDICTION_VALUE'],
    [
      'a member of a request that is unknown',
      { requests: [{ id: 'a', request: request('x'), at: 1 }] },
      {},
      400,
      'SERVER_BODY',
    ],
    ['a request that is null', { requests: [null] }, {}, 400, 'SERVER_BODY'],
    ['more than a thousand requests', { requests: Array.from({ length: 1_001 }, () => 0) }, {}, 400, 'SERVER_BODY'],
    ['a request without a column', { id: 'a', request: { name: 'x' } }, {}, 400, 'REQUEST_MISSING'],
    [
      'a timeout that is no number',
      { id: 'a', request: request('x') },
      { 'headrace-timeout-ms': 'soon' },
      400,
      'SERVER_HEADER',
    ],
    ['a timeout of nothing', { id: 'a', request: request('x') }, { 'headrace-timeout-ms': '0' }, 504, 'MODEL_DEADLINE'],
  ])('%s is refused, by each reader, and nothing is logged', async (_, body, headers, status, code) => {
    const before = headrace.outcomes(headrace.model('small')).counters.predictions;
    for (const { url } of servers)
      for (const more of [{}, { te: 'trailers' }]) {
        const answer = await post(url, JSON.stringify(body), { ...headers, ...more });
        expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([status, code]);
      }
    expect(headrace.outcomes(headrace.model('small')).counters.predictions).toBe(before);
  });

  test('a model that declares its p99 has a budget of its predictions', async () => {
    const { p99Ms } = model('quick', {
      task: 'binary',
      service,
      spine: { from: asked, id: 'id' },
      label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
      train: { with: { kind: 'logisticRegression' } },
      p99: '20ms',
    });
    expect(p99Ms).toBe(20);
    await ask({ id: 'budget', request: request('ann') });
    const answer = await fetch(`${servers[0].url}/v1/slo`);
    const { series } = sloReportSchema.parse(await answer.json());
    const found = series.find(({ of, name }) => of === 'model' && name === 'small');
    expect(found).toMatchObject({ measure: 'latency', budgetMs: null });
    expect(found?.windows[0].total).toBeGreaterThan(0);
  });

  test('the lean reader and the full server give the same answer to any body', async () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.constantFrom(null, true, 'ann', 1, 2 ** 60));
    const of = fc.record({ name: value, number: value, gaps: value, category: value }, { requiredKeys: [] });
    const sound = fc.record({ name: fc.string(), number: fc.double({ noNaN: true }), gaps: fc.constant(null) });
    const askedBody = fc.record({
      id: fc.string(),
      request: fc.oneof(
        sound.map((one) => ({ ...one, category: 1 })),
        of,
      ),
    });
    const body = fc.oneof(
      askedBody,
      fc.record({ requests: fc.array(askedBody, { maxLength: 3 }), at: fc.constantFrom(START, 1.5, 'x') }),
      fc.json().map((json): unknown => JSON.parse(json)),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (json, isBinary) => {
        const accept: Record<string, string> = isBinary ? { accept: VECTOR_BINARY_TYPE } : {};
        const written = JSON.stringify(json);
        const answers = [];
        for (const { url } of servers)
          for (const more of [{}, { te: 'trailers' }]) answers.push(await post(url, written, { ...accept, ...more }));
        for (const answer of answers) expect(answer).toEqual(answers[0]);
      }),
      { numRuns: 60 },
    );
  });
});
