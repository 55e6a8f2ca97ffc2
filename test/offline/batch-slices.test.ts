import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { batchTable } from '../../src/features/plan/batch-table.ts';
import { BatchSchedule } from '../../src/featurestore/batch/batch-schedule.ts';
import { SLICE_ROWS } from '../../src/featurestore/batch/run-rows.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { runs } from '../runs.ts';
import { newRoot } from '../stores/new-root.ts';
import { numberedKey, numberedKeys, numberedSql, numberedValues, viewOf } from './numbered-rows.ts';

const DAY_MS = 86_400_000;

async function stores(kind: 'memory' | 'embedded') {
  const path = newRoot();
  const offline = await openOfflineStore({ path: join(path, 'offline'), access: 'write', clock: Date.now });
  const online: OnlineStore =
    kind === 'memory' ? new MemoryOnlineStore() : openOnlineStore({ path: join(path, 'online') });
  onTestFinished(async () => {
    await online.close();
    await offline.close();
  });
  const state = { now: 100 * DAY_MS };
  const files = () => readdirSync(path).filter((name) => name.startsWith('scratch'));
  return { offline, online, state, files, clock: () => state.now, scratch: join(path, 'scratch-') };
}

/** The i of `rows` that a run has: those that are not in the class `without` of `by`. */
interface Part {
  readonly rows: number;
  readonly by: number;
  readonly without: number;
}

const has = ({ rows, by, without }: Part, i: number) => i < rows && i % by !== without;
const partSql = ({ by, without }: Part) => `i % ${by} <> ${without}`;
const indexesOf = (part: Part) => Array.from({ length: part.rows }, (_, i) => i).filter((i) => has(part, i));

const size = fc.constantFrom(0, 1, 1_999, 2_000, 2_001, SLICE_ROWS - 1, SLICE_ROWS, SLICE_ROWS + 1, 2 * SLICE_ROWS + 1);
const anyPart = fc.record({ rows: size, by: fc.integer({ min: 2, max: 5 }), without: fc.integer({ min: 0, max: 5 }) });
const anyCase = fc.record({
  store: fc.constantFrom('memory' as const, 'embedded' as const),
  type: fc.constantFrom(...Object.keys(numberedKeys)),
  parts: fc.array(anyPart, { minLength: 2, maxLength: 3 }),
});

test('runs in slices give the rows, losses and history of all rows at once, whatever the keys and the sizes', async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ store, type, parts }) => {
      const { state, files, ...open } = await stores(store);
      const { online, offline } = open;
      const key = numberedKeys[type];
      let text = '';
      const view = viewOf(key, () => text);
      const schedule = await BatchSchedule.open({ ...open, views: [view] });
      const most = Math.max(...parts.map(({ rows }) => rows));
      const keys = Array.from({ length: most }, (_, i) => numberedKey(key, i));
      let before: readonly number[] = [];
      for (const [stamp, part] of parts.entries()) {
        state.now += DAY_MS;
        text = numberedSql(key, part.rows, partSql(part), stamp);
        const wanted = indexesOf(part);
        const run = await schedule.run(view, { acceptLoss: true });
        expect(run).toMatchObject({ rows: wanted.length, nullKeys: 0 });
        const lost = before.filter((i) => !has(part, i)).length;
        expect(schedule.health()[0]?.lostShare).toBe(before.length === 0 ? 0 : lost / before.length);
        const reads = keys.map((each) => ({ viewId: 'numbered@1', features: view.features, key: each }));
        const answers = await online.readBatch(reads);
        const values = keys.map((_, i) => (has(part, i) ? numberedValues(i, stamp) : null));
        expect(answers.map((answer) => answer?.values)).toEqual(values);
        before = wanted;
      }
      // Each generation is in the history, whole; one without rows as a row of no entity.
      const kept: (readonly unknown[])[] = [];
      const sql = `SELECT generation, COUNT(f_n), COALESCE(SUM(f_n), 0) FROM ${offline.relation(batchTable(view))} GROUP BY 1 ORDER BY 1`;
      for await (const rows of offline.query(sql)) kept.push(...rows.map((row) => row.map(Number)));
      const sums = parts.map((part, stamp) => {
        const of = indexesOf(part);
        return [stamp + 1, of.length, of.reduce((sum, i) => sum + i + stamp, 0)];
      });
      expect(kept).toEqual(sums);
      expect(files()).toEqual([]);
    }),
    { numRuns: runs(5, 100) },
  );
});

test('the store gets one slice at a time, and the next once it has taken the previous one', async () => {
  const { state: _, files: __, ...open } = await stores('memory');
  const { online } = open;
  const write = online.writeBatch.bind(online);
  const sizes: number[] = [];
  let inHand = 0;
  online.writeBatch = async (generation, features, rows) => {
    inHand += 1;
    expect(inHand).toBe(1);
    sizes.push(rows.length);
    await new Promise((resolve) => setImmediate(resolve));
    await write(generation, features, rows);
    inHand -= 1;
  };
  const key = numberedKeys['int'];
  const view = viewOf(key, () => numberedSql(key, 3 * SLICE_ROWS + 5, 'true', 0));
  const schedule = await BatchSchedule.open({ ...open, views: [view] });
  await schedule.run(view);
  expect(sizes).toEqual([SLICE_ROWS, SLICE_ROWS, SLICE_ROWS, 5]);
});

