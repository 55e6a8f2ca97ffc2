import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../src/base/bytes.ts';
import { compareText } from '../../src/base/text-order.ts';
import type { EventSourceData, StreamViewData } from '../../src/features/define/declaration.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import type { Dialect } from '../../src/features/sql/dialect.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import { standard } from '../../src/features/sql/standard.ts';
import { encodeTile } from '../../src/features/tile/tile-codec.ts';
import type { Value } from '../../src/schema/column.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { engineOf } from '../tiles/golden-view.ts';
import { hasSharedData, sharedText, whySkipped } from '../tiles/shared-data.ts';
import { aggregate, column, int, serviceOf, text, viewOf } from './declare.ts';
import { createRaw, type LoggedDelivery, openForTest, relationOf, type TestDatabase } from './duckdb.ts';
import { changesOf, lives, retracting, source, view } from './row-lives.ts';
import { slidIn } from './slid-in.ts';
import { engineTables, sqlTables } from './tables-of.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Asked {
  readonly key: string;
  readonly q: number;
}

interface AskedOf {
  readonly view: StreamViewData;
  readonly spine: readonly Asked[];
  readonly mode: ReadMode;
  readonly dialect: Dialect;
  readonly slides?: boolean;
}

async function sqlAnswers(database: TestDatabase, { view, spine, mode, dialect, slides = false }: AskedOf) {
  const [keyName] = Object.keys(view.entity.key);
  const rows = spine.map(({ key, q }, i) => `('${i}', ${q}::BIGINT, '${key}')`);
  const options = {
    service: serviceOf(view),
    spine: `(SELECT * FROM (VALUES ${rows.join(', ')}) AS t(_id, _at, ${keyName}))`,
    mode,
    deliveriesOf: (source: EventSourceData) => relationOf(rawTable(source)),
    generationsOf: () => '',
    counts: false,
  };
  const slid = slides ? { slidOf: await slidIn(database, options) } : {};
  const query = pointInTimeQuery({ ...options, ...slid, dialect });
  const answers: (readonly Value[])[] = [];
  for (const row of await database.rows(query.sql))
    answers[Number(query.id(row))] = query.features.map(({ value }) => value(row));
  return answers;
}

const orNull = (values: readonly (Value | undefined)[]) => values.map((value) => value ?? null);

describe.skipIf(!hasSharedData)(`Chronon's changes${whySkipped}`, () => {
  interface Row {
    readonly listing_id: number;
    readonly ts: number;
    readonly rating: number;
    readonly ds: string;
    readonly mutation_ts?: number;
    readonly is_before?: boolean;
  }
  interface Case {
    readonly snapshotData: readonly Row[];
    readonly mutationData: readonly Row[];
    readonly window_days: number | null;
    readonly expected: readonly {
      readonly listing_id: number;
      readonly ts: number;
      readonly rating_average: number | null;
    }[];
  }
  const cases = hasSharedData
    ? Object.entries(
        (JSON.parse(sharedText('chronon/chronon_mutation_pit_cases.json')) as { cases: Record<string, Case> }).cases,
      )
    : [];
  const source = changesOf({ listing: text, rating: int }, { name: 'ratings' });

  const imageOf = ({ listing_id, ts, rating }: Row) => `${listing_id}.${ts}.${rating}`;

  /** The first snapshot at the end of its day, then the mutations; what a later snapshot has more or less is changed at its end. */
  function deliveries({ snapshotData, mutationData }: Case): readonly LoggedDelivery[] {
    const days = [...new Set(snapshotData.map(({ ds }) => ds))].sort(compareText);
    const changes: { readonly row: Row; readonly at: number; readonly gone: boolean }[] = mutationData
      .filter(({ ds }) => ds > days[0])
      .map((row) => ({ row, at: row.mutation_ts ?? 0, gone: row.is_before === true }));
    for (const day of days) {
      const end = Date.parse(`${day}T00:00:00Z`) + DAY - 1;
      const held = new Map<string, number>();
      const count = (row: Row, by: number) => held.set(imageOf(row), (held.get(imageOf(row)) ?? 0) + by);
      for (const { row, at, gone } of changes) if (at <= end) count(row, gone ? -1 : 1);
      for (const row of snapshotData.filter(({ ds }) => ds === day)) {
        const left = held.get(imageOf(row)) ?? 0;
        count(row, -1);
        if (left <= 0) changes.push({ row, at: end, gone: false });
      }
      for (const [image, left] of held) {
        const of = [...snapshotData, ...mutationData].find((row) => imageOf(row) === image);
        for (let i = 0; i < left && of !== undefined; i += 1) changes.push({ row: of, at: end, gone: true });
      }
    }
    return changes
      .sort((a, b) => a.at - b.at)
      .map(({ row, at, gone }, i): LoggedDelivery => {
        const id = `c${i}`;
        const cells = [id, at, String(row.listing_id), row.rating, imageOf(row), row.ts, gone];
        return { id, ts: at, ingestTs: at, row: cells, partition: 0, offset: i };
      });
  }

  test('has 26 expected answers', () => {
    expect(cases.flatMap(([, { expected }]) => expected)).toHaveLength(26);
  });

  test.each(cases)('%s: stream engine, SQL and scan give the expected averages', async (_, one) => {
    const windowMs = one.window_days === null ? null : one.window_days * DAY;
    const view = viewOf(
      source,
      { listing: 'listing' },
      [
        retracting(aggregate('average', 'mean', column('rating'), int)),
        retracting(aggregate('latest', 'last', column('rating'), int)),
      ],
      [{ name: 'w', windowMs, hopMs: HOUR }],
    );
    const changes = deliveries(one);
    const expected = one.expected.map(({ rating_average }) => rating_average);
    const scanned = one.expected.map(({ listing_id, ts }) => naiveAnswers(view, changes, String(listing_id), ts));
    expect(scanned.map(([average]) => average)).toEqual(expected);

    const { engine, reader, runsOf } = engineOf(view);
    const read: (Value | undefined)[][] = [];
    let applied = 0;
    for (const { listing_id, ts, at } of one.expected.map((row, at) => ({ ...row, at })).sort((a, b) => a.ts - b.ts)) {
      for (; applied < changes.length && changes[applied].ts < ts; applied += 1) engine.apply(changes[applied], 0);
      read[at] = [];
      expect(reader.read(runsOf(String(listing_id)), ts, read[at], 0)).toBe(ts);
    }
    expect(read).toEqual(scanned);

    const database = await openForTest();
    await createRaw(database, source, changes);
    const spine = one.expected.map(({ listing_id, ts }) => ({ key: String(listing_id), q: ts }));
    for (const dialect of [duckdb, standard])
      expect(await sqlAnswers(database, { view, spine, mode: 'corrected', dialect })).toEqual(scanned.map(orNull));
  });
});

