import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { fail } from '../../src/base/errors/fail.ts';
import { newRows } from '../../src/model/model-rows.ts';
import { MODEL_ENCODING } from '../../src/model/model-value.ts';
import { trainedInputs } from '../../src/model/row-inputs.ts';
import { openPart } from '../../src/observe/part-kind.ts';
import type { ModelVersion } from '../../src/ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../src/ports/model-runtime.ts';
import type { Value } from '../../src/schema/column.ts';
import { featureRow } from '../../src/serving/online/feature-row.ts';
import { ModelServer } from '../../src/serving/online/model-server.ts';
import { modelsPart } from '../../src/serving/online/models-part.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { SHORT_RUN_MS } from '../../src/versions/place/run-place.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { turns, until } from '../until.ts';
import { registeredIn } from './registered.ts';
import { everyType, registerSmall, small, smallServer } from './small-project.ts';

/** by_asked_1h, name, number, gaps, category. */
const vectors: readonly (readonly Value[])[] = [
  [0, 'ann', 14.721359252929688, 0.7548776865005493, 5],
  [0, 'bob', 3.0495169162750244, null, 5],
  [0, 'cid', -8.622325897216797, 0.813409686088562, 5],
];

async function stage(strengths: readonly number[]) {
  const registry = openSqliteRegistry(':memory:');
  const artifacts = new MemoryArtifactStore();
  const versions: ModelVersion[] = [];
  for (const c of strengths) versions.push(await registerSmall(registry, artifacts, c));
  const promote = async (to: number) =>
    registry.moveAlias('small', 'champion', { expected: await registry.alias('small', 'champion'), to, at: 0 });
  return { registry, artifacts, versions, promote, server: smallServer(registry, artifacts) };
}

/** A runtime whose models score a row by its first feature, and tell what they were asked. */
function countingRuntime() {
  const runs: number[] = [];
  const open = { models: 0 };
  const runtime: ModelRuntime = {
    platform: 'counting',
    ready: async () => undefined,
    load: async (): Promise<LoadedModel> => {
      let running = 0;
      open.models += 1;
      return {
        signature: {
          inputs: [{ name: 'features', type: 'FP32', shape: [-1, 3] }],
          outputs: [{ name: 'probability', type: 'FP32', shape: [-1] }],
        },
        run: async ([{ shape, data }]) => {
          const [count] = shape;
          runs.push(count);
          running += 1;
          await turns(3);
          running -= 1;
          return [
            {
              name: 'probability',
              type: 'FP32',
              shape: [count],
              data: Float32Array.from({ length: count }, (_, i) => Number(data[i * 3])),
            },
          ];
        },
        close: async () => {
          if (running > 0) throw new Error('closed while a run is under way');
          open.models -= 1;
        },
      };
    },
  };
  return { runtime, runs, open };
}

/** Two versions over the counting runtime. */
async function countingStage() {
  const registry = openSqliteRegistry(':memory:');
  const artifacts = new MemoryArtifactStore();
  const counting = countingRuntime();
  const parity = artifacts.put(new TextEncoder().encode('{"rows":[[0.5,null,1]],"scores":[0.5]}'));
  for (let i = 0; i < 2; i += 1) {
    await registry.register(
      newVersion('small', {
        signature: { features: ['number', 'gaps', 'category'], input: 'features', output: 'probability' },
        artifact: parity,
        parity,
      }),
    );
  }
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  const server = new ModelServer({
    model: small,
    registry,
    artifacts,
    registered: registeredIn({ registry, artifacts, runtime: counting.runtime }),
  });
  return { registry, server, ...counting };
}

const vectorOf = (number: number): readonly Value[] => [0, 'x', number, null, 1];

const partOf = (server: ModelServer, isRequired = true) =>
  openPart(modelsPart, () => [{ data: server.model, server, isRequired }]);
const healthOf = (server: ModelServer) => partOf(server).health(0);

type Stage = Awaited<ReturnType<typeof stage>>;

/** A champion that is declared and does not answer is waited for, required or not. */
const BOTH = { required: 'waits', other: 'waits' } as const;

