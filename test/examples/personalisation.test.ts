import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openHeadrace } from 'headrace';
import { afterAll, describe, expect, test } from 'vitest';
import project, { recommendation } from '../../examples/personalisation/declaration.ts';
import { BURST, CATEGORIES, shopTraffic, VIRAL_SHARE } from '../../examples/personalisation/generator.ts';
import { parseColumnMap, purchaseLog } from '../../examples/personalisation/purchase-log.ts';
import { seededRandom } from '../../examples/personalisation/seeded-random.ts';
import type { Click, Slice, Traffic } from '../../examples/personalisation/traffic.ts';
import { childEnv } from '../child-env.ts';

const UNTIL = Date.UTC(2026, 0, 10, 14);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

function shop(seed: number): Traffic {
  const random = seededRandom(seed);
  return shopTraffic({ users: 1_000, items: 400, until: UNTIL, events: 20_000, eventsPerSecond: 400, random });
}

async function historyOf(traffic: Traffic): Promise<readonly Slice[]> {
  const slices: Slice[] = [];
  for await (const slice of traffic.history()) slices.push(slice);
  return slices;
}

function shareOf(values: readonly string[], most: number): number {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const top = [...counts.values()].sort((a, b) => b - a).slice(0, most);
  return top.reduce((sum, count) => sum + count, 0) / values.length;
}

describe('the declaration', () => {
  test('serves 24 features of three tiers', () => {
    const tier = new Map(recommendation.lookups.map(({ alias, view }) => [alias, view.kind]));
    const kinds = recommendation.features.map(({ from }) => tier.get(from) ?? 'request');
    expect(kinds).toHaveLength(24);
    expect(kinds.filter((kind) => kind === 'streamView')).toHaveLength(16);
    expect(kinds.filter((kind) => kind === 'batchView')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'request')).toHaveLength(3);
  });
});

