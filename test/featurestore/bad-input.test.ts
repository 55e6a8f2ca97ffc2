import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  lastN,
  lookup,
  over,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;
const NOON = Date.UTC(2026, 0, 1, 12);

interface Declared {
  readonly hop?: '1m';
  readonly scale?: number;
  readonly lateness?: '10m' | '2h' | '800d';
  readonly futureSkew?: '1m' | '2h';
}

/** A shop whose view may be declared otherwise under the same version. */
function shop({ hop, scale = 2, lateness = '10m', futureSkew = '1m' }: Declared = {}) {
  const purchases = eventSource('purchases', {
    id: 'id',
    time: 'at',
    lateness,
    futureSkew,
    columns: { id: text(), at: time(), user: text(), price: decimal(scale) },
  });
  const spend = streamView('spend', {
    source: purchases,
    entity: entity('user', { user: text() }),
    key: { user: 'user' },
    windows: ['1h'],
    ...(hop === undefined ? {} : { hops: { '1h': hop } }),
    freshness: '1s',
    features: ({ id, price }) => ({
      n: count(),
      spent: sum(price),
      all: over(['ever'], count()),
      ids: over(['ever'], lastN(id, 3)),
    }),
  });
  const service = featureService('shopper', {
    request: { user: text() },
    join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
  });
  return { purchases, service, project: defineProject('shop', { service }) };
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-bad-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A producer whose clock is that many ms ahead of the server's. */
const event = (id: string, user: string, aheadMs: number) => ({ id, at: NOON + aheadMs, user, price: '1.50' });

let now = NOON;
const open = (project: ReturnType<typeof shop>['project'], directory: string, more: EnvironmentOptions = {}) =>
  openHeadrace({ project, environment: { directory, partitions: 1, ...more }, clock: () => now });

async function verdicts(headrace: Headrace, source: ReturnType<typeof shop>['purchases']): Promise<unknown> {
  await headrace.flush();
  const found: unknown[] = [];
  for await (const rows of headrace.history.query(
    `SELECT id, _verdict FROM ${headrace.history.relation(rawTable(source))} ORDER BY id`,
  ))
    found.push(...rows);
  return found;
}

test.each([
  ['another hop', { hop: '1m' }],
  ['another scale', { scale: 3 }],
] as const)(
  'a view redefined in place with %s is refused, says which version to raise, and changes nothing',
  async (_, changed) => {
    const directory = newDirectory();
    now = NOON;
    const { project, purchases, service } = shop();
    let headrace = await open(project, directory);
    await headrace.ingest(purchases, [event('a', 'ann', -1_000)]);
    await headrace.close();
    const kept = readFileSync(join(directory, 'declaration.json'), 'utf8');
    const refused = await open(shop(changed).project, directory).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'DECLARATION_MEANING',
      message: expect.stringMatching(/changes the meaning of .*(spend@1|purchases@1)/),
      hint: expect.stringMatching(/plan.*raise/),
    });
    expect(readFileSync(join(directory, 'declaration.json'), 'utf8')).toBe(kept);
    headrace = await open(project, directory);
    expect((await headrace.vector(service, { user: 'ann' })).features).toMatchObject({
      spend_n_1h: 1,
      spend_spent_1h: '1.50',
    });
    await headrace.close();
  },
);

test('a producer whose clock is an hour ahead is refused event by event, one an hour behind is counted as late; neither is in an answer', async () => {
  now = NOON;
  const { project, purchases, service } = shop();
  const headrace = await open(project, newDirectory());
  const report = await headrace.ingest(purchases, [
    event('ahead', 'ann', HOUR),
    event('right', 'ann', -1_000),
    event('behind', 'ann', -HOUR),
  ]);
  expect(report).toMatchObject({
    accepted: 1,
    late: 1,
    dropped: [{ index: 2, id: 'behind', reason: 'late' }],
    refused: [{ index: 0, id: 'ahead', error: { code: 'EVENT_FUTURE', facts: { aheadMs: HOUR } } }],
  });
  expect(headrace.counters(purchases)).toMatchObject({
    gateway: { sent: 3, accepted: 2, quarantined: 1 },
    admission: { accepted: 1, late: 1 },
  });
  expect((await headrace.vector(service, { user: 'ann' })).features).toMatchObject({ spend_n_1h: 1, spend_all: 1 });
  expect(await verdicts(headrace, purchases)).toEqual([
    ['behind', 'late'],
    ['right', 'accepted'],
  ]);
  const [{ lateness }] = (await headrace.featuresReport(NOON - 2 * HOUR, NOON + 1)).sources;
  expect(lateness.mostMs).toBe(HOUR);
  await headrace.close();
});

