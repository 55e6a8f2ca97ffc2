import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { createClient } from '../../src/client/index.ts';
import {
  declarationDocument,
  declarationJson,
  parseDeclaration,
} from '../../src/features/change/declaration-document.ts';
import { planChanges } from '../../src/features/change/plan-changes.ts';
import { bool, defineProject, float, int64, nullable, pipeline, text } from '../../src/features/define/declare.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { asked } from '../models/small-project.ts';
import { numberOf } from '../rollouts/sold-server.ts';
import { registerVersions } from '../rollouts/versions.ts';
import { kept, offer, project, sold, tiny } from './pipeline-project.ts';
import { ask, committed, openWorkerSite, type WorkerSite } from './worker-site.ts';

const START = Date.UTC(2026, 0, 1);
const PATH = '/v1/predictions/offer';

let site: WorkerSite;
let ids = 0;

beforeAll(async () => {
  site = await openWorkerSite(
    project,
    async (directory) => {
      await registerVersions(directory, 'sold', ['good']);
      await registerVersions(directory, 'kept', ['shifted']);
    },
    { count: 1, clock: () => START },
  );
  const events = Array.from({ length: 12 }, (_, i) => ({
    id: `e${i}`,
    at: START - 1_000,
    name: `caller ${i % 3}`,
    number: i,
    gaps: null,
    category: 1,
  }));
  await site.headrace.ingest(asked, events);
  await committed(site, async (one) => {
    const { body } = await ask(one, '/v1/features/small', JSON.stringify({ request: requestOf(1) }));
    return (body['features'] as { by_asked_1h: number }).by_asked_1h === 4;
  });
});

afterAll(() => site?.close());

function requestOf(caller: number, name = `caller ${caller}`) {
  return { name, number: numberOf(caller), gaps: caller % 2 === 0 ? null : 0.25, category: 1 };
}

function newId(): string {
  ids += 1;
  return `p-${ids}`;
}

/** Ids and scores in the log of a model. */
async function logged(name: string): Promise<ReadonlyMap<string, number>> {
  await site.headrace.flush();
  const { history } = site.headrace;
  const table = history.relation(predictionTable({ name }));
  const found: (readonly [string, number])[] = [];
  for await (const rows of history.query(`SELECT id, score FROM ${table}`))
    found.push(...rows.map(([id, score]) => [String(id), Number(score)] as const));
  expect(new Set(found.map(([id]) => id)).size).toBe(found.length);
  return new Map(found);
}

async function logSizes(): Promise<readonly number[]> {
  return [(await logged('sold')).size, (await logged('kept')).size];
}

test('an answer is the function over the features and scores of single calls, and each model has its prediction in its log', async () => {
  for (const one of [site.writer, ...site.workers]) {
    for (let caller = 0; caller < 6; caller += 1) {
      const id = newId();
      const request = requestOf(caller);
      const single = await Promise.all([
        ask(one, '/v1/predictions/sold', JSON.stringify({ id: newId(), request, at: START })),
        ask(
          one,
          '/v1/predictions/kept',
          JSON.stringify({ id: newId(), request: { name: request.name, number: request.number }, at: START }),
        ),
      ]);
      const [buys, stays] = single.map(({ body }) => Number(body['score']));
      const { status, body } = await ask(one, PATH, JSON.stringify({ id, request, at: START }));
      expect([status, body]).toEqual([200, body]);
      const worth = buys * 100 - stays;
      expect(body['outputs']).toEqual({
        decision: worth > 50 ? 'call' : 'wait',
        worth,
        seen: caller < 3 ? 4 : 0,
        again: stays > 0.5,
        hint: request.gaps,
      });
      expect(body['models']).toEqual({
        buys: { version: 1, cohort: 'champion', rollout: null, score: buys },
        stays: { version: 1, cohort: 'champion', rollout: null, score: stays },
      });
      expect(body).toMatchObject({ id, pipeline: 'offer', version: 1, at: START, missing: 0 });
      expect([(await logged('sold')).get(id), (await logged('kept')).get(id)]).toEqual([buys, stays]);
    }
  }
});

test('the client has the types of the declaration, one and many, and both are the same answer', async () => {
  for (const { url } of [site.writer, ...site.workers]) {
    const client = createClient<typeof project>({ url });
    const one = await client.predict('offer', newId(), requestOf(1), { at: START });
    expectTypeOf(one.outputs.decision).toEqualTypeOf<string>();
    expectTypeOf(one.outputs.seen).toEqualTypeOf<bigint | number>();
    expectTypeOf(one.outputs.hint).toEqualTypeOf<number | null>();
    expectTypeOf(one.models).toHaveProperty('buys');
    expectTypeOf<keyof typeof one.models>().toEqualTypeOf<'buys' | 'stays'>();
    const [first, second] = await client.predictMany(
      'offer',
      [
        { id: newId(), request: requestOf(1) },
        { id: newId(), request: requestOf(2) },
      ],
      { at: START },
    );
    // JSON has no int64: a small one is a number there, in the binary form it is a bigint.
    expect({ ...first, id: one.id, outputs: { ...first.outputs, seen: Number(first.outputs.seen) } }).toEqual(one);
    expect(second.outputs.hint).toBe(null);
    const plain = await client.predict('sold', newId(), requestOf(1));
    expectTypeOf(plain.score).toEqualTypeOf<number>();
  }
});

