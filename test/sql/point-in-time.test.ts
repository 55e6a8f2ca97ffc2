import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floorTo } from '../../src/base/time.ts';
import { aggregateOf } from '../../src/features/aggregate/aggregates.ts';
import type { AggregateSpec, StreamViewData } from '../../src/features/define/declaration.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { viewKeyEncoder } from '../../src/features/engine/stream-engine.ts';
import { compileExpression } from '../../src/features/expression/compile.ts';
import { PART_KINDS } from '../../src/features/plan/parts.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import { standard } from '../../src/features/sql/standard.ts';
import { windowsOf } from '../../src/features/window/view-windows.ts';
import type { Value } from '../../src/schema/column.ts';
import { entityKeyEncoder } from '../../src/schema/entity-key.ts';
import { acceptedDeliveries } from '../../src/testing/oracle/naive-scan.ts';
import { serviceOf, viewOf } from './declare.ts';
import { createRaw, type LoggedDelivery, openForTest, relationOf } from './duckdb.ts';
import { slidIn } from './slid-in.ts';
import { everyAggregate, source, stream } from './streams.ts';

const windows = [
  { name: 'w1', windowMs: 1000, hopMs: 1 },
  { name: 'w2', windowMs: 300_000, hopMs: 60_000 },
  { name: 'w3', windowMs: 400_000, hopMs: 60_000 },
  { name: 'w4', windowMs: 14 * 86_400_000, hopMs: 13 * 86_400_000 },
  { name: 'ever', windowMs: null, hopMs: 1000 },
];

interface Asked {
  readonly q: number;
  readonly key: readonly [string | null, string | null];
}

const asked: fc.Arbitrary<Asked> = fc.record({
  q: fc.oneof(
    fc.integer({ min: -1_000_000, max: 2_000_000 }),
    fc.constantFrom(-300_000, 0, 1, 60_000, 299_999, 300_000, 300_001),
  ),
  key: fc.tuple(fc.constantFrom('t1', 't1|u', 'absent', null), fc.constantFrom('u|1', '1', null)),
});

/** The oracle: selects a window's events by scanning all, and folds them by the algebra. */
function scan(view: StreamViewData, deliveries: readonly Delivery[], { q, key }: Asked, mode: ReadMode) {
  const encoded = entityKeyEncoder(view.entity.key)(key);
  if (encoded === null) return { values: view.features.map(() => null), counts: windowsOf(view).map(() => null) };
  const keyOf = viewKeyEncoder(view);
  const mine = deliveries.filter(
    ({ row, ingestTs }) => keyOf(row) === encoded && (mode === 'corrected' || ingestTs <= q),
  );
  const inWindow = (windowMs: number | null, hopMs: number) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY);
    const from = length === Number.POSITIVE_INFINITY ? -length : floorTo(q - length, hopMs);
    return mine.filter(({ ts }) => from <= ts && ts < q);
  };
  const values = view.features.map(({ aggregate: index, windowMs, hopMs }): Value => {
    const spec = view.aggregates[index];
    const aggregate = aggregateOf(spec);
    const input = spec.input === null ? () => null : compileExpression(spec.input, view.source.columns);
    const cells = { nums: new Float64Array(aggregate.numbers), objs: new Array(aggregate.objects) };
    aggregate.prepare(cells, 0, 0);
    for (const { row, ts, id } of inWindow(windowMs, hopMs)) aggregate.update(cells, 0, 0, input(row), ts, id);
    return aggregate.finalise(cells, 0, 0) ?? null;
  });
  return { values, counts: windowsOf(view).map(({ windowMs, hopMs }) => inWindow(windowMs, hopMs).length) };
}

/** The first delivery of an id, of another time, is stamped later than a second one that an instant before it would count. */
const stampedBackwards: [AggregateSpec[], LoggedDelivery[], Asked[]] = [
  everyAggregate.filter(({ kind }) => kind === 'last').slice(0, 1),
  [delivery('A13', 300_000, 900_000, 0), delivery('A13', 0, -60_000, 1, 't1|u', '1')],
  [{ q: 60_000, key: ['t1|u', '1'] }],
];

test.each([
  ['duckdb', 'corrected', null, duckdb],
  ['duckdb', 'as-known', null, duckdb],
  ['duckdb', 'corrected', 350_000, duckdb],
  ['standard', 'corrected', null, standard],
  ['standard', 'as-known', 200_000, standard],
  ['sliding', 'corrected', null, duckdb],
  ['sliding', 'as-known', null, duckdb],
  ['sliding', 'corrected', 350_000, duckdb],
  ['sliding', 'as-known', 200_000, duckdb],
] as const)('%s SQL answers as a scan of all events does: %s, ttl %s', async (name, mode, ttlMs, dialect) => {
  const database = await openForTest();
  const relation = relationOf(rawTable(source));
  const spine = { name: 'spine', columns: { _id: 'STRING', _at: 'BIGINT', k1: 'STRING', k2: 'STRING' } } as const;
  const slides = name === 'sliding';
  const chosen = everyAggregate.filter(({ kind }) => !slides || PART_KINDS.some((part) => part === kind));
  const some = fc.subarray(chosen, { minLength: 1, maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(some, stream, fc.array(asked, { maxLength: 20 }), async (aggregates, deliveries, points) => {
      const view = viewOf(source, { k1: 'tenant', k2: 'user' }, aggregates, windows, { ttlMs });
      const rows = [...points, ...points.slice(0, 2)];
      await database.run(`DROP TABLE IF EXISTS ${relation}; DROP TABLE IF EXISTS spine`);
      await createRaw(database, source, deliveries);
      await database.create(
        spine,
        rows.map(({ q, key }, index) => [String(index), q, ...key]),
      );
      const options = {
        service: serviceOf(view),
        spine: relationOf(spine),
        mode,
        deliveriesOf: () => relation,
        generationsOf: () => '',
        counts: true,
      };
      const slid = slides ? { slidOf: await slidIn(database, options) } : {};
      const query = pointInTimeQuery({ ...options, ...slid, dialect });
      const accepted = acceptedDeliveries(view, deliveries);
      const found = await database.rows(query.sql);
      expect(found.length).toBe(rows.length);
      for (const row of found) {
        const point = rows[Number(query.id(row))];
        const expected = scan(view, accepted, point, mode);
        const values = query.features.map(({ value }) => value(row));
        expect([query.at(row), ...query.request(row)]).toEqual([point.q, ...point.key]);
        expect(named(view, values)).toEqual(named(view, expected.values));
        expect(query.counts.map(({ events }) => events(row))).toEqual(expected.counts);
      }
    }),
    { numRuns: 8, ...(slides ? {} : { examples: [stampedBackwards] }) },
  );
});

function delivery(id: string, ts: number, ingestTs: number, offset: number, ...key: string[]): LoggedDelivery {
  const row = Object.keys(source.columns).map((_, i): Value => [id, ts, ...key][i] ?? null);
  return { id, ts, ingestTs, row, partition: 1, offset };
}

function named(view: StreamViewData, values: readonly Value[]): Readonly<Record<string, Value>> {
  return Object.fromEntries(view.features.map(({ name }, index) => [name, values[index]]));
}
