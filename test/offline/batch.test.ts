import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import type { BatchViewData, EventSourceData } from '../../src/features/define/declaration.ts';
import {
  batchView,
  bool,
  decimal,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  list,
  lookup,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { BatchSchedule } from '../../src/featurestore/batch/batch-schedule.ts';
import { checkBatchSql } from '../../src/featurestore/batch/read-batch.ts';
import { pointInTimeRows } from '../../src/featurestore/training-set/point-in-time.ts';
import type { OfflineStore, OfflineValue } from '../../src/ports/offline-store.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { runs } from '../runs.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const user = entity('user', { user: text() });
const clicks = eventSource('clicks', {
  id: 'click',
  time: 'at',
  lateness: '1h',
  columns: { click: text(), at: time(), user: text(), price: decimal(2), big: int64() },
});

/** A click as it is in the raw table, with ingest time, partition and offset behind its columns. */
type RawClick = readonly [click: string, at: number, user: string, cents: bigint, big: bigint, ingestTs: number];

const spend = batchView('spend', {
  entity: user,
  schedule: '0 3 * * *',
  freshness: '26h',
  reads: { clicks },
  features: { clicks: int(), spent: decimal(2), mean_price: float(), most: int64(), any: bool(), names: list(text()) },
  sql: (t) => sql`
    SELECT "user", COUNT(*) AS clicks, SUM(price) AS spent, AVG(price) AS mean_price, MAX(big) AS most,
      BOOL_OR(price > 9.99) AS any, LIST(click ORDER BY click) AS names
    FROM ${t.clicks} WHERE "at" < ${t.asOf} GROUP BY "user" -- a comment and a semicolon at the end do no harm
    ;
  `,
});

async function stores(offlineOf: (store: OfflineStore) => OfflineStore = (store) => store) {
  const path = mkdtempSync(join(tmpdir(), 'batch-'));
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await store.close();
    rmSync(path, { recursive: true, force: true });
  });
  const state = { now: 100 * DAY };
  return { state, offline: offlineOf(store), online: new MemoryOnlineStore(), clock: () => state.now };
}

async function publish(offline: OfflineStore, ...rows: readonly RawClick[]): Promise<void> {
  const raw = rows.map((row, offset): OfflineValue[] => [...row, 0, offset]);
  const table = rawTable(clicks);
  const columns = Object.keys(table.columns).map((_, c) => raw.map((row) => row[c] ?? null));
  await offline.publish({
    writer: 'deliveries',
    position: {},
    mode: 'append',
    tables: [{ table, rows: rows.length, columns }],
  });
}

function valuesOf(online: MemoryOnlineStore, view: BatchViewData, key: string) {
  const { encode } = entityKeyCodec(view.entity.key);
  return online.readBatch([{ viewId: `${view.name}@1`, features: view.features, key: encode([key]) ?? '' }])[0];
}