describe('a model server', () => {
  test('without a champion serves nothing, and says so', async () => {
    const { server } = await stage([0.7]);
    expect(await server.refresh()).toBeNull();
    await expect(server.score(vectors)).rejects.toMatchObject({ code: 'MODEL_NONE' });
  });

  const gone = () => {
    throw fail('ARTIFACT_READ', { path: 'here', reason: 'gone' });
  };
  test.each<
    readonly [string, (stage: Stage) => unknown, Record<'required' | 'other', 'waits' | 'reported' | 'served'>]
  >([
    ['was never promoted', () => undefined, { required: 'waits', other: 'reported' }],
    ['answers', ({ promote }) => promote(1), { required: 'served', other: 'served' }],
    [
      'cannot be loaded now',
      async ({ promote, artifacts }) => {
        await promote(1);
        Object.assign(artifacts, { get: gone });
      },
      BOTH,
    ],
    [
      'cannot serve',
      async ({ promote, registry, versions: [fit], artifacts }) => {
        const artifact = artifacts.put(new TextEncoder().encode('no model'));
        await promote((await registry.register({ ...fit, artifact })).version);
      },
      BOTH,
    ],
    ['is in a registry that cannot be read', ({ registry }) => Object.assign(registry, { alias: gone }), BOTH],
  ])(
    'whose champion %s is waited for, reported or served, never healthy without a word',
    async (_, change, expected) => {
      const staged = await stage([0.7]);
      await change(staged);
      await staged.server.refresh().catch(() => undefined);
      for (const role of ['required', 'other'] as const) {
        const part = partOf(staged.server, role === 'required');
        const [waiting, health] = [part.waiting(), part.health(0)];
        const state = waiting.length > 0 ? 'waits' : health.length > 0 ? 'reported' : 'served';
        expect(state, role).toBe(expected[role]);
        expect(state === 'served').toBe(staged.server.serving !== null);
        for (const fact of [...waiting, ...health]) expect(fact).toMatch(/^model small\b/);
      }
      await staged.server.close();
    },
  );

  test("gives the trainer's scores from the vector of the service", async () => {
    const { server, promote } = await stage([0.7]);
    await promote(1);
    expect(await server.refresh()).toBe(1);
    const { version, scores } = await server.score(vectors);
    expect(version).toBe(1);
    [0.39702011843868673, 0.04051023585884721, 0.0725863297692342].forEach((expected, i) => {
      expect(scores[i]).toBeCloseTo(expected, 6);
    });
    expect((await server.score([])).scores).toHaveLength(0);
    await server.close();
  });

  test('follows its alias, there and back', async () => {
    const { server, promote } = await stage([0.7, 0.01]);
    await promote(1);
    await server.refresh();
    const first = await server.score(vectors);
    await promote(2);
    expect((await server.score(vectors)).version).toBe(1);
    expect(await server.refresh()).toBe(2);
    const second = await server.score(vectors);
    expect(second.version).toBe(2);
    expect(second.scores).not.toEqual(first.scores);
    await promote(1);
    await server.refresh();
    const { version, scores } = await server.score(vectors);
    expect({ version, scores }).toEqual({ version: first.version, scores: first.scores });
    await server.close();
  });

  test('whose next champion is unfit keeps the previous one', async () => {
    const { server, promote, registry, artifacts, versions } = await stage([0.7]);
    await promote(1);
    await server.refresh();
    const [fit] = versions;
    const put = (text: string) => artifacts.put(new TextEncoder().encode(text));
    const unfit: readonly (readonly [string, Partial<ModelVersion>])[] = [
      ['MODEL_FILE', { artifact: put('no model') }],
      ['MODEL_FILE', { parity: put('no json') }],
      ['MODEL_FILE', { parity: put('{"rows":[],"scores":[]}') }],
      ['MODEL_FILE', { parity: put('{"rows":[[1,2]],"scores":[0.5]}') }],
      ['MODEL_PARITY', { parity: put('{"rows":[[1,2,3]],"scores":[0.999]}') }],
      ['MODEL_SIGNATURE', { signature: { ...fit.signature, features: ['number', 'gaps', 'distance'] } }],
      ['MODEL_SIGNATURE', { signature: { ...fit.signature, features: ['number', 'gaps', 'name'] } }],
      ['ARTIFACT_UNKNOWN', { artifact: 'f'.repeat(64) }],
    ];
    for (const [code, changes] of unfit) {
      await promote((await registry.register({ ...fit, ...changes })).version);
      await expect(server.refresh()).rejects.toMatchObject({ code });
      // It is not tried again and again.
      expect(await server.refresh()).toBe(1);
      expect((await server.score(vectors)).version).toBe(1);
      expect(healthOf(server)).toEqual([expect.stringMatching(/cannot serve; version 1 answers/)]);
    }
    await promote(1);
    await server.refresh();
    expect(healthOf(server), 'the alias names a version that serves').toEqual([]);
    await server.close();
  });

  test('whose next champion cannot be read yet says so, tries it again, and never answers with an earlier refusal', async () => {
    const { promote, registry, artifacts, versions } = await stage([0.7, 0.01]);
    let isAway = false;
    const flaky = Object.assign(Object.create(artifacts) as typeof artifacts, {
      put: (bytes: Uint8Array) => artifacts.put(bytes),
      get: (digest: string) => {
        if (isAway) throw fail('ARTIFACT_READ', { path: digest, reason: 'the disk is away' });
        return artifacts.get(digest);
      },
    });
    const server = smallServer(registry, flaky);
    const bad = await registry.register({
      ...versions[0],
      artifact: artifacts.put(new TextEncoder().encode('no model')),
    });
    await promote(bad.version);
    await expect(server.refresh()).rejects.toMatchObject({ code: 'MODEL_FILE' });
    isAway = true;
    await promote(1);
    await expect(server.refresh()).rejects.toMatchObject({ code: 'ARTIFACT_READ' });
    await expect(server.score(vectors)).rejects.toMatchObject({ code: 'MODEL_NONE' });
    isAway = false;
    expect(await server.refresh()).toBe(1);
    isAway = true;
    await promote(2);
    await expect(server.refresh()).rejects.toMatchObject({ code: 'ARTIFACT_READ' });
    expect(healthOf(server)).toEqual([expect.stringMatching(/version 2 could not be loaded yet; version 1 answers/)]);
    isAway = false;
    expect(await server.refresh()).toBe(2);
    expect(healthOf(server)).toEqual([]);
    await server.close();
  });

  test('holds a score that differs from the trainer by more than 1e-5 against the version, not less', async () => {
    const { server, promote, registry, artifacts, versions } = await stage([0.7]);
    const [fit] = versions;
    const row = [14.721359252929688, 0.7548776865005493, 5];
    const register = async (scores: readonly number[]) => {
      const parity = artifacts.put(new TextEncoder().encode(JSON.stringify({ rows: [row], scores })));
      return (await registry.register({ ...fit, parity })).version;
    };
    await promote(await register([0.39702011843868673 + 9e-6]));
    expect(await server.refresh()).toBe(2);
    await promote(await register([0.39702011843868673 + 1.2e-5]));
    await expect(server.refresh()).rejects.toMatchObject({ code: 'MODEL_PARITY' });
    await server.close();
  });

  test('refuses a score that is no number, for that call alone', async () => {
    const { server } = await countingStage();
    await server.refresh();
    const [good, bad] = await Promise.allSettled([
      server.score([vectorOf(0.25)]),
      server.score([vectorOf(Number.NaN)]),
    ]);
    expect(good).toMatchObject({ status: 'fulfilled', value: { scores: Float64Array.of(0.25) } });
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'MODEL_SCORE' } });
  });

  test('refuses a number that its input does not hold, by name and for that call alone', async () => {
    const { server } = await countingStage();
    await server.refresh();
    const [good, bad] = await Promise.allSettled([server.score([vectorOf(0.25)]), server.score([vectorOf(1e300)])]);
    expect(good).toMatchObject({ status: 'fulfilled', value: { scores: Float64Array.of(0.25) } });
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'MODEL_CELL' } });
    expect(String(Object(bad).reason)).toMatch(/number.+holds.+1e\+300.+which is no FP32 number/);
  });

  test('scores the calls of one turn in one run, each with its own scores', async () => {
    const { server, runs } = await countingStage();
    await server.refresh();
    runs.length = 0;
    const calls = Array.from({ length: 20 }, (_, i) => server.score([vectorOf(i / 32), vectorOf((i + 0.5) / 32)]));
    const answers = await Promise.all(calls);
    expect(runs).toEqual([40]);
    answers.forEach(({ scores }, i) => {
      expect([...scores]).toEqual([i / 32, (i + 0.5) / 32]);
    });
  });

  test('gathers calls that come while a run is under way, at most 512 rows a run, and refuses what is too much', async () => {
    const { server, runs } = await countingStage();
    await server.refresh();
    runs.length = 0;
    const many = Array.from({ length: 128 }, (_, i) => vectorOf(i / 256));
    const calls = Array.from({ length: 140 }, (_, i) => server.score(many, { tenant: i % 2 === 0 ? 'one' : 'other' }));
    const outcomes = await Promise.allSettled(calls);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(140 - 128);
    for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: 'MODEL_BUSY' } });
    expect(runs.reduce((sum, rows) => sum + rows, 0)).toBe(128 * 128);
    expect(Math.max(...runs)).toBeLessThanOrEqual(512);
    // One caller alone has half of the queue.
    const own = await Promise.allSettled(Array.from({ length: 140 }, () => server.score(many)));
    expect(own.filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
  });

  test('tenants of a version take turns: one with many calls delays itself', async () => {
    const { server } = await countingStage();
    await server.refresh();
    const rows = Array.from({ length: 100 }, (_, i) => vectorOf(i / 256));
    const ends: string[] = [];
    const call = (tenant: string) => server.score(rows, { tenant }).then(() => ends.push(tenant));
    await Promise.all([...Array.from({ length: 60 }, () => call('busy')), call('quiet')]);
    // The run that it is in takes 512 rows, and all of a run end together.
    expect(ends.indexOf('quiet')).toBeLessThan(12);
  });

  test('a call that has expired never runs, and one that expires meanwhile has no score', async () => {
    const { server, runs } = await countingStage();
    await server.refresh();
    runs.length = 0;
    const [expired, patient] = await Promise.allSettled([
      server.score([vectorOf(0.25)], { deadline: 0 }),
      server.score([vectorOf(0.5)]),
    ]);
    expect(expired).toMatchObject({ status: 'rejected', reason: { code: 'MODEL_DEADLINE' } });
    expect(patient).toMatchObject({ status: 'fulfilled' });
    expect(runs).toEqual([1]);
  });

  test('a model whose runs are long is loaded again on its own thread, and gives the same scores', async () => {
    const { registry, artifacts } = await stage([0.7]);
    await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
    const loads = { here: 0, thread: 0 };
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const on = (place: 'here' | 'thread', busyMs: number): ModelRuntime => ({
      ...onnxRuntime,
      load: async (file) => {
        loads[place] += 1;
        const loaded = await onnxRuntime.load(file);
        const run: LoadedModel['run'] = (inputs, outputs) => {
          if (busyMs > 0) Atomics.wait(nothing, 0, 0, busyMs);
          return loaded.run(inputs, outputs);
        };
        return { ...loaded, run };
      },
    });
    const scoresOf = async (busyMs: number) => {
      const runtime = on('here', busyMs);
      const registered = registeredIn({ registry, artifacts, runtime, thread: on('thread', busyMs) });
      const server = new ModelServer({ model: small, registry, artifacts, registered });
      await server.refresh();
      const { scores } = await server.score(vectors);
      await server.close();
      return [...scores];
    };
    const quick = await scoresOf(0);
    expect(await scoresOf(2 * SHORT_RUN_MS)).toEqual(quick);
    expect(loads.thread).toBeGreaterThan(0);
    expect(loads.here).toBe(2);
  });

  test('changes versions under load: every call is answered by one version, and none by a closed model', async () => {
    const { server, registry, open } = await countingStage();
    await server.refresh();
    const calls: Promise<number>[] = [];
    let answered = 0;
    const load = setInterval(() => {
      const call = server.score([vectorOf(0.5)]).then(({ version }) => version);
      calls.push(call.finally(() => (answered += 1)));
    }, 1);
    for (const to of [2, 1, 2, 1, 2]) {
      const before = answered;
      await until(() => answered >= before + 5);
      await registry.moveAlias('small', 'champion', { expected: await registry.alias('small', 'champion'), to, at: 0 });
      await Promise.all([server.refresh(), server.refresh()]);
      expect(open.models).toBe(1);
    }
    clearInterval(load);
    const versions = await Promise.all(calls);
    expect(new Set(versions)).toEqual(new Set([1, 2]));
    const last = server.score([vectorOf(0.5)]);
    await server.close();
    expect((await last).version).toBe(2);
    expect(open.models).toBe(0);
  });

  test('closes what it has loaded when it is found unfit', async () => {
    const { server, registry, open, runs } = await countingStage();
    const fit = await registry.version('small', 1);
    await registry.register({
      ...fit,
      parity: fit.artifact.replace(/^./, 'x'),
    });
    await registry.moveAlias('small', 'champion', { expected: 1, to: 3, at: 0 });
    await expect(server.refresh()).rejects.toMatchObject({ code: 'ARTIFACT_UNKNOWN' });
    expect([open.models, runs.length]).toEqual([0, 0]);
  });
});

