import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openSqliteRegistry } from '../../src/compose/open-registry.ts';
import { registerUpstream } from '../../src/registry/register-upstream.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import type { Tensor } from '../../src/schema/tensor.ts';
import type { PredictOptions } from '../../src/serving/online/predict-many.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { logModel } from '../inference/logged-onnx.ts';
import { halfAtOnce, soldProject } from '../rollouts/sold-project.ts';
import { numberOf } from '../rollouts/sold-server.ts';
import { onnxOf, registerVersions } from '../rollouts/versions.ts';
import { openUpstreams, type UpstreamSite } from './upstream-site.ts';

/** Rules that hold whoever answers a version: quotas, deadlines, leaving, shares, rollouts, the log and answers that are not kept. */
const START = Date.UTC(2026, 0, 1);
/** Rows of one caller that may wait. */
const QUOTA = 8;
const root = mkdtempSync(join(tmpdir(), 'headrace-every-version-'));
const directory = join(root, 'here');
let now = START;
let upstream: UpstreamSite;
let headrace: Headrace;
let ids = 0;

/** Where the scores of a version come from, by its number; the first is the champion of all rollouts. */
const kinds = [
  { kind: 'trained here', version: 2 },
  { kind: 'logged by MLflow', version: 3 },
  { kind: 'answered by the Open Inference Protocol', version: 4 },
  { kind: 'answered by a chat model', version: 5 },
] as const;

beforeAll(async () => {
  mkdirSync(directory);
  upstream = await openUpstreams(root);
  process.env['EVERY_VERSION_KEY'] = 'secret';
  await registerVersions(directory, 'sold', ['good', 'shifted']);
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  await logModel(registry, artifacts, {
    model: 'sold',
    onnx: Uint8Array.from(onnxOf('good', 3)),
    columns: ['number'],
  });
  const prompt = 'A caller has the number {number}, category {category}. Answer with a probability alone.';
  for (const [flavor, text] of [
    [{ upstream: 'scoring', model: 'shifted' }, null],
    [{ upstream: 'talking', model: 'small-chat' }, prompt],
  ] as const)
    await registerUpstream({ registry, artifacts }, { model: 'sold', features: null, at: START, flavor, prompt: text });
  await registry.close();
  const upstreams = {
    scoring: { kind: 'oip', url: upstream.there.server.url },
    talking: { kind: 'openai', url: upstream.chatUrl, key: { env: 'EVERY_VERSION_KEY' } },
  } as const;
  const models = { upstreams, queue: { rowsOfCaller: QUOTA } };
  headrace = await openHeadrace({
    project: soldProject(halfAtOnce),
    environment: { directory, models },
    clock: () => now,
  });
});

afterAll(async () => {
  await headrace?.close();
  await upstream?.close();
  rmSync(root, { recursive: true, force: true });
});

const sold = () => headrace.model('sold');

/** Callers whose number every kind of version scores. */
const callers = Array.from({ length: 200 }, (_, i) => i).filter((i) => Math.abs(numberOf(i)) < 0.7);

function predict(caller: string, of = 0, waits: Pick<PredictOptions, 'deadline' | 'signal'> = {}) {
  ids += 1;
  const number = numberOf(callers[of]);
  const request = { name: `caller ${callers[of]}`, number, gaps: null, category: 1 };
  return headrace.predictMany(sold(), [{ id: `p-${ids}`, request }], { caller, ...waits });
}

const codes = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'answered' : outcome.reason.code));

async function logged(): Promise<ReadonlyMap<string, readonly [number, number]>> {
  await headrace.flush();
  const found = new Map<string, readonly [number, number]>();
  const table = headrace.history.relation(predictionTable(sold()));
  for await (const rows of headrace.history.query(`SELECT id, version, score FROM ${table}`))
    for (const [id, version, score] of rows) found.set(String(id), [Number(version), Number(score)]);
  return found;
}

/** The tensors that a version takes, for one row. */
async function tensorsFor(version: number): Promise<readonly Tensor[]> {
  const { signature } = await headrace.models.find('sold', String(version));
  return signature.inputs.map(({ name, type }) => {
    const data = type === 'FP64' ? Float64Array.of(0.5) : Float32Array.of(0.5);
    return { name, type, shape: [1, 1], data } as Tensor;
  });
}