describe('the generator', () => {
  test('gives the same traffic for the same seed, another for another', async () => {
    const [one, same, other] = [shop(7), shop(7), shop(8)];
    const first = await historyOf(one);
    expect(await historyOf(same)).toEqual(first);
    expect(one.live(UNTIL + 500)).toEqual(same.live(UNTIL + 500));
    expect(one.request()).toEqual(same.request());
    expect(await historyOf(other)).not.toEqual(first);
  });

  test('gives each event once, in order of time, in the slice that it happened in', async () => {
    const traffic = shop(1);
    const slices = [...(await historyOf(traffic)), traffic.live(UNTIL + 700), traffic.live(UNTIL + 1_400)];
    let from = Number.NEGATIVE_INFINITY;
    for (const { at, clicks, purchases } of slices) {
      for (const events of [clicks, purchases]) {
        const times = events.map((event) => event.at);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(times.every((time) => time >= from && time < at)).toBe(true);
      }
      from = at;
    }
    const ids = slices.flatMap(({ clicks, purchases }) => [...clicks, ...purchases].map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('spreads the history over 30 days, half of it over the last hour, and comes to the live rate in the last minute', async () => {
    const traffic = shop(1);
    const clicks = (await historyOf(traffic)).flatMap((slice) => slice.clicks);
    const old = clicks.filter(({ at }) => at < UNTIL - HOUR_MS).length;
    const hour = clicks.filter(({ at }) => at >= UNTIL - HOUR_MS && at < UNTIL - MINUTE_MS).length;
    expect(old).toBeGreaterThan(8_000);
    expect(old).toBeLessThan(11_000);
    expect(hour).toBeGreaterThan(7_000);
    expect(hour).toBeLessThan(12_000);
    const live = traffic.live(UNTIL + 10 * MINUTE_MS).clicks.length / 600;
    expect(live).toBeGreaterThan(300);
    expect(live).toBeLessThan(500);
    expect(new Set(clicks.map(({ at }) => Math.floor(at / (24 * HOUR_MS)))).size).toBeGreaterThanOrEqual(30);
  });

  test('draws users and items by a law of few', async () => {
    const clicks = (await historyOf(shop(1))).flatMap((slice) => slice.clicks);
    // Of Zipf's law of exponent 1 over 1,000 ranks, the first ten have 39 %.
    expect(
      shareOf(
        clicks.map(({ user }) => user),
        10,
      ),
    ).toBeCloseTo(0.39, 1);
    expect(
      shareOf(
        clicks.map(({ item }) => item),
        10,
      ),
    ).toBeGreaterThan(0.2);
  });

  test('lets a session be one user who stays with few categories, and buys some of what was looked at', async () => {
    const slices = await historyOf(shop(1));
    const sessions = Map.groupBy(
      slices.flatMap(({ clicks }) => clicks),
      ({ session }) => session,
    );
    // Those that are over.
    const over = [...sessions.values()].filter(([{ at }]) => at < UNTIL - 5 * MINUTE_MS);
    const length = over.reduce((sum, clicks) => sum + clicks.length, 0) / over.length;
    expect(length).toBeGreaterThan(5);
    expect(length).toBeLessThan(7);
    for (const clicks of sessions.values()) expect(new Set(clicks.map(({ user }) => user)).size).toBe(1);
    const long = [...sessions.values()].filter((clicks) => clicks.length >= 6);
    const favourite = long.map((clicks) =>
      shareOf(
        clicks.map(({ category }) => category),
        1,
      ),
    );
    const evenly = 6 / CATEGORIES;
    expect(favourite.reduce((sum, share) => sum + share, 0) / favourite.length).toBeGreaterThan(2 * evenly);
    const looked = new Set(slices.flatMap(({ clicks }) => clicks.map(({ user, item }) => `${user} ${item}`)));
    const bought = slices.flatMap(({ purchases }) => purchases.map(({ user, item }) => `${user} ${item}`));
    expect(bought.length).toBeGreaterThan(500);
    expect(bought.every((pair) => looked.has(pair))).toBe(true);
  });

  test('has one item that is viral once the history is over, and unknown before', async () => {
    const traffic = shop(1);
    const before = (await historyOf(traffic)).flatMap((slice) => slice.clicks);
    const old = sessionsOf(before);
    const after = traffic.live(UNTIL + MINUTE_MS).clicks.filter(({ session }) => !old.has(session));
    const share = (clicks: readonly Click[]) => clicks.filter(({ item }) => item === 'i399').length / clicks.length;
    expect(share(before)).toBeLessThan(0.01);
    expect(share(after)).toBeGreaterThan(0.75 * VIRAL_SHARE);
    expect(share(after)).toBeLessThan(1.25 * VIRAL_SHARE);
  });

  test('has bursts of visitors', async () => {
    const traffic = shop(1);
    await historyOf(traffic);
    const starts = new Map<string, number>();
    for (const { session, at } of traffic.live(UNTIL + 4 * MINUTE_MS).clicks)
      if (!starts.has(session) && at >= UNTIL) starts.set(session, at);
    const perSecond = new Array<number>(240).fill(0);
    for (const at of starts.values()) perSecond[Math.floor((at - UNTIL) / 1_000)] += 1;
    perSecond.sort((a, b) => a - b);
    const [usual, burst] = [perSecond[120], perSecond[232]];
    expect(burst / usual).toBeGreaterThan(0.6 * BURST.factor);
  });

  test('asks for those who are there', async () => {
    const traffic = shop(1);
    const clicks = (await historyOf(traffic)).flatMap((slice) => slice.clicks);
    const requests = Array.from({ length: 500 }, () => traffic.request());
    const sessions = sessionsOf(clicks);
    const known = requests.filter(({ session }) => sessions.has(session));
    expect(known.length).toBeGreaterThan(400);
    const userOf = new Map(clicks.map(({ session, user }) => [session, user]));
    expect(known.every(({ session, user }) => userOf.get(session) === user)).toBe(true);
  });
});

function sessionsOf(clicks: readonly Click[]): ReadonlySet<string> {
  return new Set(clicks.map(({ session }) => session));
}

describe('a log of purchases', () => {
  const folder = mkdtempSync(join(tmpdir(), 'purchase-log-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const lines = Array.from({ length: 100 }, (_, i) => {
    const day = String(1 + Math.floor(i / 10)).padStart(2, '0');
    return `2011-12-${day} 10:${String(i % 10).padStart(2, '0')}:00,S${i % 7},${i % 9 === 8 ? '' : `c${i % 5}`},${i % 11 === 0 ? -1 : 2},2.505`;
  });
  const path = join(folder, 'log.csv');
  writeFileSync(path, `when,sku,customer,pieces,cost\n${lines.toReversed().join('\n')}\n2011-12-01 00:00:00,,c1,1,1\n`);
  const columns = parseColumnMap('user=customer,item=sku,at=when,price=cost,quantity=pieces');
  const open = () => purchaseLog({ path, columns, now: UNTIL, eventsPerSecond: 20, random: seededRandom(1) });

  test('is read by a map of columns, in order of time, moved by whole days, and counts what it leaves out', async () => {
    const log = await open();
    const [{ purchases }] = await historyOf(log);
    expect({ lines: log.lines, leftOut: log.leftOut, history: purchases.length }).toEqual({
      lines: 100,
      leftOut: 1,
      history: 95,
    });
    const moved = purchases[0].at - Date.UTC(2011, 11, 1, 10);
    expect(moved % (24 * HOUR_MS)).toBe(0);
    expect(purchases[94].at).toBeLessThanOrEqual(UNTIL);
    expect(purchases[94].at).toBeGreaterThan(UNTIL - 24 * HOUR_MS);
    expect(purchases[0]).toMatchObject({
      user: 'c0',
      item: 'S0',
      quantity: -1,
      price: '2.505',
      amount: '-2.505',
      category: 'all',
    });
    expect(purchases[8]).toMatchObject({ user: null, item: 'S1', quantity: 2, amount: '5.010' });
    expect(purchases.map(({ at }) => at)).toEqual(purchases.map(({ at }) => at).sort((a, b) => a - b));
  });

  test('sends its newest lines live, once each, at the rate that is asked for', async () => {
    const log = await open();
    const [{ purchases: history }] = await historyOf(log);
    const counts = [0, 100, 200, 1_000].map((ms) => log.live(UNTIL + ms).purchases);
    expect(counts.map(({ length }) => length)).toEqual([0, 2, 2, 1]);
    expect(new Set([...history, ...counts.flat()].map(({ id }) => id)).size).toBe(100);
    expect(counts.flat().every(({ at }) => at >= UNTIL)).toBe(true);
  });

  test('asks for its own users and items', async () => {
    const log = await open();
    for (let i = 0; i < 50; i += 1) expect(log.request()).toMatchObject({ user: /^c\d$/, item: /^S\d$/ });
  });

  test.each([
    [{ path: join(folder, 'none.csv') }, /none\.csv does not fit the map: .*No files/],
    [{ columns: { ...columns, user: 'buyer' } }, /log\.csv does not fit the map: .*"buyer" not found/],
    [{ columns: { ...columns, price: 'sku' } }, /log\.csv does not fit the map: .*S\d/],
  ])('says in a line why a file is not one of the map', async (wrong, said) => {
    const options = { path, columns, now: UNTIL, eventsPerSecond: 20, random: seededRandom(1), ...wrong };
    await expect(purchaseLog(options)).rejects.toThrow(said);
  });

  test.each([['user=a'], ['user=a,item=b,at=c,price='], ['user=a,item=b,at=c,price=d,colour=e'], ['']])(
    'refuses the map "%s"',
    (map) => {
      expect(() => parseColumnMap(map)).toThrow(/--map/);
    },
  );
});

test('the demonstration is refused while a server has its data open, and removes none of them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'personalisation-'));
  const directory = join(folder, '.headrace/personalisation');
  const headrace = await openHeadrace({ project, environment: { directory } });
  try {
    const before = readdirSync(directory, { recursive: true });
    const main = fileURLToPath(new URL('../../examples/personalisation/main.ts', import.meta.url));
    const args = ['--conditions=headrace-source', main, '--seconds', '1', '--users', '10'];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: childEnv() });
    expect(stderr).toContain('_LOCKED');
    expect(status).not.toBe(0);
    expect(readdirSync(directory, { recursive: true })).toEqual(before);
  } finally {
    await headrace.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
