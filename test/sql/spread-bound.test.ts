import { afterAll, beforeAll, expect, test } from 'vitest';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import { standard } from '../../src/features/sql/standard.ts';
import type { Value } from '../../src/schema/column.ts';
import { entityKeyEncoder } from '../../src/schema/entity-key.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { engineOf } from '../tiles/golden-view.ts';
import { aggregate, column, int64, serviceOf, sourceOf, text, viewOf } from './declare.ts';
import { createRaw, type LoggedDelivery, openDatabase, relationOf, type TestDatabase } from './duckdb.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

const kinds = ['variancePop', 'varianceSample', 'stddevPop', 'stddevSample', 'sum', 'mean'] as const;
const source = sourceOf({ key: text, value: int64 });
const view = viewOf(
  source,
  { key: 'key' },
  kinds.map((kind) =>
    aggregate(
      kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      kind,
      column('value'),
      int64,
    ),
  ),
  [{ name: 'ever', windowMs: null, hopMs: 1000 }],
);

/** `n` events whose n·Σx² is n²·x²: 3,162 of 3·10^15 are within 9·10^37, one more is beyond. */
function eventsOf(n: number): readonly LoggedDelivery[] {
  return Array.from({ length: n }, (_, i) => {
    const value = i % 2 === 0 ? 3n * 10n ** 15n : -3n * 10n ** 15n;
    const row: readonly Value[] = [`e${i}`, i, 'k', value];
    return { id: `e${i}`, ts: i, ingestTs: i, row, partition: 0, offset: i };
  });
}

test.each([
  [3_162, true],
  [3_163, false],
] as const)('a spread over %i values of 3·10^15 has an answer on every engine, or on none: %s', async (n, has) => {
  const deliveries = eventsOf(n);
  const key = entityKeyEncoder(view.entity.key)(['k']) ?? '';
  const oracle = naiveAnswers(view, acceptedDeliveries(view, deliveries), key, 4_000);
  expect(oracle.slice(0, 4).every((answer) => answer !== undefined)).toBe(has);
  const { engine, reader, runsOf } = engineOf(view);
  for (const delivery of deliveries) engine.apply(delivery, 0);
  const held: (Value | undefined)[] = [];
  expect(reader.read(runsOf(key), 4_000, held, 0)).toBe(4_000);
  expect(held).toEqual(oracle);
  await database.run(`DROP TABLE IF EXISTS ${relationOf(rawTable(source))}`);
  await createRaw(database, source, deliveries);
  for (const dialect of [duckdb, standard]) {
    const query = pointInTimeQuery({
      service: serviceOf(view),
      spine: `(SELECT '0' AS _id, CAST(4000 AS BIGINT) AS _at, 'k' AS key)`,
      mode: 'corrected',
      deliveriesOf: () => relationOf(rawTable(source)),
      generationsOf: () => '',
      counts: false,
      dialect,
    });
    const [row] = await database.rows(query.sql);
    expect(query.features.map(({ value }) => value(row))).toEqual(oracle.map((answer) => answer ?? null));
  }
});