test('a source that allows an hour of skew takes both, and an event counts from its own time on', async () => {
  now = NOON;
  const { project, purchases, service } = shop({ lateness: '2h', futureSkew: '2h' });
  const headrace = await open(project, newDirectory());
  await headrace.ingest(purchases, [
    event('ahead', 'ann', HOUR),
    event('behind', 'ann', -HOUR + 1),
    event('right', 'ann', -1),
  ]);
  const at = async (instant: number) => {
    now = instant;
    return (await headrace.vector(service, { user: 'ann' })).features;
  };
  expect(await at(NOON)).toMatchObject({ spend_n_1h: 2, spend_ids: ['right', 'behind'] });
  expect(await at(NOON + HOUR)).toMatchObject({ spend_all: 2 });
  expect(await at(NOON + HOUR + 1)).toMatchObject({
    spend_all: 3,
    // Windows go back to a whole five minutes: what came before noon has left it.
    spend_n_1h: 1,
    spend_ids: ['ahead', 'right', 'behind'],
  });
  await headrace.close();
});

test('an event two years old is kept in the history as late, and in no answer; where the lateness allows it, it counts', async () => {
  now = NOON;
  for (const [lateness, verdict, all] of [
    ['10m', 'late', 1],
    ['800d', 'accepted', 2],
  ] as const) {
    const { project, purchases, service } = shop({ lateness });
    const headrace = await open(project, newDirectory());
    await headrace.ingest(purchases, [event('new', 'ann', -1_000), event('old', 'ann', -2 * YEAR)]);
    expect((await headrace.vector(service, { user: 'ann' })).features).toMatchObject({
      spend_n_1h: 1,
      spend_all: all,
    });
    expect(await verdicts(headrace, purchases)).toEqual([
      ['new', 'accepted'],
      ['old', verdict],
    ]);
    await headrace.close();
  }
});

test('keys of 10 KB that differ in their last letter are entities of their own: served, opened again, joined and forgotten', async () => {
  now = NOON;
  const { project, purchases, service } = shop();
  const directory = newDirectory();
  let headrace = await open(project, directory, { sampleRate: 1 });
  const users = ['a', 'b', 'ü'].map((last) => `${'k'.repeat(10_000)}${last}`);
  await headrace.ingest(
    purchases,
    users.flatMap((user, i) => Array.from({ length: i + 1 }, (_, n) => event(`${i}-${n}`, user, -1_000))),
  );
  const counts = async () => {
    const vectors = await Promise.all(users.map((user) => headrace.vector(service, { user })));
    return vectors.map(({ features }) => features.spend_n_1h);
  };
  expect(await counts()).toEqual([1, 2, 3]);
  await headrace.close();
  now += 1;
  headrace = await open(project, directory, { sampleRate: 1 });
  expect(await counts()).toEqual([1, 2, 3]);
  expect(await headrace.auditSkew(service, NOON, NOON + 2)).toMatchObject({
    vectors: 6,
    mismatches: { logic: 0, staleness: 0 },
  });
  await headrace.forget('user', { user: users[1] });
  expect(await counts()).toEqual([1, 0, 3]);
  await headrace.close();
});

test('more distinct keys than the memory holds are all answered', async () => {
  now = NOON;
  const { project, purchases, service } = shop();
  const headrace = await open(project, newDirectory(), { memory: '16MiB' });
  const KEYS = 24_000;
  for (let from = 0; from < KEYS; from += 1_000) {
    now += 1;
    const events = Array.from({ length: 1_000 }, (_, i) => event(`e${from + i}`, `user ${from + i}`, -1_000));
    expect(await headrace.ingest(purchases, events)).toMatchObject({ accepted: 1_000 });
    await insideOf(headrace).features.commit();
  }
  await headrace.flush();
  const { memory } = headrace.status();
  expect(Object.values(memory.parts).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(memory.budgetBytes);
  expect(memory.evicted).toBeGreaterThan(0);
  for (let i = 0; i < KEYS; i += 37)
    expect((await headrace.vector(service, { user: `user ${i}` })).features).toMatchObject({
      spend_n_1h: 1,
      spend_spent_1h: '1.50',
    });
  await headrace.close();
});
