import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import type { Dialect } from '../../src/features/sql/dialect.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../../src/features/sql/event-queries.ts';
import { pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import { standard } from '../../src/features/sql/standard.ts';
import type { Value } from '../../src/schema/column.ts';
import { aggregate, column, int, int64, serviceOf, sourceOf, text, viewOf } from './declare.ts';
import { createRaw, openForTest, relationOf, type TestDatabase } from './duckdb.ts';

const dialects = [duckdb, standard];

interface Golden {
  readonly windows_ms: Readonly<Record<string, number | null>>;
  readonly hops_ms: Readonly<Record<string, number | null>>;
  readonly answers: readonly (Record<string, unknown> & {
    query_ts: number;
    windows: Record<string, Record<string, unknown>>;
  })[];
}

function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8')) as T;
}

function windowsOfGolden({ windows_ms, hops_ms }: Golden) {
  return Object.entries(windows_ms).map(([name, windowMs]) => ({ name, windowMs, hopMs: hops_ms[name] ?? 300_000 }));
}

/** The answers of a view at (key, q), by spine id. */
async function answers(
  database: TestDatabase,
  view: StreamViewData,
  spine: readonly (readonly [id: string, q: number, ...key: string[]])[],
  { mode, dialect }: { readonly mode: ReadMode; readonly dialect: Dialect },
): Promise<ReadonlyMap<string, Readonly<Record<string, Value>>>> {
  const keys = Object.keys(view.entity.key);
  const table = {
    name: `spine_${view.source.name}_${mode}`,
    columns: { _id: 'STRING', _at: 'BIGINT', ...Object.fromEntries(keys.map((key) => [key, 'STRING'] as const)) },
  } as const;
  await database.create(table, spine);
  const query = pointInTimeQuery({
    service: serviceOf(view),
    spine: relationOf(table),
    mode,
    deliveriesOf: (source) => relationOf(rawTable(source)),
    generationsOf: () => '',
    counts: false,
    dialect,
  });
  const rows = await database.rows(query.sql);
  return new Map(
    rows.map((row) => [
      String(query.id(row)),
      Object.fromEntries(query.features.map(({ feature, value }) => [feature, value(row)])),
    ]),
  );
}

test.each(dialects.map((dialect) => [dialect.name, dialect] as const))(
  'sawtooth answers, in %s SQL',
  async (_, dialect) => {
    const database = await openForTest();
    const data = golden<
      Golden & { events: { id: string; key: string; ts: number; value: number | null; cat: string | null }[] }
    >('sawtooth_golden.json');
    const source = sourceOf({ key: text, value: int, cat: text }, { name: `sawtooth_${dialect.name}` });
    const view = viewOf(
      source,
      { key: 'key' },
      [
        aggregate('rows', 'count'),
        aggregate('count_value', 'count', column('value'), int),
        aggregate('sum', 'sum', column('value'), int),
        aggregate('mean', 'mean', column('value'), int),
        aggregate('variance', 'variancePop', column('value'), int),
        aggregate('min', 'min', column('value'), int),
        aggregate('max', 'max', column('value'), int),
        aggregate('first', 'first', column('value'), int),
        aggregate('last', 'last', column('value'), int),
        aggregate('last_3', 'lastN', column('value'), int, { n: 3 }),
        aggregate('distinct_cat', 'distinct', column('cat'), text, { cap: 100 }),
        aggregate('top3_cat', 'topK', column('cat'), text, { k: 3, cap: 100 }),
      ],
      windowsOfGolden(data),
    );
    await createRaw(
      database,
      source,
      data.events.map(({ id, key, ts, value, cat }, offset) => ({
        id,
        ts,
        ingestTs: ts,
        row: [id, ts, key, value, cat],
        partition: 0,
        offset,
      })),
    );
    const spine = data.answers.map((answer, index) => [String(index), answer.query_ts, String(answer.key)] as const);
    const found = await answers(database, view, spine, { mode: 'corrected', dialect });
    let compared = 0;
    data.answers.forEach((answer, index) => {
      const row = found.get(String(index)) ?? {};
      for (const [window, expected] of Object.entries(answer.windows)) {
        const counted = Number(expected.count_value);
        const sum = Number(expected.sum);
        const numerator = counted * Number(expected.sumsq) - sum * sum;
        expect({
          count_rows: row[`rows_${window}`],
          count_value: row[`count_value_${window}`],
          sum: row[`sum_${window}`],
          mean: row[`mean_${window}`],
          variance: row[`variance_${window}`],
          min: row[`min_${window}`],
          max: row[`max_${window}`],
          first: row[`first_${window}`],
          last: row[`last_${window}`],
          last_3: row[`last_3_${window}`],
          distinct_cat: row[`distinct_cat_${window}`],
          top3_cat: row[`top3_cat_${window}`],
        }).toEqual({
          count_rows: expected.count_rows,
          count_value: expected.count_value,
          sum: expected.sum,
          mean: counted === 0 ? null : sum / counted,
          variance: counted === 0 ? null : numerator / (counted * counted),
          min: expected.min,
          max: expected.max,
          first: expected.first,
          last: expected.last,
          last_3: expected.last_3,
          distinct_cat: expected.distinct_cat,
          top3_cat: (expected.top3_cat as [string, number][]).map(([value]) => value),
        });
        compared += 1;
      }
    });
    expect(compared).toBe(220);
  },
);