test("a vector becomes a model's row by the types of its service: false 0, true 1, decimals scaled, null NaN", () => {
  const version = { ...newVersion('every'), version: 1 };
  const features = ['d', 'f', 'b', 'l', 'i', 'at'];
  const signature = { ...version.signature, features, encoding: MODEL_ENCODING };
  const inputs = trainedInputs(signature);
  const toRow = featureRow(everyType, { ...version, signature }, inputs);
  const rows = newRows(inputs, 2);
  toRow([0, 'ann', true, -3, 2n ** 40n, 1050n, 0.5, 1_000_000], rows, 0);
  toRow([0, 'bob', null, 0, -1n, -1n, null, 0], rows, 1);
  expect([...rows.data[0]]).toEqual([
    10.5,
    0.5,
    1,
    2 ** 40,
    -3,
    1_000_000,
    Math.fround(-0.01),
    Number.NaN,
    Number.NaN,
    -1,
    0,
    0,
  ]);
  for (const feature of ['t', 'unheard_of']) {
    const unknown = { ...version.signature, features: [feature] };
    expect(() => featureRow(everyType, { ...version, signature: unknown }, trainedInputs(unknown))).toThrow(
      expect.objectContaining({ code: 'MODEL_SIGNATURE' }),
    );
  }
});
