import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import type { RolloutStore } from '../../src/ports/rollout-store.ts';
import { NO_EVIDENCE } from '../../src/serving/rollout/evidence.ts';
import { EvidenceCounter } from '../../src/serving/rollout/evidence-counter.ts';
import { registryVersions } from '../../src/serving/rollout/rolled-versions.ts';
import { RolloutControl } from '../../src/serving/rollout/rollout-control.ts';
import { httpHooks } from '../../src/serving/rollout/rollout-hooks.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { rolloutStore } from '../sql-stores.ts';
import { halfAtOnce, soldProject } from './sold-project.ts';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface World {
  readonly store: RolloutStore;
  readonly registry: ModelRegistry;
  /** A process: they share the stores. */
  readonly control: () => RolloutControl;
  readonly later: (ms: number) => void;
  /** Evidence of equal cohorts of `n` requests, with this many errors of the canary. */
  readonly see: (n: number, errors?: number) => Promise<void>;
}

const BRIEF: RolloutOptions<'name'> = { ...halfAtOnce, steps: [5, 50], requests: 10 };

async function world(rollout: RolloutOptions<'name'> = BRIEF): Promise<World> {
  const registry = openSqliteRegistry(':memory:');
  closing.push(() => void registry.close());
  for (let i = 0; i < 3; i += 1) await registry.register(newVersion('sold'));
  await registry.moveAlias('sold', 'champion', { expected: null, to: 1, at: 0 });
  const store = rolloutStore();
  let now = 1_000;
  let ids = 0;
  const [sold] = soldProject(rollout).models;
  const control = () =>
    new RolloutControl({
      model: sold,
      store,
      versions: registryVersions(registry, sold.name),
      hooks: httpHooks,
      check: async () => undefined,
      unloadable: () => null,
      outcomes: async () => ({
        canary: { predictions: 0, loss: { n: 0, mean: 0, m2: 0 } },
        baseline: { predictions: 0, loss: { n: 0, mean: 0, m2: 0 } },
      }),
      changed: async () => undefined,
      settled: async () => undefined,
      clock: () => now,
      monotonic: () => now,
      newId: () => {
        ids += 1;
        return `r-${ids}`;
      },
    });
  const see: World['see'] = async (n, errors = 0) => {
    const counter = new EvidenceCounter({ task: 'binary', range: null, monotonic: () => now });
    for (const lane of ['canary', 'baseline'] as const) {
      counter.call(lane, 'scored', { rows: n, latencyMs: 1 });
      for (let i = 0; i < n; i += 1) {
        counter.score(lane, (i % 10) / 10);
        counter.key(lane, `${lane} ${i}`);
      }
    }
    for (let i = 0; i < errors; i += 1) counter.call('canary', 'error', { latencyMs: 1 });
    const newest = await store.newest('sold');
    if (newest !== null) await store.observe(newest.id, 'one', counter.evidence());
  };
  return {
    store,
    registry,
    control,
    later: (ms) => {
      now += ms;
    },
    see,
  };
}

const ann = { by: 'ann', reason: 'retrained' };

test('of two processes that look at once, one moves the rollout; the alias moves once', async () => {
  const { control, see, later, store, registry } = await world();
  const [one, two] = [control(), control()];
  await one.start(2, ann);
  for (let look = 0; look < 4; look += 1) {
    await see(500);
    later(1_000);
    await Promise.all([one.look(), two.look()]);
  }
  expect((await store.newest('sold'))?.state).toBe('soaking');
  expect((await store.events('r-1')).map(({ kind }) => kind)).toEqual(['started', 'tuned', 'raised', 'promoted']);
  const moves = await registry.moves('sold');
  expect(moves.filter(({ alias }) => alias === 'champion').map(({ from, to }) => [from, to])).toEqual([
    [null, 1],
    [1, 2],
  ]);
  // Who moved it, and why, is in the registry too.
  expect(moves.at(-1)).toMatchObject({ alias: 'previous', to: 1 });
  expect(moves.find(({ to, alias }) => alias === 'champion' && to === 2)).toMatchObject({ who: 'judge' });
});

test('a promotion whose process died between the alias and its record is noted by the next look of any process', async () => {
  const { control, store, registry } = await world();
  await control().start(2, ann);
  await registry.moveAlias('sold', 'champion', { expected: 1, to: 2, at: 5 });
  await control().look();
  expect(await store.newest('sold')).toMatchObject({ state: 'soaking', reason: 'version 2 is the champion' });
});

test('a rollback of a promoted version whose process died half way is noted too', async () => {
  const { control, store, registry } = await world();
  await control().start(2, ann);
  await control().promote(ann);
  expect(await registry.alias('sold', 'champion')).toBe(2);
  expect(await registry.alias('sold', 'previous')).toBe(1);
  await registry.moveAlias('sold', 'champion', { expected: 2, to: 1, at: 5 });
  await control().look();
  expect(await store.newest('sold')).toMatchObject({ state: 'rolledBack', endedAt: 1_000 });
});

test('both versions are kept from the collector while the rollout is under way, and let go when it is over', async () => {
  const { control, registry } = await world();
  const held = async () => (await registry.holds()).map(({ holder, version }) => `${holder} ${version}`);
  await control().start(2, ann);
  await expect(control().start(3, ann)).rejects.toMatchObject({ code: 'ROLLOUT_ACTIVE' });
  expect(await held()).toEqual(['rollout/r-1 1', 'rollout/r-1 2']);
  await control().rollBack(ann);
  expect(await held()).toEqual([]);
  // Ended by a process that died before it let go.
  await registry.hold({ holder: 'rollout/r-1', model: 'sold', version: 2 });
  await control().look();
  expect(await held()).toEqual([]);
});

