import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchViewData, FeatureServiceData } from '../../src/features/define/declaration.ts';
import { batchTable } from '../../src/features/plan/batch-table.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import type { Value } from '../../src/schema/column.ts';
import { float, int64, text } from './declare.ts';
import { openForTest, relationOf, type TestDatabase } from './duckdb.ts';

const view: BatchViewData = {
  kind: 'batchView',
  name: 'history',
  version: 1,
  entity: { kind: 'entity', name: 'route', key: { origin: text, destination: text } },
  schedule: '0 3 * * *',
  freshnessMs: 93_600_000,
  reads: {},
  features: { mean_delay: float, flights: int64 },
  sql: { kind: 'sql', text: '' },
};

const service: FeatureServiceData = {
  kind: 'featureService',
  name: 'departure',
  version: 1,
  request: { from: text, to: text },
  p99Ms: null,
  lookups: [{ alias: 'h', view, key: { origin: 'from', destination: 'to' }, features: ['mean_delay', 'flights'] }],
  computed: [],
  features: [],
};

const spine = { name: 'spine', columns: { _id: 'STRING', _at: 'BIGINT', from: 'STRING', to: 'STRING' } } as const;

interface Generation {
  readonly visibleFrom: number;
  readonly rows: Readonly<Record<string, readonly [number | null, bigint | null]>>;
}

interface Asked {
  readonly at: number;
  readonly key: string | null;
}

async function ask(
  database: TestDatabase,
  generations: readonly Generation[],
  asked: readonly Asked[],
): Promise<readonly (readonly Value[])[]> {
  const table = batchTable(view);
  await database.run(`DROP TABLE IF EXISTS ${relationOf(table)}; DROP TABLE IF EXISTS spine`);
  const rows = generations.flatMap(({ visibleFrom, rows }, index) => {
    const run = [index + 1, visibleFrom - 10, visibleFrom];
    if (Object.keys(rows).length === 0) return [[null, null, ...run, null, null]];
    return Object.entries(rows).map(([key, values]) => [key, 'x', ...run, ...values]);
  });
  await database.create(table, rows);
  await database.create(
    spine,
    asked.map(({ at, key }, index) => [String(index), at, key, 'x']),
  );
  const query = pointInTimeQuery({
    service,
    spine: 'spine',
    mode: 'corrected',
    deliveriesOf: () => '',
    generationsOf: (of) => relationOf(batchTable(of)),
    counts: false,
    dialect: duckdb,
  });
  const found = await database.rows(query.sql);
  const answers: (readonly Value[])[] = asked.map(() => []);
  for (const row of found) answers[Number(query.id(row))] = query.features.map(({ value }) => value(row));
  expect(found.length).toBe(asked.length);
  return answers;
}

test('an instant sees the newest generation that was visible, whether or not the key is in it', async () => {
  const database = await openForTest();
  const generations: readonly Generation[] = [
    { visibleFrom: 100, rows: { ATL: [1.5, 10n], SFO: [2, null] } },
    { visibleFrom: 200, rows: { ATL: [3.5, 20n] } },
  ];
  const asked = [
    { at: 99, key: 'ATL' },
    { at: 100, key: 'ATL' },
    { at: 199, key: 'SFO' },
    { at: 200, key: 'ATL' },
    { at: 200, key: 'SFO' },
    { at: 500, key: null },
    { at: 500, key: 'nowhere' },
    { at: 500, key: 'ATL' },
    { at: 500, key: 'ATL' },
  ];
  expect(await ask(database, generations, asked)).toEqual([
    [null, null],
    [1.5, 10n],
    [2, null],
    [3.5, 20n],
    [null, null],
    [null, null],
    [null, null],
    [3.5, 20n],
    [3.5, 20n],
  ]);
});

const row = fc.tuple(fc.option(fc.integer().map(Number)), fc.option(fc.bigInt(-9n, 9n)));
const key = fc.constantFrom('a', 'b', 'c');
const generation = fc.record({
  visibleFrom: fc.integer({ min: 0, max: 30 }),
  rows: fc.dictionary(key, row, { noNullPrototype: true }),
});

test('random generations are read as a scan reads them; of two visible from one instant the later counts', async () => {
  const database = await openForTest();
  await fc.assert(
    fc.asyncProperty(
      fc.array(generation, { maxLength: 5 }),
      fc.array(fc.record({ at: fc.integer({ min: -1, max: 31 }), key: fc.option(key) }), { maxLength: 12 }),
      async (generations, asked) => {
        const expected = asked.map(({ at, key }) => {
          const visible = generations.filter(({ visibleFrom }) => visibleFrom <= at);
          const newest = visible.reduce<Generation | null>(
            (best, each) => (best === null || each.visibleFrom >= best.visibleFrom ? each : best),
            null,
          );
          return (key === null ? null : newest?.rows[key]) ?? [null, null];
        });
        expect(await ask(database, generations, asked)).toEqual(expected);
      },
    ),
    { numRuns: 25 },
  );
});