interface Faults extends Golden {
  readonly lateness_ms: number;
  readonly future_skew_ms: number;
  readonly counters: { readonly accepted: number };
  readonly deliveries: {
    id: string;
    tenant: string;
    user: string;
    ts: number;
    ingest_ts: number;
    value: string | null;
    cat: string | null;
  }[];
}

test.each(dialects.map((dialect) => [dialect.name, dialect] as const))(
  'answers under delivery faults, in %s SQL',
  async (_, dialect) => {
    const database = await openForTest();
    const data = golden<Faults>('delivery_faults_golden.json');
    const source = sourceOf(
      { tenant: text, user: text, value: int64, cat: text },
      { name: `faults_${dialect.name}`, latenessMs: data.lateness_ms, futureSkewMs: data.future_skew_ms },
    );
    const view = viewOf(
      source,
      { tenant: 'tenant', user: 'user' },
      [
        aggregate('rows', 'count'),
        aggregate('count_value', 'count', column('value'), int64),
        aggregate('sum', 'sum', column('value'), int64),
        aggregate('min', 'min', column('value'), int64),
        aggregate('max', 'max', column('value'), int64),
        aggregate('first', 'first', column('value'), int64),
        aggregate('last', 'last', column('value'), int64),
        aggregate('last_3', 'lastN', column('value'), int64, { n: 3 }),
        aggregate('last_cat', 'last', column('cat'), text),
        aggregate('distinct_cat', 'distinct', column('cat'), text, { cap: 100 }),
        aggregate('top2_cat', 'topK', column('cat'), text, { k: 2, cap: 100 }),
      ],
      windowsOfGolden(data),
    );
    await createRaw(
      database,
      source,
      data.deliveries.map(({ id, tenant, user, ts, ingest_ts, value, cat }, offset) => ({
        id,
        ts,
        ingestTs: ingest_ts,
        row: [id, ts, tenant, user, value === null ? null : BigInt(value), cat],
        partition: 0,
        offset,
      })),
    );
    const accepted = await database.rows(acceptedEventsQuery(source, relationOf(rawTable(source)), dialect));
    expect(accepted.length).toBe(data.counters.accepted);
    const spine = data.answers.map(
      (answer, index) => [String(index), answer.query_ts, String(answer.tenant), String(answer.user)] as const,
    );
    const found = await answers(database, view, spine, { mode: 'corrected', dialect });
    const known = await answers(database, view, spine, { mode: 'as-known', dialect });
    const big = (value: unknown) => (value === null ? null : BigInt(String(value)));
    let compared = 0;
    data.answers.forEach((answer, index) => {
      const row = found.get(String(index)) ?? {};
      const then = known.get(String(index)) ?? {};
      for (const [window, expected] of Object.entries(answer.windows)) {
        const asKnown = expected.as_known_at_query as Record<string, unknown>;
        expect({
          ...Object.fromEntries(view.aggregates.map(({ name }) => [name, row[`${name}_${window}`]])),
          known: { rows: then[`rows_${window}`], sum: then[`sum_${window}`], last: then[`last_${window}`] },
        }).toEqual({
          rows: expected.count_rows,
          count_value: expected.count_value,
          sum: big(expected.sum),
          min: big(expected.min),
          max: big(expected.max),
          first: big(expected.first),
          last: big(expected.last),
          last_3: (expected.last_3 as string[]).map(BigInt),
          last_cat: expected.last_cat,
          distinct_cat: expected.distinct_cat,
          top2_cat: (expected.top2_cat as [string, number][]).map(([value]) => value),
          known: { rows: asKnown.count_rows, sum: big(asKnown.sum), last: big(asKnown.last) },
        });
        compared += 1;
      }
    });
    expect(compared).toBe(120);
  },
);