describe.each(kinds)('a version $kind', ({ version }) => {
  const request = async (parameters = {}) => ({
    model: 'sold',
    version: String(version),
    id: '',
    parameters,
    inputs: await tensorsFor(version),
    outputs: null,
  });
  const caller = { tenant: 'a', deadline: Number.POSITIVE_INFINITY, signal: null };

  test('is promoted, and has each prediction in the log with the score of its answer', async () => {
    await headrace.promote(sold(), version);
    const [one] = await predict('a');
    expect(one).toMatchObject({ version, cohort: 'champion' });
    expect((await logged()).get(one.id)).toEqual([version, one.score]);
  });

  test('lets a caller wait with its quota alone, and others are answered', async () => {
    const busy = Array.from({ length: QUOTA + 5 }, () => predict('busy'));
    const other = predict('other');
    const found = codes(await Promise.allSettled([...busy, other]));
    expect(found.filter((code) => code === 'answered')).toHaveLength(QUOTA + 1);
    expect(found.filter((code) => code === 'MODEL_BUSY')).toHaveLength(5);
    expect(found.at(-1)).toBe('answered');
    const tensors = await request();
    const both = [...Array.from({ length: QUOTA + 5 }, () => caller), { ...caller, tenant: 'b' }];
    const asked = codes(await Promise.allSettled(both.map((one) => headrace.models.infer(tensors, one))));
    expect(asked.filter((code) => code === 'answered')).toHaveLength(QUOTA + 1);
    expect(asked.filter((code) => code === 'OIP_UNAVAILABLE')).toHaveLength(5);
    expect(asked.at(-1)).toBe('answered');
  });

  test('neither runs nor logs a call that is late, nor a request whose caller has left', async () => {
    const before = upstream.chatted.length;
    const late = predict('a', 0, { deadline: 0 });
    const id = `p-${ids}`;
    await expect(late).rejects.toMatchObject({ code: 'MODEL_DEADLINE' });
    // One has left before, one leaves while its call waits, in its own quota.
    const leaving = new AbortController();
    const left = [AbortSignal.abort(), leaving.signal].map((signal) => predict('gone', 0, { signal }));
    const leftIds = [`p-${ids - 1}`, `p-${ids}`];
    leaving.abort();
    expect(codes(await Promise.allSettled(left))).toEqual(['MODEL_LEFT', 'MODEL_LEFT']);
    const tensors = await request({ headrace_id: 'gone' });
    for (const one of [
      { ...caller, deadline: 0 },
      { ...caller, signal: AbortSignal.abort() },
    ])
      await expect(headrace.models.infer(tensors, one)).rejects.toMatchObject({ code: 'OIP_UNAVAILABLE' });
    const rows = await logged();
    expect(leftIds.map((one) => rows.has(one))).toEqual([false, false]);
    expect([rows.has(id), rows.has('gone'), upstream.chatted.length]).toEqual([false, false, before]);
  });

  test('answers equal requests each by its own run, and logs the tensors that name their prediction', async () => {
    const before = upstream.chatted.length;
    const id = `tensors of ${version}`;
    const first = await headrace.models.infer(await request({ headrace_id: id }), caller);
    const second = await headrace.models.infer(await request(), caller);
    expect(second.outputs.map(({ data }) => [...data])).toEqual(first.outputs.map(({ data }) => [...data]));
    expect((await logged()).get(id)?.[0]).toBe(version);
    if (version === 5) expect(upstream.chatted.length).toBe(before + 2);
  });

  test('is canaried by the callers of its cohort, and a rollback leaves the champion to all', async () => {
    await headrace.promote(sold(), 1);
    const rollout = headrace.rollout(sold());
    await rollout.start(version, { by: 'test', reason: 'a candidate' });
    const answers = await Promise.all(callers.slice(0, 40).map((_, i) => predict(`caller ${i}`, i)));
    const versions = new Map(answers.flat().map((one) => [one.cohort, one.version]));
    expect(versions).toEqual(new Map(Object.entries({ baseline: 1, canary: version })));
    const rows = await logged();
    for (const one of answers.flat()) expect(rows.get(one.id)).toEqual([one.version, one.score]);
    // The quota holds for each version: a caller that fills the canary's has the baseline's.
    const canary = answers.findIndex(([one]) => one.cohort === 'canary');
    const baseline = answers.findIndex(([one]) => one.cohort === 'baseline');
    const full = Array.from({ length: QUOTA + 3 }, () => predict('busy', canary));
    const found = codes(await Promise.allSettled([...full, predict('busy', baseline)]));
    expect(found.filter((code) => code === 'MODEL_BUSY').length).toBeLessThanOrEqual(3);
    expect(found.at(-1)).toBe('answered');
    await rollout.rollBack({ by: 'test', reason: 'enough' });
    now += 1_000;
    await headrace.tick();
    expect((await predict('a', canary))[0]).toMatchObject({ version: 1, cohort: 'champion' });
  });
});