test('tensors are answered as JSON requests are, and a load of the pipeline logs nothing', async () => {
  for (const one of [site.writer, ...site.workers]) {
    const before = await logSizes();
    const loaded = await fetch(`${one.url}/v2/repository/models/offer/load`, { method: 'POST' });
    expect(loaded.status).toBe(200);
    expect(await logSizes()).toEqual(before);
    const rows = [1, 2, 4].map((caller) => ({ id: newId(), ...requestOf(caller) }));
    const tensor = (name: string, datatype: string, data: readonly unknown[]) => ({ name, datatype, shape: [3], data });
    const inputs = [
      tensor(
        'id',
        'BYTES',
        rows.map(({ id }) => id),
      ),
      tensor(
        'name',
        'BYTES',
        rows.map(({ name }) => name),
      ),
      tensor(
        'number',
        'FP64',
        rows.map(({ number }) => number),
      ),
      tensor(
        'gaps',
        'FP64',
        rows.map(({ gaps }) => gaps ?? 0.75),
      ),
      tensor(
        'category',
        'INT64',
        rows.map(({ category }) => category),
      ),
    ];
    const { status, body } = await ask(one, '/v2/models/offer/versions/1/infer', JSON.stringify({ inputs }));
    expect([status, body['model_name'], body['model_version']]).toEqual([200, 'offer', '1']);
    const outputs = new Map((body['outputs'] as readonly Output[]).map(({ name, data }) => [name, data]));
    expect([...outputs.keys()]).toEqual(['decision', 'worth', 'seen', 'again', 'hint']);
    for (const [i, { id, ...request }] of rows.entries()) {
      const again = { ...request, gaps: request.gaps ?? 0.75 };
      const json = await ask(one, PATH, JSON.stringify({ id: newId(), request: again, at: START }));
      expect(Object.fromEntries([...outputs].map(([name, data]) => [name, data[i]]))).toEqual(json.body['outputs']);
      expect((await logged('kept')).has(id)).toBe(true);
    }
    const named = JSON.stringify({ parameters: { headrace_id: 'x' }, inputs });
    expect((await ask(one, '/v2/models/offer/infer', named)).status).toBe(400);
  }
});

interface Output {
  readonly name: string;
  readonly data: readonly unknown[];
}

test('a function that fails or gives no such column fails the call alone, and nothing of it is logged', async () => {
  const before = await logSizes();
  for (const one of [site.writer, ...site.workers])
    for (const [name, code] of [
      ['fails', 'PIPELINE_RUN'],
      ['nonsense', 'PIPELINE_OUTPUT'],
    ]) {
      const { status, body } = await ask(one, PATH, JSON.stringify({ id: newId(), request: requestOf(1, name) }));
      expect([status, (body['error'] as { code: string }).code]).toEqual([500, code]);
    }
  const { status, body } = await ask(site.writer, PATH, JSON.stringify({ id: newId(), request: { name: 'a' } }));
  expect([status, (body['error'] as { code: string }).code]).toEqual([400, 'REQUEST_MISSING']);
  expect(await logSizes()).toEqual(before);
});

test('a pipeline that no call could be answered by is refused where it is declared', () => {
  const outputs = { x: float() };
  const run = () => ({ x: 1 });
  const declare = (options: object) => () =>
    pipeline('p', { service: tiny, models: { kept }, outputs, run, ...options } as never);
  expect(declare({})).not.toThrow();
  expect(declare({ models: {} })).toThrow(expect.objectContaining({ code: 'NAMES_NONE' }));
  expect(declare({ models: { a: kept, b: kept } })).toThrow(expect.objectContaining({ code: 'PIPELINE_MODEL' }));
  expect(declare({ models: { sold } })).toThrow(expect.objectContaining({ code: 'PIPELINE_REQUEST' }));
  expect(declare({ outputs: {} })).toThrow(expect.objectContaining({ code: 'NAMES_NONE' }));
  const taken = pipeline('sold', { service: tiny, models: { kept }, outputs, run });
  expect(() => defineProject('p', { sold, taken })).toThrow(expect.objectContaining({ code: 'NAME_TWICE' }));
});

test('the plan refuses another answer under one version, takes it under the next, and warns of another function', () => {
  const outputs = { decision: text(), worth: float(), seen: int64(), again: bool(), hint: nullable(float()) };
  const { service } = offer;
  const of = (options: object) =>
    declarationDocument(
      defineProject('offers', {
        offer: pipeline('offer', {
          service,
          models: { buys: sold, stays: kept },
          outputs,
          run: offer.run,
          ...options,
        } as never),
      }),
    );
  const before = parseDeclaration(declarationJson(declarationDocument(project)));
  const kindsOf = (after: ReturnType<typeof of>) => {
    const { changes, refused } = planChanges(before, after);
    return [
      refused,
      ...changes
        .filter(({ part }) => part.kind === 'pipeline')
        .map(({ kind }) => kind)
        .sort(compareText),
    ];
  };
  expect(kindsOf(of({}))).toEqual([false]);
  const { hint, ...fewer } = outputs;
  expect(kindsOf(of({ outputs: fewer }))).toEqual([true, 'refuseMeaning']);
  expect(kindsOf(of({ outputs: { ...outputs, hint: text() } }))).toEqual([true, 'refuseMeaning']);
  expect(kindsOf(of({ models: { buys: sold } }))).toEqual([true, 'refuseMeaning']);
  expect(kindsOf(of({ outputs: fewer, version: 2 }))).toEqual([false, 'add', 'remove']);
  expect(kindsOf(of({ run: () => ({}) }))).toEqual([false, 'changeCode']);
  const none = declarationDocument(defineProject('offers', { sold, kept }));
  expect([none.format, before.format]).toEqual([2, 3]);
  expect(kindsOf(none)).toEqual([false, 'remove']);
});
