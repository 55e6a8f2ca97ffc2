import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newRows } from '../../src/model/model-rows.ts';
import { until } from '../until.ts';
import { nobody, vector, versionSite } from './site.ts';

type Site = Awaited<ReturnType<typeof versionSite>>;

/** Everything that asks for the champion, and how it lets it go. */
const ways: Readonly<Record<string, (site: Site) => Promise<() => Promise<unknown>>>> = {
  'a prediction': async ({ server }) => {
    await server.refresh();
    await server.score([vector]);
    return () => server.close();
  },
  'a side of a rollout': async ({ server }) => {
    const held = await server.hold(1);
    await held.score([vector]);
    return () => held.release();
  },
  'the check before a promotion': async ({ server }) => {
    await server.check(1);
    return async () => undefined;
  },
  'a request of tensors': async ({ host, request }) => {
    await host.infer(request(1), nobody);
    return () => host.unload('small');
  },
  'a request that names the version': async ({ host, request }) => {
    await host.infer(request(1, '@champion'), nobody);
    return async () => undefined;
  },
  'a stream': async ({ streamed, stream }) => {
    await streamed();
    return () => stream.close();
  },
};

test('a version is loaded once and counted once, whoever asks first, and freed after the last has let it go', async () => {
  const order = fc.shuffledSubarray(Object.keys(ways), { minLength: 2 });
  await fc.assert(
    fc.asyncProperty(order, fc.boolean(), fc.nat(), async (names, areTogether, seed) => {
      const site = await versionSite([0.7]);
      const { runtime, cache, host, registered, artifacts } = site;
      // One that nobody else holds is loaded and freed again.
      const keeper = await site.server.hold(1);
      const asking = names.map((name) => async () => ways[name]?.(site));
      const letGo: ((() => Promise<unknown>) | undefined)[] = [];
      if (areTogether) letGo.push(...(await Promise.all(asking.map((ask) => ask()))));
      else for (const ask of asking) letGo.push(await ask());
      expect([runtime.loads, runtime.open, cache.versions().length]).toEqual([1, 1, 1]);
      expect(host.sizeBytes).toBe((await artifacts.get(registered[0].artifact)).length);
      letGo.push(() => keeper.release());
      const first = seed % letGo.length;
      for (const release of [...letGo.slice(first), ...letGo.slice(0, first)]) await release?.();
      await host.close();
      expect([runtime.loads, runtime.open, cache.sizeBytes]).toEqual([1, 0, 0]);
    }),
    { numRuns: 25 },
  );
});

/** Who asks for rows, and the code of its refusal. */
const routes = {
  '/v1': {
    code: 'MODEL_BUSY',
    ask: ({ server }: Site, rows: number, tenant: string) => server.score(many(rows), { tenant }),
  },
  '/v2': {
    code: 'OIP_UNAVAILABLE',
    ask: ({ host, request }: Site, rows: number, tenant: string) => host.infer(request(rows), { ...nobody, tenant }),
  },
} as const;

type Route = keyof typeof routes;

function many(rows: number) {
  return Array.from({ length: rows }, () => vector);
}

/** A site whose champion both routes have, and of which a run is under way: what comes now waits. */
async function waiting() {
  const site = await versionSite([0.7], { limits: { mostRows: 40, mostRowsOfTenant: 20, weights: {} } });
  await site.server.refresh();
  await site.host.load('small');
  site.runtime.shut();
  const running = site.server.score([vector]);
  await until(() => site.runtime.runs.length === 1);
  const close = async () => {
    site.runtime.release();
    await running;
    await site.host.close();
    await site.server.close();
  };
  return { site, close };
}

