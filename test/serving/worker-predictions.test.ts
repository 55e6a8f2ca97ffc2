import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { readVectors } from '../../src/client/read-vectors.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { functionModel } from '../../src/features/define/function-model.ts';
import { insideOf } from '../../src/running/inside.ts';
import { VECTOR_BINARY_TYPE } from '../../src/schema/vector-format.ts';
import { openModelHost } from '../../src/serving/models/open-host.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { runtimes } from '../../src/site/runtimes.ts';
import { openVersionCache } from '../../src/versions/cache/open-version-cache.ts';
import { asked } from '../models/small-project.ts';
import { inferByGrpc } from '../rollouts/infer-ways.ts';
import { halfAtOnce, soldProject } from '../rollouts/sold-project.ts';
import { numberOf } from '../rollouts/sold-server.ts';
import { registerVersions } from '../rollouts/versions.ts';
import { until } from '../until.ts';
import { ask, committed, openWorkerSite, type Site, type WorkerSite } from './worker-site.ts';

const START = Date.UTC(2026, 0, 1);
const PATH = '/v1/predictions/sold';
const INFER = '/v2/models/sold/infer';

let site: WorkerSite;
let ids = 0;

beforeAll(async () => {
  const project = soldProject({ ...halfAtOnce, every: '1h' });
  const prepare = (directory: string) => registerVersions(directory, 'sold', ['good', 'good']);
  site = await openWorkerSite(project, prepare, { count: 2, clock: () => START });
  const events = Array.from({ length: 40 }, (_, i) => ({
    id: `e${i}`,
    at: START - 1_000,
    name: `caller ${i % 8}`,
    number: i,
    gaps: null,
    category: 1,
  }));
  await site.headrace.ingest(asked, events);
  await committed(site, async (one) => {
    const { body } = await ask(one, '/v1/features/small', JSON.stringify({ request: requestOf(3) }));
    return (body['features'] as { by_asked_1h: number }).by_asked_1h === 5;
  });
});

afterAll(() => site?.close());

function requestOf(caller: number) {
  return { name: `caller ${caller}`, number: numberOf(caller), gaps: null, category: 1 };
}

function newId(): string {
  ids += 1;
  return `p-${ids}`;
}

/** Everything of a prediction but its id and the age of its data: a worker has those of the last commit. */
function without({ id, ages, ...rest }: Readonly<Record<string, unknown>>): object {
  return rest;
}

async function predicted(one: Site, caller: number, id = newId()) {
  const { status, body } = await ask(one, PATH, JSON.stringify({ id, request: requestOf(caller), at: START }));
  return { status, body };
}

/** Ids in the log of the model, in the order of their text. */
async function logged(): Promise<readonly string[]> {
  await site.headrace.flush();
  const sold = site.headrace.model('sold');
  const rows: string[] = [];
  for await (const some of site.headrace.history.query(
    `SELECT id FROM ${site.headrace.history.relation(predictionTable(sold))} ORDER BY id`,
  ))
    rows.push(...some.map(([id]) => String(id)));
  return rows;
}

function tensors(caller: number, parameters: object = {}): string {
  const input = { name: 'features', datatype: 'FP32', shape: [1, 1], data: [numberOf(caller)] };
  return JSON.stringify({ parameters, inputs: [input] });
}

test('a worker answers with the bits of the writer: one, many, binary, tensors and gRPC', async () => {
  for (let caller = 0; caller < 20; caller += 1) {
    const [own, ...others] = await Promise.all([site.writer, ...site.workers].map((one) => predicted(one, caller)));
    expect(own.status).toBe(200);
    for (const other of others) expect(without(other.body)).toEqual(without(own.body));
  }
  const many = () =>
    JSON.stringify({ at: START, requests: [1, 2, 3].map((caller) => ({ id: newId(), request: requestOf(caller) })) });
  const headers = { accept: VECTOR_BINARY_TYPE };
  const binary = await Promise.all([site.writer, ...site.workers].map((one) => ask(one, PATH, many(), headers)));
  const values = binary.map(({ bytes }) => readVectors(bytes)?.map(({ features }) => without(features)));
  expect(values[0]).toHaveLength(3);
  for (const one of values) expect(one).toEqual(values[0]);
  const infers = await Promise.all([site.writer, ...site.workers].map((one) => ask(one, INFER, tensors(7))));
  expect(infers[0].status).toBe(200);
  for (const { bytes } of infers) expect(bytes).toEqual(infers[0].bytes);
  for (const { served } of [site.writer, ...site.workers])
    expect(await inferByGrpc(served, 'caller 7')).toMatchObject({ version: '1' });
});

test('each acknowledged prediction of any process is in the history once, tensors too', async () => {
  const before = await logged();
  const wanted: string[] = [];
  await Promise.all(
    Array.from({ length: 120 }, async (_, i) => {
      const one = [site.writer, ...site.workers][i % 3];
      const id = `once-${i}`;
      const { status } =
        i % 2 === 0 ? await predicted(one, i, id) : await ask(one, INFER, tensors(i, { headrace_id: id }));
      expect(status).toBe(200);
      wanted.push(id);
    }),
  );
  expect(await logged()).toEqual([...before, ...wanted].sort(compareText));
});