const instants = [1, 10 * MINUTE, 17 * MINUTE + 3, 50 * MINUTE, 2 * HOUR];
const spine = ['a', 'b', 'nobody'].flatMap((key) => instants.map((q) => ({ key, q })));

test.each([
  ['duckdb', duckdb],
  ['standard', standard],
  ['sliding', duckdb],
] as const)(
  'at every instant %s SQL gives the rows that were there then, corrected and as known',
  async (name, dialect) => {
    const slides = name === 'sliding';
    const database = await openForTest();
    const exact = dialect === duckdb ? view : without(view, /_f$/);
    await fc.assert(
      fc.asyncProperty(lives, async (deliveries) => {
        await database.run(`DROP TABLE IF EXISTS ${relationOf(rawTable(source))}`);
        await createRaw(database, source, deliveries);
        const accepted = acceptedDeliveries(exact, deliveries);
        for (const mode of ['corrected', 'as-known'] as const) {
          const wanted = spine.map(({ key, q }) =>
            orNull(naiveAnswers(exact, accepted, key, q, mode === 'as-known' ? q : undefined)),
          );
          expect(await sqlAnswers(database, { view: exact, spine, mode, dialect, slides })).toEqual(wanted);
        }
      }),
      { numRuns: 4 },
    );
  },
);

function without(of: StreamViewData, name: RegExp): StreamViewData {
  const left = of.aggregates.filter((spec) => !name.test(spec.name));
  return viewOf(of.source, of.key, left, [{ name: 'short', windowMs: 10 * MINUTE, hopMs: MINUTE }]);
}

test.each([
  ['duckdb', duckdb],
  ['standard', standard],
] as const)('tiles of the engine and of %s SQL are equal, every column as text', async (_, dialect) => {
  const database = await openForTest();
  const exact = dialect === duckdb ? view : without(view, /_f$/);
  await fc.assert(
    fc.asyncProperty(lives, async (deliveries) => {
      expect(await sqlTables(database, exact, deliveries, dialect)).toEqual(engineTables(exact, deliveries));
    }),
    { numRuns: 4 },
  );
});

test('a read of tiles is the scan’s answer, or says from when on it can be one; arrival order changes no byte', () => {
  let refused = 0;
  fc.assert(
    fc.property(lives, fc.integer({ min: 0, max: 3 * HOUR }), (deliveries, q) => {
      const { engine, layout, reader, runsOf } = engineOf(view);
      for (const delivery of deliveries) engine.apply(delivery, delivery.partition);
      const accepted = acceptedDeliveries(view, deliveries);
      for (const key of ['a', 'b']) {
        const out: (Value | undefined)[] = [];
        const ready = reader.read(runsOf(key), q, out, 0);
        if (ready === q) expect(out).toEqual(naiveAnswers(view, accepted, key, q));
        else {
          refused += 1;
          expect(ready).toBeGreaterThan(q);
        }
      }
      const other = engineOf(view);
      for (const delivery of accepted.toReversed()) other.engine.apply(delivery, 0);
      for (const key of ['a', 'b']) expect(bytesOf(layout, other.runsOf(key))).toEqual(bytesOf(layout, runsOf(key)));
    }),
    { numRuns: 40 },
  );
  expect(refused).toBeGreaterThan(0);
});

function bytesOf(
  layout: ReturnType<typeof engineOf>['layout'],
  runs: ReturnType<ReturnType<typeof engineOf>['runsOf']>,
) {
  return runs.map((run, hop) => {
    const writer = new ByteWriter();
    for (let i = 0; i < run.length; i += 1) encodeTile(writer, layout, view.hopsMs[hop], run, i);
    return [...writer.finish()];
  });
}