test('the bounds of a queue hold over both routes together, and each route refuses in its own words', async () => {
  const call = fc.record({
    route: fc.constantFrom<Route>('/v1', '/v2'),
    tenant: fc.constantFrom('ann', 'bob', 'cid'),
    rows: fc.integer({ min: 1, max: 9 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 10, maxLength: 30 }), async (calls) => {
      const { site, close } = await waiting();
      const outcomes = calls.map(({ route, rows, tenant }) =>
        routes[route].ask(site, rows, tenant).catch((error) => error),
      );
      const taken: Record<string, number> = {};
      const expected = calls.map(({ route, tenant, rows }) => {
        const all = Object.values(taken).reduce((sum, one) => sum + one, 0);
        const own = taken[tenant] ?? 0;
        const isFull = (all > 0 && all + rows > 40) || (own > 0 && own + rows > 20);
        if (!isFull) taken[tenant] = own + rows;
        return isFull ? routes[route].code : 'answered';
      });
      await close();
      const found = (await Promise.all(outcomes)).map((outcome) =>
        outcome instanceof Error ? Object(outcome).code : 'answered',
      );
      expect(found).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test.each([
  ['/v1', '/v2'],
  ['/v2', '/v1'],
] as const)(
  'tenants take turns over both routes: one with many calls by %s delays itself, not another by %s',
  async (busy, quiet) => {
    const site = await versionSite([0.7]);
    await site.server.refresh();
    await site.host.load('small');
    site.runtime.shut();
    const ends: string[] = [];
    const ask = (route: Route, tenant: string) => routes[route].ask(site, 32, tenant).then(() => ends.push(tenant));
    const calls = [...Array.from({ length: 60 }, () => ask(busy, 'busy')), ask(quiet, 'quiet')];
    site.runtime.release();
    await Promise.all(calls);
    // A tenant of which nothing waited goes first; calls that share its run end together.
    expect(ends.indexOf('quiet')).toBeLessThan(20);
    await site.host.close();
    await site.server.close();
  },
);

test('calls of both routes share runs, and each gets its own scores', async () => {
  const { site, close } = await waiting();
  const scored = site.server.score(many(3));
  const inferred = site.host.infer(site.request(2), nobody);
  site.runtime.release();
  const [{ scores }, { outputs }] = [await scored, await inferred];
  expect(scores).toHaveLength(3);
  expect(outputs[0].data).toHaveLength(2);
  expect([...site.runtime.runs]).toEqual([1]);
  const [{ statistics }] = site.host.versions();
  expect([statistics.success.count, statistics.inferences, statistics.executions]).toEqual([3, 6, 2]);
  await close();
});

test('rows of a stream wait beyond the bounds of the queue, and are never refused', async () => {
  const { site, close } = await waiting();
  const { scorer, toRow } = await site.streamed();
  const rows = newRows(scorer.inputs, 30);
  for (let i = 0; i < 30; i += 1) toRow(vector, rows, i);
  const batches = [scorer.run(rows), scorer.run(rows), scorer.run(rows)];
  site.runtime.release();
  for (const scores of await Promise.all(batches)) expect(scores).toHaveLength(30);
  await site.stream.close();
  await close();
});

test('a version whose scores differ from those of its trainer serves nobody, whatever the route', async () => {
  const site = await versionSite([0.7]);
  const [{ signature }] = site.registered;
  const text = JSON.stringify({ rows: [signature.features.map(() => 0)], scores: [0.987] });
  const parity = await site.artifacts.put(new TextEncoder().encode(text));
  const { version } = await site.registry.register({ ...site.registered[0], parity });
  await site.registry.moveAlias('small', 'champion', { expected: 1, to: version, at: 1 });
  await expect(site.server.refresh()).rejects.toMatchObject({ code: 'MODEL_PARITY' });
  await expect(site.host.infer(site.request(1), nobody)).rejects.toMatchObject({ code: 'OIP_LOAD' });
  await expect(site.streamed(version)).rejects.toMatchObject({ code: 'MODEL_PARITY' });
  expect([site.runtime.open, site.cache.sizeBytes]).toEqual([0, 0]);
  await site.host.close();
});

test('requests that the previous version has answered never keep the next one from serving', async () => {
  const site = await versionSite([0.7, 0.01]);
  const { host, server, registry, runtime } = site;
  await server.refresh();
  await host.infer(site.request(3), nobody);
  // The next version does not answer 3 rows.
  runtime.refuses = (rows) => rows === 3;
  await registry.moveAlias('small', 'champion', { expected: 1, to: 2, at: 1 });
  expect(await server.refresh()).toBe(2);
  expect((await host.infer(site.request(1, '2'), nobody)).version).toBe('2');
  await host.close();
  await server.close();
});
