import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { registerUpstream } from '../../src/registry/register-upstream.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { halfAtOnce, soldProject } from '../rollouts/sold-project.ts';
import { numberOf } from '../rollouts/sold-server.ts';
import { registerVersions } from '../rollouts/versions.ts';
import { openUpstreams, type UpstreamSite } from './upstream-site.ts';

const START = Date.UTC(2026, 0, 1);
const LISTEN = { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 };
const root = mkdtempSync(join(tmpdir(), 'headrace-upstream-versions-'));
const directory = join(root, 'here');
const project = soldProject({ ...halfAtOnce, every: '1s' });
let now = START;
let upstream: UpstreamSite;
let headrace: Headrace;
let server: RunningServer;
let ids = 0;

beforeAll(async () => {
  mkdirSync(directory);
  upstream = await openUpstreams(root);
  process.env['UPSTREAM_VERSION_KEY'] = 'secret';
  await registerVersions(directory, 'sold', ['good']);
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  const common = { model: 'sold', features: null, at: START };
  const prompt = 'A caller has the number {number}, category {category}. Answer with a probability alone.';
  await registerUpstream(
    { registry, artifacts },
    { ...common, flavor: { upstream: 'scoring', model: 'shifted' }, prompt: null },
  );
  await registerUpstream(
    { registry, artifacts },
    { ...common, flavor: { upstream: 'talking', model: 'small-chat' }, prompt },
  );
  await registerUpstream(
    { registry, artifacts },
    { ...common, flavor: { upstream: 'nowhere', model: 'x' }, prompt: null },
  );
  await registerUpstream(
    { registry, artifacts },
    { ...common, flavor: { upstream: 'scoring', model: 'absent' }, prompt: null },
  );
  await registry.close();
  const upstreams = {
    scoring: { kind: 'oip', url: upstream.there.server.url },
    talking: { kind: 'openai', url: upstream.chatUrl, key: { env: 'UPSTREAM_VERSION_KEY' } },
  } as const;
  headrace = await openHeadrace({ project, environment: { directory, models: { upstreams } }, clock: () => now });
  server = await startServer(headrace, LISTEN);
});

afterAll(async () => {
  await server?.close();
  await headrace?.close();
  await upstream?.close();
  rmSync(root, { recursive: true, force: true });
});

const sold = () => headrace.model('sold');
const expected = (caller: number) => Math.fround(1 / (1 + Math.exp(-numberOf(caller) - 1)));

async function post(path: string, body: unknown) {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

function predict(caller: number) {
  ids += 1;
  const id = `p-${ids}`;
  const request = { name: `caller ${caller}`, number: numberOf(caller), gaps: null, category: 1 };
  return post('/v1/predictions/sold', { id, request });
}

async function logged(): Promise<ReadonlyMap<string, readonly [number, number]>> {
  await headrace.flush();
  const found = new Map<string, readonly [number, number]>();
  const table = headrace.history.relation(predictionTable(sold()));
  for await (const rows of headrace.history.query(`SELECT id, version, score FROM ${table}`))
    for (const [id, version, score] of rows) found.set(String(id), [Number(version), Number(score)]);
  return found;
}

test('a version that another server answers is canaried with features and log, and rolled back by itself when that server is away', async () => {
  const rollout = headrace.rollout(sold());
  await rollout.start(2, { by: 'test', reason: 'a new upstream' });
  const seen = new Map<string, number>();
  for (let caller = 0; caller < 40; caller += 1) {
    const { status, body } = await predict(caller);
    expect(status).toBe(200);
    seen.set(body.cohort, body.version);
    if (body.version === 2) expect(Math.fround(body.score)).toBe(expected(caller));
    expect((await logged()).get(body.id)).toEqual([body.version, body.score]);
  }
  expect(seen).toEqual(
    new Map([
      ['baseline', 1],
      ['canary', 2],
    ]),
  );
  await headrace.tick();
  const status = await rollout.status();
  expect([status?.evidence.canary.errors, (status?.evidence.canary.requests ?? 0) > 0]).toEqual([0, true]);
  await upstream.there.server.close();
  for (let round = 0; (await rollout.active()) !== null && round < 20; round += 1) {
    // One after the other: calls of one run that fails are one error.
    for (let i = 0; i < 24; i += 1) {
      const { status: code, body } = await predict(24 * round + i);
      // The callers of the canary get an error; those of the baseline notice nothing.
      expect(code === 200 ? body.version : body.error.code).toSatisfy((one) => one === 1 || one === 'MODEL_RUN');
    }
    now += 1_000;
    await headrace.tick();
  }
  expect((await rollout.status())?.rollout).toMatchObject({ state: 'rolledBack', candidate: 2 });
  expect(await predict(1)).toMatchObject({ status: 200, body: { version: 1, cohort: 'champion' } });
});

test('a chat model scores features by a prompt, with its key; an answer that is no number fails its call', async () => {
  await headrace.promote(sold(), 3);
  const caller = Array.from({ length: 50 }, (_, i) => i).find((i) => Math.abs(numberOf(i)) < 1) ?? 0;
  const { status, body } = await predict(caller);
  const number = numberOf(caller);
  expect([status, body.version, Math.fround(body.score)]).toEqual([200, 3, Math.fround(Math.abs(number) / 10)]);
  expect((await logged()).get(body.id)).toEqual([3, body.score]);
  expect(upstream.chatted.at(-1)).toEqual({
    content: `A caller has the number ${number}, category 1. Answer with a probability alone.`,
    key: 'Bearer secret',
  });
  const talker = Array.from({ length: 500 }, (_, i) => i).find((i) => numberOf(i) > 1.95) ?? 0;
  const refused = await predict(talker);
  expect([refused.status, refused.body.error.code]).toEqual([500, 'MODEL_RUN']);
  const inputs = [
    { name: 'number', datatype: 'FP64', shape: [1, 1], data: [0.5] },
    { name: 'category', datatype: 'FP64', shape: [1, 1], data: [2] },
  ];
  const tensors = await post('/v2/models/sold/versions/3/infer', { parameters: { headrace_id: 'by tensors' }, inputs });
  expect(tensors.body.outputs[0].data).toEqual([0.05]);
  expect((await logged()).get('by tensors')).toEqual([3, 0.05]);
});

test('a version of a server that the environment does not name, or that has no such model, is refused before it answers', async () => {
  await expect(headrace.promote(sold(), 4)).rejects.toMatchObject({ code: 'MODEL_UPSTREAM' });
  await expect(headrace.promote(sold(), 5)).rejects.toMatchObject({ code: 'MODEL_RUN' });
  expect((await predict(1)).body.version).toBe(3);
});