/** Features of the view as a training row at each instant sees them. */
async function seenAt(offline: OfflineStore, view: typeof spend, instants: readonly number[]) {
  const service = featureService('seen', {
    request: { user: text() },
    join: (r) => ({ spend: lookup(view, { user: r.user }, ['clicks']) }),
  });
  const spine = instants
    .map((at) => `SELECT 'r${at}' AS _id, CAST(${at} AS BIGINT) AS _at, 'ann' AS "user"`)
    .join(' UNION ALL ');
  const found = new Map<number, unknown>();
  const rows = pointInTimeRows({
    service,
    offline,
    spine,
    mode: 'corrected',
    counts: false,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  for await (const batch of rows) for (const { at, values } of batch) found.set(at, values[0]);
  return instants.map((at) => found.get(at));
}

function view(
  text: string,
  features: BatchViewData['features'] = { n: { type: 'int', nullable: true } },
): BatchViewData {
  return { ...spend, name: 'made', features, sql: { kind: 'sql', text } };
}

const MAX = 2n ** 63n - 1n;

test('a run gives exact values of every type, of the accepted events before its instant alone', async () => {
  const { offline, online, clock, state } = await stores();
  const at = state.now - DAY;
  await publish(
    offline,
    ['a', at, 'ann', 999n, 5n, at],
    ['b', at, 'ann', 1_000n, MAX, at],
    ['a', at, 'ann', 100_000n, 7n, at + 1], // delivered again
    ['c', at, 'ann', 1n, 1n, at + HOUR + 1], // late
    ['d', at + HOUR, 'bob', -1n, -MAX, at + HOUR], // in time
    ['e', state.now, 'ann', 1n, 1n, state.now], // not before the instant
  );
  const schedule = await BatchSchedule.open({ views: [spend], online, offline, clock });
  const run = await schedule.run(spend);
  expect(run).toMatchObject({ rows: 2, nullKeys: 0, generation: { generation: 1, asOf: state.now } });
  expect(valuesOf(online, spend, 'ann')?.values).toEqual([2, 1_999n, 9.995, MAX, true, ['a', 'b']]);
  expect(valuesOf(online, spend, 'bob')?.values).toEqual([1, -1n, -0.01, -MAX, false, ['d']]);
  expect(valuesOf(online, spend, 'nobody')?.values).toBeNull();
});

test('a training row sees the generation that a request at its instant saw', async () => {
  const { offline, online, clock, state } = await stores();
  const schedule = await BatchSchedule.open({ views: [spend], online, offline, clock });
  const t0 = state.now;
  for (let day = 0; day < 3; day += 1) {
    await publish(offline, [`c${day}`, state.now - 1, 'ann', 1n, 1n, state.now - 1]);
    await schedule.run(spend);
    state.now += DAY;
  }
  expect(await seenAt(offline, spend, [t0 - 1, t0, t0 + DAY - 1, t0 + DAY, t0 + 9 * DAY])).toEqual([null, 1, 1, 2, 3]);
});

test('a generation without rows is one: nothing is read from then on, online and in training', async () => {
  const { offline, online, clock, state } = await stores();
  await publish(offline, ['a', state.now - 1, 'ann', 1n, 1n, state.now - 1]);
  const lastDay = spend.sql.text.replace('"at" <', `"at" >= {{asOf}} - ${DAY} AND "at" <`);
  const recent = { ...spend, sql: { kind: 'sql' as const, text: lastDay } };
  const schedule = await BatchSchedule.open({ views: [recent], online, offline, clock });
  const t0 = state.now;
  await schedule.run(recent);
  state.now += 2 * DAY;
  expect((await schedule.run(recent)).rows).toBe(0);
  expect(valuesOf(online, recent, 'ann')).toMatchObject({ values: null, generation: { generation: 2 } });
  expect(await seenAt(offline, recent, [t0, t0 + 2 * DAY - 1, t0 + 2 * DAY])).toEqual([1, 1, null]);
});

test('after a crash between the switch and the history, the history says what was served', async () => {
  let crash = false;
  const { offline, online, clock, state } = await stores((store) => ({
    publish: (change) => store.publish(change),
    publishQueries: (change) =>
      crash && change.mode === 'append' && change.writer.startsWith('batch/')
        ? Promise.reject(new Error('crash'))
        : store.publishQueries(change),
    evolve: (table) => store.evolve(table),
    erase: (name, where) => store.erase(name, where),
    purge: () => store.purge(),
    position: (writer) => store.position(writer),
    tables: () => store.tables(),
    relation: (table) => store.relation(table),
    query: (text) => store.query(text),
    exportParquet: (text, path) => store.exportParquet(text, path),
    exportRows: (table, rows, path) => store.exportRows(table, rows, path),
    withFiles: (tables, work) => store.withFiles(tables, work),
    check: (most) => store.check(most),
    damaged: () => store.damaged(),
    repair: (copy) => store.repair(copy),
    soundRelation: (table) => store.soundRelation(table),
    replaceDamaged: (table, rows, expected) => store.replaceDamaged(table, rows, expected),
    refresh: () => store.refresh(),
    compact: (name) => store.compact(name),
    retain: (name, rule) => store.retain(name, rule),
    close: () => store.close(),
  }));
  await publish(offline, ['a', state.now - 1, 'ann', 1n, 1n, state.now - 1]);
  const before = await BatchSchedule.open({ views: [spend], online, offline, clock });
  await before.run(spend);
  const t0 = state.now;
  state.now += DAY;
  await publish(offline, ['b', state.now - 1, 'ann', 1n, 1n, state.now - 1]);
  crash = true;
  await expect(before.run(spend)).rejects.toThrow('crash');
  crash = false;
  expect(valuesOf(online, spend, 'ann')?.values?.[0]).toBe(2);
  expect(await seenAt(offline, spend, [t0 + DAY])).toEqual([1]);
  state.now += HOUR;
  const after = await BatchSchedule.open({ views: [spend], online, offline, clock });
  expect(await seenAt(offline, spend, [t0 + DAY - 1, t0 + DAY])).toEqual([1, 2]);
  expect(await after.run(spend)).toMatchObject({ generation: { generation: 3 } });
});

test('a roll-back serves the previous generation again, and a training row sees what a request of its instant saw', async () => {
  const { offline, online, clock, state } = await stores();
  let schedule = await BatchSchedule.open({ views: [spend], online, offline, clock });
  await expect(schedule.rollBack(spend)).rejects.toMatchObject({ code: 'BATCH_GENERATION' });
  const t0 = state.now;
  for (let day = 0; day < 3; day += 1) {
    await publish(offline, [`c${day}`, state.now - 1, 'ann', 1n, 1n, state.now - 1]);
    await schedule.run(spend);
    state.now += DAY;
  }
  const values = () => valuesOf(online, spend, 'ann')?.values?.[0];
  expect(await schedule.rollBack(spend)).toMatchObject({ rows: 1, generation: { generation: 4, asOf: t0 + DAY } });
  expect(values()).toBe(2);
  // After a restart too: once more goes back one further, never to what was left.
  schedule = await BatchSchedule.open({ views: [spend], online, offline, clock });
  state.now += HOUR;
  expect(await schedule.rollBack(spend)).toMatchObject({ rows: 1, generation: { generation: 5, asOf: t0 } });
  expect(values()).toBe(1);
  await expect(schedule.rollBack(spend)).rejects.toMatchObject({ code: 'BATCH_GENERATION', facts: { view: 'spend' } });
  expect(
    await seenAt(offline, spend, [t0, t0 + DAY, t0 + 3 * DAY - 1, t0 + 3 * DAY, t0 + 3 * DAY + HOUR, t0 + 9 * DAY]),
  ).toEqual([1, 2, 3, 2, 1, 1]);
  await publish(offline, ['d', state.now - 1, 'ann', 1n, 1n, state.now - 1]);
  expect(await schedule.run(spend)).toMatchObject({ generation: { generation: 6 } });
  expect(values()).toBe(4);
});

test('a row without a key is left out and counted; two rows of one key are refused', async () => {
  const { offline, online, clock } = await stores();
  const nulls = view(`SELECT * FROM (VALUES ('a', 1), (NULL, 2), (NULL, 3)) AS t("user", n)`);
  const twice = { ...view(`SELECT * FROM (VALUES ('a', 1), ('a', 2)) AS t("user", n)`), name: 'twice' };
  const schedule = await BatchSchedule.open({ views: [nulls, twice], online, offline, clock });
  expect(await schedule.run(nulls)).toMatchObject({ rows: 1, nullKeys: 2 });
  await expect(schedule.run(twice)).rejects.toMatchObject({ code: 'BATCH_DUPLICATE_KEY', facts: { key: 'a' } });
});

test('a run that fails leaves the previous generation', async () => {
  const { offline, online, clock } = await stores();
  let n = 1;
  const counted: BatchViewData = {
    ...view(''),
    get sql() {
      return { kind: 'sql' as const, text: `SELECT 'a' AS "user", ${n === 2 ? `CAST('x' AS BIGINT)` : n} AS n` };
    },
  };
  const schedule = await BatchSchedule.open({ views: [counted], online, offline, clock });
  await schedule.run(counted);
  n = 2;
  await expect(schedule.run(counted)).rejects.toMatchObject({ code: 'BATCH_SQL' });
  expect(valuesOf(online, counted, 'a')).toMatchObject({ values: [1], generation: { generation: 1 } });
  n = 3;
  await schedule.run(counted);
  expect(valuesOf(online, counted, 'a')?.values).toEqual([3]);
});

const decimal2 = { n: { type: 'decimal', scale: 2, nullable: true } } as const;

test.each([
  ['BATCH_SQL', 'SELECT FROM', {}],
  ['BATCH_SQL', 'SELECT nothing AS "user", 1 AS n FROM {{source:clicks}}', {}],
  ['BATCH_READ', 'SELECT "user", 1 AS n FROM {{source:views}}', { place: 'source:views' }],
  ['BATCH_COLUMN', 'SELECT "user" FROM {{source:clicks}}', { given: ['user'] }],
  ['BATCH_COLUMN', 'SELECT "user", 1 AS n, 2 AS N FROM {{source:clicks}}', {}],
  ['BATCH_TYPE', 'SELECT "user", 1.5 AS n FROM {{source:clicks}}', { found: 'DECIMAL(2,1)' }],
  ['BATCH_TYPE', 'SELECT "user", AVG(big) AS n FROM {{source:clicks}} GROUP BY 1', { found: 'DOUBLE' }],
  ['BATCH_TYPE', `SELECT "user", '7' AS n FROM {{source:clicks}}`, { found: 'VARCHAR' }],
  ['BATCH_TYPE', 'SELECT 7 AS "user", 7 AS n', { column: 'user', found: 'INTEGER' }],
])('SQL that cannot be right is refused over empty tables: %s, %s', async (code, text, facts) => {
  const { offline } = await stores();
  await expect(checkBatchSql(view(text), offline)).rejects.toMatchObject({ code, facts });
});

test('a decimal feature takes decimals of its scale and whole numbers, and no rounding', async () => {
  const { offline, online, clock } = await stores();
  const run = async (value: string) => {
    const made = view(`SELECT 'a' AS "user", ${value} AS n`, decimal2);
    await (await BatchSchedule.open({ views: [made], online, offline, clock })).run(made);
    return valuesOf(online, made, 'a')?.values?.[0];
  };
  expect(await run('12.5::DECIMAL(10,1)')).toBe(1_250n);
  expect(await run('7')).toBe(700n);
  expect(await run('92233720368547758.07::DECIMAL(38,2)')).toBe(MAX);
  expect(await run('NULL::DECIMAL(10,2)')).toBeNull();
  for (const value of ['1.234::DECIMAL(10,3)', '1.5::DOUBLE'])
    await expect(run(value)).rejects.toMatchObject({ code: 'BATCH_TYPE' });
  await expect(run('92233720368547758.08::DECIMAL(38,2)')).rejects.toMatchObject({ code: 'BATCH_SQL' });
});

test('numbers that no feature can hold: an int beyond 2^53 is refused, a float that is not one is null', async () => {
  const { offline, online, clock } = await stores();
  const large = view(`SELECT 'a' AS "user", 9007199254740993 AS n`);
  const schedule = await BatchSchedule.open({ views: [large], online, offline, clock });
  await expect(schedule.run(large)).rejects.toMatchObject({ code: 'BATCH_TYPE', facts: { found: '9007199254740992' } });
  const floats = {
    ...view(`SELECT 'a' AS "user", 0.0 / 0 AS n, 1e0 / 0 AS m, 2 AS k`, {
      n: { type: 'float', nullable: true },
      m: { type: 'float', nullable: true },
      k: { type: 'float', nullable: true },
    }),
    name: 'floats',
  };
  await (await BatchSchedule.open({ views: [floats], online, offline, clock })).run(floats);
  expect(valuesOf(online, floats, 'a')?.values).toEqual([null, null, 2]);
});

test('a view is due once when its schedule comes up, also over a restart, and one that fails hinders no other', async () => {
  const { offline, online, clock, state } = await stores();
  const bad = { ...view('SELECT FROM'), name: 'bad' };
  const views = [bad, spend];
  state.now = 100 * DAY + 2 * HOUR;
  let schedule = await BatchSchedule.open({ views, online, offline, clock });
  expect(schedule.due()).toEqual([]);
  state.now = 100 * DAY + 3 * HOUR;
  expect(schedule.due()).toEqual(views);
  await expect(schedule.runDue()).rejects.toMatchObject({ code: 'BATCH_SQL' });
  expect(schedule.due()).toEqual([]);
  expect(valuesOf(online, spend, 'ann')?.generation.generation).toBe(1);
  state.now += 23 * HOUR;
  schedule = await BatchSchedule.open({ views: [spend], online, offline, clock });
  expect(schedule.due()).toEqual([]);
  state.now += HOUR;
  expect(schedule.due()).toEqual([spend]);
});

test('sources are data that any view may read twice under two names', async () => {
  const { offline, online, clock, state } = await stores();
  await publish(offline, ['a', state.now - 1, 'ann', 1n, 1n, state.now - 1]);
  const reads: Record<string, EventSourceData> = { x: clicks, y: clicks };
  const joined = {
    ...view('SELECT x."user", COUNT(*) AS n FROM {{source:x}} AS x JOIN {{source:y}} AS y USING (click) GROUP BY 1'),
    reads,
  };
  const schedule = await BatchSchedule.open({ views: [joined], online, offline, clock });
  await schedule.run(joined);
  expect(valuesOf(online, joined, 'ann')?.values).toEqual([1]);
});

/** A view whose SQL gives the given keys; the same view in all runs. */
function keyed(keys: readonly string[], mayLose?: number): BatchViewData {
  const rows = keys.map((key) => `('${key}', CAST(1 AS BIGINT))`).join(', ');
  const none = `SELECT CAST(NULL AS VARCHAR) AS "user", CAST(NULL AS BIGINT) AS n WHERE false`;
  const made = view(rows === '' ? none : `SELECT * FROM (VALUES ${rows}) AS t("user", n)`);
  return mayLose === undefined ? made : { ...made, mayLose };
}

test('a run that lacks more keys of the previous generation than declared is switched to only where someone accepts it', async () => {
  const { offline, online, clock, state } = await stores();
  const share = fc.constantFrom(undefined, 0, 0.1, 0.5, 0.9, 1);
  const kept = fc.uniqueArray(fc.nat(39), { minLength: 0, maxLength: 40, size: 'max' });
  await fc.assert(
    fc.asyncProperty(kept, kept, share, async (before, after, mayLose) => {
      const open = (keys: readonly number[]) => {
        const made = keyed(keys.map(String), mayLose);
        return BatchSchedule.open({ views: [made], online, offline, clock }).then((schedule) => ({ made, schedule }));
      };
      state.now += DAY;
      const first = await open(before);
      await first.schedule.run(first.made, { acceptLoss: true });
      state.now += DAY;
      const second = await open(after);
      const lost = before.filter((key) => !after.includes(key)).length / Math.max(1, before.length);
      const allowed = lost <= (mayLose ?? (before.length < 20 ? 1 : 0.5));
      const run = second.schedule.run(second.made);
      const has = (key: number) => valuesOf(online, second.made, String(key))?.values != null;
      if (allowed) await run;
      else {
        await expect(run).rejects.toMatchObject({ code: 'BATCH_LOSS' });
        expect([...Array(40).keys()].filter(has)).toEqual([...before].sort((a, b) => a - b));
        const [health] = second.schedule.health();
        expect(health?.failure?.reason).toMatch(/mayLose/);
        expect(health?.lostShare).toBe(lost);
        await second.schedule.run(second.made, { acceptLoss: true });
      }
      expect([...Array(40).keys()].filter(has)).toEqual([...after].sort((a, b) => a - b));
    }),
    { numRuns: runs(8, 100) },
  );
});