test.each(['memory', 'embedded'] as const)(
  'a run that fails in any slice changes nothing, and the next one is whole: %s',
  async (kind) => {
    const { state, files, ...open } = await stores(kind);
    const { online, offline } = open;
    const key = numberedKeys['text'];
    const rows = 3 * SLICE_ROWS + 5;
    let stamp = 0;
    const view = viewOf(key, () => numberedSql(key, rows, `i % 3 <> ${stamp % 3}`, stamp));
    const schedule = await BatchSchedule.open({ ...open, views: [view] });
    const [write, query, publish] = [
      online.writeBatch.bind(online),
      offline.query.bind(offline),
      offline.publishQueries.bind(offline),
    ];
    const served = async () => {
      const reads = [0, 1, 2, rows - 1].map((i) => ({
        viewId: 'numbered@1',
        features: view.features,
        key: numberedKey(key, i),
      }));
      return (await online.readBatch(reads)).map((answer) => answer?.values);
    };
    const history = async () => {
      const found: unknown[] = [];
      for await (const batch of query(
        `SELECT generation, COUNT(*) FROM ${offline.relation(batchTable(view))} GROUP BY 1 ORDER BY 1`,
      ))
        found.push(...batch.map((row) => row.map(Number)));
      return found;
    };
    await schedule.run(view);
    const faults: readonly (() => void)[] = [
      ...[1, 2].map((slices) => () => {
        let taken = 0;
        online.writeBatch = async (...slice) => {
          taken += 1;
          if (taken > slices) throw new Error('fault');
          await write(...slice);
        };
      }),
      ...[0, 1, 7].map((batches) => () => {
        offline.query = async function* (sql) {
          let given = 0;
          for await (const batch of query(sql)) {
            // The query that reads all columns of the file.
            if (/^SELECT "k_k", "f_n", "f_text", "f_many" FROM/.test(sql)) {
              given += 1;
              if (given > batches) throw new Error('fault');
            }
            yield batch;
          }
        };
      }),
      () => {
        offline.publishQueries = () => Promise.reject(new Error('fault'));
      },
    ];
    for (const fault of faults) {
      state.now += DAY_MS;
      stamp += 1;
      const [values, generations] = [await served(), await history()];
      fault();
      await expect(schedule.run(view, { acceptLoss: true })).rejects.toThrow('fault');
      expect(files()).toEqual([]);
      Object.assign(online, { writeBatch: write });
      Object.assign(offline, { query, publishQueries: publish });
      expect(await served()).toEqual(values);
      expect(await history()).toEqual(generations);
    }
    stamp += 1;
    await schedule.run(view, { acceptLoss: true });
    const wanted = [0, 1, 2, rows - 1].map((i) => (i % 3 === stamp % 3 ? null : numberedValues(i, stamp)));
    expect(await served()).toEqual(wanted);
    expect(schedule.health()).toMatchObject([{ succeeded: 2, failed: faults.length }]);
  },
);

test.each([
  ['BATCH_DUPLICATE_KEY', (rows: string) => `${rows} UNION ALL (${rows} ORDER BY k LIMIT 1 OFFSET ${SLICE_ROWS - 1})`],
  ['BATCH_DUPLICATE_KEY', (rows: string) => `${rows} UNION ALL (${rows} ORDER BY k LIMIT 1 OFFSET ${SLICE_ROWS})`],
  [
    'BATCH_TYPE',
    (rows: string) => `SELECT * REPLACE (CASE n WHEN 11111 THEN 9007199254740993 ELSE n END AS n) FROM (${rows})`,
  ],
  [
    'BATCH_TYPE',
    (rows: string) =>
      `SELECT * REPLACE (CASE n WHEN 11111 THEN [1, -9007199254740993] ELSE many END AS many) FROM (${rows})`,
  ],
  [
    'BATCH_SQL',
    (rows: string) => `SELECT * REPLACE (CASE n WHEN 11111 THEN [1, NULL] ELSE many END AS many) FROM (${rows})`,
  ],
])('a row anywhere that cannot be served is refused before a slice is written: %s', async (code, sqlOf) => {
  const { state: _, files, ...open } = await stores('memory');
  const key = numberedKeys['int'];
  const view = viewOf(key, () => sqlOf(numberedSql(key, SLICE_ROWS + 5_000, 'true', 0)));
  const schedule = await BatchSchedule.open({ ...open, views: [view] });
  let slices = 0;
  open.online.writeBatch = () => {
    slices += 1;
  };
  await expect(schedule.run(view)).rejects.toMatchObject({ code });
  expect(slices).toBe(0);
  expect(files()).toEqual([]);
});
