import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EventSourceData } from '../../src/features/define/declaration.ts';
import {
  bool,
  changeSource,
  count,
  decimal,
  defineProject,
  distinct,
  entity,
  featureService,
  last,
  lookup,
  max,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 4, 1, 12);

const bookings = changeSource('bookings', {
  id: 'change',
  time: 'changed',
  row: { id: 'booking', time: 'booked' },
  before: 'gone',
  columns: {
    change: text(),
    changed: time(),
    booking: text(),
    booked: time(),
    gone: bool(),
    host: text(),
    price: decimal(2),
  },
});
const byHost = streamView('by_host', {
  source: bookings,
  entity: entity('host', { host: text() }),
  key: { host: 'host' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ price, booking }) => ({
    n: count(),
    worth: sum(price),
    top: max(price),
    newest: last(booking),
    different: distinct(booking),
  }),
});
const hosts = featureService('hosts', {
  request: { host: text() },
  join: (r) => ({
    h: lookup(byHost, { host: r.host }, ['n_1h', 'worth_1h', 'top_1h', 'newest_1h', 'different_1h', 'n_1d']),
  }),
});

const image = (booking: string, booked: number, host: string, price: string) => ({ booking, booked, host, price });

test('an insert, an update, a move to another key and a delete are served and trained on as they stood', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'changes-'));
  let now = NOON;
  const open = () =>
    openHeadrace({
      project: defineProject('rooms', { hosts }),
      environment: { directory: join(directory, 'store') },
      clock: () => now,
    });
  let headrace = await open();
  onTestFinished(async () => {
    await headrace.close();
    rmSync(directory, { recursive: true });
  });
  const change = async (minute: number, ...images: readonly Readonly<Record<string, unknown>>[]) => {
    now = NOON + minute * MINUTE;
    const sent = images.map((each, i) => ({ change: `c${minute}.${i}`, changed: now, gone: false, ...each }));
    expect((await headrace.ingest(bookings as EventSourceData, sent)).refused).toEqual([]);
  };
  const read = async (host: string) => {
    const { features, missing } = await headrace.vector(hosts, { host }, now + 1);
    expect(missing).toEqual({});
    return Object.values(features);
  };
  const one = image('b1', NOON - 2 * 60 * MINUTE, 'ann', '80.00');
  const two = image('b2', NOON - 5 * MINUTE, 'ann', '120.00');
  const three = image('b3', NOON - 6 * MINUTE, 'ann', '50.00');
  const expected = new Map<number, readonly (readonly unknown[])[]>();
  const check = async (ann: readonly unknown[], bob: readonly unknown[]) => {
    expect(await read('ann')).toEqual(ann);
    expect(await read('bob')).toEqual(bob);
    expected.set(now + 1, [ann, bob]);
  };
  const none = [0, null, null, null, 0, 0];
  await change(0, one, two, three);
  await check([2, '170.00', '120.00', 'b2', 2, 3], none);
  // An update: the image before goes, the one after comes.
  await change(1, { ...two, gone: true }, { ...two, price: '40.00' });
  await check([2, '90.00', '50.00', 'b2', 2, 3], none);
  // A key that changes.
  await change(2, { ...three, gone: true }, { ...three, host: 'bob' });
  await check([1, '40.00', '40.00', 'b2', 1, 2], [1, '50.00', '50.00', 'b3', 1, 1]);
  // A delete, of a row from before the short window.
  await change(3, { ...one, gone: true });
  await check([1, '40.00', '40.00', 'b2', 1, 1], [1, '50.00', '50.00', 'b3', 1, 1]);
  await change(4, { ...two, price: '40.00', gone: true });
  await check(none, [1, '50.00', '50.00', 'b3', 1, 1]);

  // Never from a tile that has seen a later change.
  const past = await headrace.vector(hosts, { host: 'ann' }, NOON + MINUTE);
  expect(past.complete).toBe(false);

  const spine = [...expected].flatMap(([at]) => ['ann', 'bob'].map((host) => `${host},${at}`));
  const path = join(directory, 'spine.csv');
  writeFileSync(path, `host,_at\n${spine.join('\n')}\n`);
  const out = join(directory, 'out.parquet');
  for (const mode of ['corrected', 'as-known'] as const) {
    await headrace.writeTrainingSet(hosts, out, { spine: { path }, mode });
    const rows: unknown[] = [];
    for await (const batch of headrace.history.query(`SELECT * EXCLUDE (host, _at) FROM '${out}'`)) rows.push(...batch);
    expect(rows).toEqual([...expected.values()].flat().map((values) => values.map(asTrained)));
  }
  await headrace.close();
  headrace = await open();
  await check(none, [1, '50.00', '50.00', 'b3', 1, 1]);
  await expect(headrace.backfill(byHost)).rejects.toMatchObject({ code: 'BACKFILL_CHANGES' });
});

/** Counts come as bigint, decimals as doubles. */
const asTrained = (value: unknown) => {
  if (typeof value === 'number') return BigInt(value);
  return typeof value === 'string' && /^\d/.test(value) ? Number(value) : value;
};
