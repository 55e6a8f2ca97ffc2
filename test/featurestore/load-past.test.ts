import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  last,
  lookup,
  mean,
  nullable,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { ingestInto, loadInto, type PastPlace } from './past-site.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.UTC(2026, 0, 31, 12);

const visits = eventSource('visits', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: nullable(text()), shop: text(), price: decimal(2), seen: nullable(time()) },
});
const user = entity('user', { user: text() });
const live = { source: visits, freshness: '1s', windows: ['5m', '1h', '30d'] } as const;
const byUser = streamView('by_user', {
  ...live,
  entity: user,
  key: { user: 'user' },
  features: (e) => ({ visits: count(), spent: sum(e.price), last_shop: last(e.shop) }),
});
const favourites = streamView('favourites', {
  ...live,
  windows: ['ever'],
  entity: user,
  key: { user: 'user' },
  features: (e) => ({ shops: topK(e.shop, 3) }),
});
const byPair = streamView('by_pair', {
  ...live,
  entity: entity('pair', { user: text(), shop: text() }),
  key: { user: 'user', shop: 'shop' },
  ttl: '2d',
  features: (e) => ({ mean_price: mean(e.price) }),
});
const service = featureService('shopper', {
  request: { user: text(), shop: text() },
  join: (r) => ({
    user: lookup(byUser, { user: r.user }),
    favourites: lookup(favourites, { user: r.user }),
    pair: lookup(byPair, { user: r.user, shop: r.shop }),
  }),
});
const project = defineProject('mall', { visits, service });

const USERS = ['u1', 'u2', 'u22', 'u333', 'Zoë', '🙂', '4:u1s1', '', 'u1 and a name that is longer than others'];
const SHOPS = ['s1', 's22', 's3'];

/** Visits of thirty days as CSV: some twice, some of nobody, some that are no events, some of the last minute. */
function visitsFile(folder: string): string {
  const random = seededRandom(3);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
  const lines = ['id,at,user,shop,price,seen'];
  for (let i = 0; i < 900; i += 1) {
    const backMs = [DAY_MS * 29 * random(), HOUR_MS * random(), 90_000 * random()][i % 3];
    const at = Math.floor(NOW - backMs);
    const who = i % 40 === 0 ? '' : `"${pick(USERS)}"`;
    const seen = pick(['', '', String(at), String(at), '1750000000']);
    const line = [`v${i}`, at, who, pick(SHOPS), (100 * random()).toFixed(2), seen].join(',');
    lines.push(line);
    // The same delivery, the event at a later time, and one that has lost its price.
    if (i % 50 === 1) lines.push(line);
    if (i % 50 === 2) lines.push(line.replace(String(at), String(Math.min(at + 60_000, NOW))));
    if (i % 50 === 3) lines.push(line.replace(/\d+\.\d\d/, 'much'));
  }
  lines.push(`bad id,${NOW - DAY_MS},u1,s1,1.00,`, `early,12,u1,s1,1.00,`, `future,${NOW + DAY_MS},u1,s1,1.00,`);
  const path = join(folder, 'visits.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function folderOf(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `headrace-${name}-`));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Place = Pick<PastPlace, 'directory' | 'path'>;

function load(place: Place, breaks = false): Promise<number | null> {
  return loadInto({ ...place, source: visits, now: NOW }, 2, breaks);
}

async function opened(directory: string): Promise<Headrace> {
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 2 }, clock: () => NOW });
  onTestFinished(() => headrace.close());
  return headrace;
}

function ingest(headrace: Headrace, place: Place, loaded = 0) {
  return ingestInto(headrace, { ...place, source: visits, now: NOW }, loaded);
}

/** Everything that a reader may see: the vectors of all keys, now and later, and the deliveries with their verdicts. */
async function seen(headrace: Headrace): Promise<unknown> {
  await headrace.flush();
  const vectors: unknown[] = [];
  for (const at of [NOW + 1, NOW + 50 * 60_000, NOW + 3 * DAY_MS])
    for (const user of USERS)
      for (const shop of SHOPS) vectors.push((await headrace.vector(service, { user, shop }, at)).features);
  const rows: unknown[] = [];
  const sql = `SELECT id, "at", "user", shop, price, seen, _ingest_ts, _verdict FROM ${headrace.deliveries(visits)} ORDER BY ALL`;
  for await (const batch of headrace.history.query(sql)) rows.push(...batch);
  return { vectors, rows };
}

/** The present of a shop, with a delivery that is known already. */
async function goOn(headrace: Headrace) {
  const events = USERS.map((user, i) => ({ id: `n${i}`, at: NOW - i, user, shop: 's1', price: '2.00', seen: null }));
  return headrace.ingest(visits, [...events, events[0]]);
}

test.each([
  ['at once', []],
  ['by a call that was cut off before', [true]],
])('a past that is loaded %s gives the answers and the history of its events one by one', async (_, cutOff) => {
  const path = visitsFile(folderOf('files'));
  const [one, other] = [folderOf('one'), folderOf('past')].map((directory) => ({ directory, path }));
  const single = await opened(one.directory);
  const counts = await ingest(single, one);
  for (const breaks of cutOff) await expect(load(other, breaks)).rejects.toThrow('killed');
  const loaded = await load(other);
  expect(loaded).toBeGreaterThan(200);
  expect(await load(other)).toBe(0);
  const bulk = await opened(other.directory);
  expect(await ingest(bulk, other, loaded ?? 0)).toMatchObject({
    ...counts,
    errors: counts.errors.map(({ code }) => ({ code })),
  });
  const atFirst = await seen(single);
  expect(await seen(bulk)).toEqual(atFirst);
  expect(await goOn(bulk)).toEqual(await goOn(single));
  const atLast = await seen(single);
  expect(atLast).not.toEqual(atFirst);
  await bulk.close();
  // Whatever comes now goes through the log.
  expect(await load(other)).toBeNull();
  expect(await seen(await opened(other.directory))).toEqual(atLast);
});

test('a past whose load was cut off before live events came is taken, or counted, row by row', async () => {
  const place = { directory: folderOf('past'), path: visitsFile(folderOf('files')) };
  await expect(load(place, true)).rejects.toThrow('killed');
  const live = await opened(place.directory);
  expect(await goOn(live)).toMatchObject({ accepted: USERS.length });
  await live.flush();
  await live.close();
  expect(await load(place)).toBeNull();
  const single = await opened(folderOf('one'));
  const { rows } = await ingest(single, { ...place, directory: folderOf('files') });
  const report = await ingest(await opened(place.directory), place);
  expect(report).toMatchObject({ rows, whole: true });
  expect(report.accepted + report.duplicate + report.late + report.pending + report.refused).toBe(rows);
  expect(report.late).toBeGreaterThan(200);
});