test('a hold of an operator stays through every look, and the rollback by a guardrail does not wait for it', async () => {
  const { control, see, later, store } = await world();
  await control().start(2, ann);
  await control().hold({ by: 'ann', reason: 'lunch' });
  await see(5_000);
  later(60_000);
  await control().look();
  expect(await store.newest('sold')).toMatchObject({ state: 'held', held: { by: 'operator' }, reason: 'lunch' });
  await see(5_000, 40);
  await control().look();
  expect(await store.newest('sold')).toMatchObject({ state: 'rolledBack' });
  expect((await store.events('r-1')).at(-1)?.numbers).toMatchObject({ requests: { canary: 5_040 } });
});

test('a released rollout continues where it was, and what is over can be neither promoted nor held', async () => {
  const { control, see, later, store } = await world();
  await control().start(2, ann);
  await control().hold(ann);
  await control().release(ann);
  await see(500);
  later(1_000);
  await control().look();
  expect(await store.newest('sold')).toMatchObject({ state: 'canary', step: 1 });
  await control().rollBack(ann);
  await expect(control().promote(ann)).rejects.toMatchObject({ code: 'ROLLOUT_NONE' });
  await expect(control().hold(ann)).rejects.toMatchObject({ code: 'ROLLOUT_NONE' });
  expect(await control().start(3, ann)).toMatchObject({ champion: 1, candidate: 3 });
});

test('evidence of another release that cannot be read does not count, and stops nothing', async () => {
  const { control, store } = await world();
  await control().start(2, ann);
  await store.observe('r-1', 'old', { format: 'unknown' });
  await control().look();
  expect((await control().status())?.evidence).toEqual(NO_EVIDENCE);
});

interface Hook {
  readonly url: string;
  readonly seen: { readonly headers: IncomingHttpHeaders; readonly body: string }[];
  answer: { status: number; body: string };
}

async function hook(): Promise<Hook> {
  const seen: Hook['seen'] = [];
  const server = createServer((request, response) => {
    text(request).then((body) => {
      seen.push({ headers: request.headers, body });
      response.writeHead(opened.answer.status).end(opened.answer.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => void server.close());
  const opened: Hook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    seen,
    answer: { status: 200, body: '{"confirm": true}' },
  };
  return opened;
}

test('a rise waits for the confirm hook: any answer but a confirmation holds it, and it is asked again', async () => {
  const confirm = await hook();
  process.env['ROLLOUT_TEST_SECRET'] = 'hush';
  const { control, see, later, store } = await world({
    ...BRIEF,
    confirm: { url: confirm.url, secret: { env: 'ROLLOUT_TEST_SECRET' } },
  });
  const one = control();
  await one.start(2, ann);
  await see(500);
  const refusals = [
    { status: 200, body: '{"confirm": "yes"}' },
    { status: 200, body: 'true' },
    { status: 200, body: 'x'.repeat(100_000) },
    { status: 500, body: '{"confirm": true}' },
    { status: 200, body: '{"confirm": false, "reason": "change freeze"}' },
  ];
  for (const [i, refusal] of refusals.entries()) {
    confirm.answer = refusal;
    later(10_000);
    await one.look();
    expect([i, (await store.newest('sold'))?.state, (await store.newest('sold'))?.step]).toEqual([i, 'held', 0]);
  }
  const asked = confirm.seen.length;
  await one.look();
  expect(confirm.seen.length).toBe(asked);
  confirm.answer = { status: 200, body: '{"confirm": true}' };
  later(10_000);
  await one.look();
  expect(await store.newest('sold')).toMatchObject({ state: 'canary', step: 1 });
  const { headers, body } = confirm.seen[0];
  expect(headers['headrace-signature']).toBe(`sha256=${createHmac('sha256', 'hush').update(body).digest('hex')}`);
  expect(JSON.parse(body)).toMatchObject({ model: 'sold', champion: 1, candidate: 2, action: 'advance' });
});

test('a gate of the registry that is not passed holds the promotion, with its reason, until it is', async () => {
  const { control, see, later, store, registry } = await world({ ...BRIEF, steps: [50] });
  await registry.setGate({ model: 'sold', alias: 'champion', name: 'legal', kind: 'check', people: [], validMs: null });
  const one = control();
  await one.start(2, ann);
  await see(500);
  later(1_000);
  await one.look();
  expect(await store.newest('sold')).toMatchObject({ state: 'held', reason: expect.stringContaining('legal') });
  expect(await registry.alias('sold', 'champion')).toBe(1);
});

test('every event is delivered in order, at least once: one that is refused is sent again before those after it', async () => {
  const events = await hook();
  const { control, later } = await world({ ...BRIEF, events: { url: events.url } });
  const one = control();
  await one.start(2, ann);
  events.answer = { status: 503, body: '' };
  await one.look();
  await one.hold(ann);
  events.answer = { status: 200, body: '' };
  await one.look();
  expect(events.seen.map(({ body }) => JSON.parse(body).kind)).toEqual(['started']);
  later(10_000);
  await one.look();
  // Another process delivers nothing that is confirmed.
  await control().look();
  expect(events.seen.map(({ body }) => JSON.parse(body).kind)).toEqual(['started', 'started', 'held']);
});