test('a refused request is refused with the same code by every process', async () => {
  const bodies = [
    [PATH, { id: '', request: requestOf(1) }],
    [PATH, { id: 'x', request: { name: 1 } }],
    [PATH, {}],
    ['/v1/predictions/nothing', { id: 'x', request: requestOf(1) }],
    [INFER, { inputs: [] }],
  ] as const;
  for (const [path, body] of bodies) {
    const [own, ...others] = await Promise.all(
      [site.writer, ...site.workers].map((one) => ask(one, path, JSON.stringify(body))),
    );
    expect(own.status).toBeGreaterThanOrEqual(400);
    for (const other of others) expect([other.status, other.body]).toEqual([own.status, own.body]);
  }
});

test('a rollout is every process’s when its start is acknowledged, its evidence is summed, and a rollback is every process’s', async () => {
  const { control } = insideOf(site.headrace).models.named('sold').rollouts;
  const before = (one: Site) => Promise.all(Array.from({ length: 16 }, (_, caller) => predicted(one, caller)));
  const cohorts = async (one: Site) => (await before(one)).map(({ body }) => `${body['cohort']} ${body['version']}`);
  await control.start(2, { by: 'test', reason: 'retrained' });
  const [own, ...others] = await Promise.all([site.writer, ...site.workers].map(cohorts));
  expect(new Set(own)).toEqual(new Set(['canary 2', 'baseline 1']));
  for (const other of others) expect(other).toEqual(own);
  for (const { served } of site.workers) if ('tick' in served) await (served as ServedWithTick).tick();
  await site.headrace.tick();
  const { evidence } = (await control.status()) ?? { evidence: null };
  expect((evidence?.canary.requests ?? 0) + (evidence?.baseline.requests ?? 0)).toBe(3 * 16);
  // Tensors have their lane once the host of the process has loaded the candidate: no caller waits for that.
  for (const { served } of [site.writer, ...site.workers])
    await until(async () => {
      const { cohort, version } = await inferByGrpc(served, 'caller 3');
      return `${cohort} ${version}` === own[3];
    });
  await control.rollBack({ by: 'test', reason: 'a complaint' });
  for (const one of [site.writer, ...site.workers])
    expect(new Set(await cohorts(one))).toEqual(new Set(['champion 1']));
});

interface ServedWithTick {
  tick(): Promise<void>;
}

test('without the writer no prediction is acknowledged; features and tensors are answered, and predictions again when it is back', async () => {
  const back = await site.away();
  const [worker] = site.workers;
  const before = await logged();
  const refused = await predicted(worker, 1, 'refused');
  expect([refused.status, (refused.body['error'] as { code: string }).code]).toEqual([503, 'SERVER_WRITER']);
  expect((await ask(worker, INFER, tensors(1, { headrace_id: 'refused too' }))).status).toBe(503);
  expect((await ask(worker, INFER, tensors(1))).status).toBe(200);
  expect((await ask(worker, '/v1/features/small', JSON.stringify({ request: requestOf(1) }))).status).toBe(200);
  await back();
  expect((await predicted(worker, 1, 'taken')).status).toBe(200);
  expect(await logged()).toEqual([...before, 'taken'].sort(compareText));
  expect(site.faults).toEqual([]);
});

test('processes that share the bounds of a queue let no more wait together than one would', async () => {
  const running = Promise.withResolvers<void>();
  // Warm-up runs it too.
  let isWarm = false;
  const slow = functionModel({
    name: 'slow',
    inputs: [{ name: 'x', type: 'FP32', shape: [-1] }],
    outputs: [{ name: 'y', type: 'FP32', shape: [-1] }],
    run: async ({ x }) => {
      if (isWarm) await running.promise;
      return { y: { shape: x.shape, data: x.data } };
    },
  });
  const environment = resolveEnvironment(
    'local',
    { models: { functions: [slow], queue: { rows: 8, rowsOfCaller: 4 } } },
    'shared',
  );
  const processes = 2;
  const onFault = (error: unknown) => {
    throw error;
  };
  const open = () =>
    openModelHost({
      environment,
      versions: openVersionCache({ environment, runtimes, processes, clock: Date.now, onFault }),
      registered: null,
      clock: Date.now,
      onFault,
    });
  const hosts = await Promise.all([open(), open()]);
  const request = {
    model: 'slow',
    version: '',
    id: '',
    parameters: {},
    inputs: [{ name: 'x', type: 'FP32', shape: [1], data: Float32Array.of(1) } as const],
    outputs: null,
  };
  const caller = { deadline: Number.POSITIVE_INFINITY, signal: null };
  const sent: Promise<string>[] = [];
  for (const host of hosts) await host.find('slow');
  isWarm = true;
  for (const host of hosts) {
    for (const tenant of ['a', 'b', 'c'])
      for (let i = 0; i < 6; i += 1)
        sent.push(
          host.infer(request, { ...caller, tenant }).then(
            () => `${tenant} answered`,
            () => `${tenant} refused`,
          ),
        );
  }
  running.resolve();
  const counts = Map.groupBy(await Promise.all(sent), (one) => one);
  // Each host runs what waits in one run: what was answered had waited.
  const answered = (tenant: string) => counts.get(`${tenant} answered`)?.length ?? 0;
  expect(answered('a')).toBeLessThanOrEqual(4);
  expect(answered('a') + answered('b') + answered('c')).toBe(8);
  for (const host of hosts) await host.close();
});
