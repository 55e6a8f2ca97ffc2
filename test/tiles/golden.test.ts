import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { floorTo } from '../../src/base/time.ts';
import type { PartRow } from '../../src/features/aggregate/aggregate.ts';
import { aggregateOf } from '../../src/features/aggregate/aggregates.ts';
import { bucketAndRho } from '../../src/features/aggregate/approx-distinct.ts';
import { HLL_REGISTERS } from '../../src/features/aggregate/registers.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, lowerBound, type TileRun, tileAt } from '../../src/features/tile/tile-run.ts';
import { upsertTile } from '../../src/features/tile/upsert.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { entityKeyEncoder } from '../../src/schema/entity-key.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { aggregate, engineOf, golden, testView } from './golden-view.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface WindowAnswer {
  readonly [name: string]: Value | readonly (readonly [string, number])[];
}

const int = { type: 'int', nullable: true } as const;
const int64 = { type: 'int64', nullable: true } as const;
const text = { type: 'text', nullable: true } as const;

function aggregatesOf(value: typeof int | typeof int64) {
  return [
    aggregate('count_rows', 'count', null, null),
    aggregate('count_value', 'count', 'value', value),
    aggregate('sum', 'sum', 'value', value),
    aggregate('min', 'min', 'value', value),
    aggregate('max', 'max', 'value', value),
    aggregate('first', 'first', 'value', value),
    aggregate('last', 'last', 'value', value),
    aggregate('last_3', 'lastN', 'value', value, { n: 3 }),
    aggregate('last_cat', 'last', 'cat', text),
    aggregate('distinct_cat', 'distinct', 'cat', text, { cap: 1000 }),
  ];
}

test('sawtooth golden: 220 windows, 44 queries, each answered live and never from the future', () => {
  const data = golden<{
    windows_ms: Record<string, number>;
    hops_ms: Record<string, number>;
    events: { id: string; key: string; ts: number; value: number | null; cat: string | null }[];
    answers: { key: string; query_ts: number; windows: Record<string, WindowAnswer> }[];
  }>('sawtooth_golden');
  const columns: Columns = {
    id: { type: 'text', nullable: false },
    key: text,
    ts: { type: 'time', nullable: false },
    value: int,
    cat: text,
  };
  const view = testView({
    columns,
    key: ['key'],
    latenessMs: 100 * DAY,
    futureSkewMs: 100 * DAY,
    aggregates: [
      ...aggregatesOf(int),
      aggregate('top3_cat', 'topK', 'cat', text, { k: 3, cap: 1000 }),
      aggregate('variance', 'variancePop', 'value', int),
    ],
    windows: Object.keys(data.windows_ms).map((name) => ({
      windowMs: data.windows_ms[name],
      hopMs: data.hops_ms[name],
    })),
    hopsMs: [5 * MINUTE, HOUR, DAY],
  });
  const deliveries = data.events.map(
    ({ id, key, ts, value, cat }): Delivery => ({ id, ts, ingestTs: ts, row: [id, key, ts, value, cat] }),
  );
  const all = engineOf(view);
  for (const delivery of deliveries) all.engine.apply(delivery, 0);
  let answers = 0;
  let refused = 0;
  for (const { key, query_ts: q, windows } of data.answers) {
    const live = engineOf(view);
    for (const delivery of deliveries) if (delivery.ts < q) live.engine.apply(delivery, 0);
    const got: (Value | undefined)[] = [];
    expect(live.reader.read(live.runsOf(key), q, got, 0)).toBe(q);
    const late: (Value | undefined)[] = [];
    const ready = all.reader.read(all.runsOf(key), q, late, 0);
    if (ready === q) expect(late).toEqual(got);
    else refused += 1;
    expect(naiveAnswers(view, acceptedDeliveries(view, deliveries), key, q)).toEqual(got);
    Object.values(windows).forEach((want, w) => {
      const names = view.aggregates.map(({ name }) => name);
      const answer = Object.fromEntries(names.map((name, i) => [name, got[w * names.length + i]]));
      for (const name of names.slice(0, 8)) expect(answer[name], `${name} of ${key} at ${q}`).toEqual(want[name]);
      expect(answer['distinct_cat']).toBe(want['distinct_cat']);
      expect(answer['top3_cat']).toEqual(
        (want['top3_cat'] as readonly (readonly [string, number])[]).map(([value]) => value),
      );
      // The partials themselves, merged from the smallest tiles between from_ts and q.
      const [run] = live.runsOf(key);
      const from = Number(want['from_ts']);
      const { windowMs, hopMs } = view.features[w * names.length];
      expect(from).toBe(floorTo(q - Number(windowMs), hopMs));
      const spread = mergedPartial(live.layout, run, from, q, 'variance');
      expect(spread.columns.map((value) => (value === null ? null : Number(value)))).toEqual([
        want['sum'],
        want['count_value'],
        want['sumsq'],
      ]);
      expect(mostFrequent(mergedPartial(live.layout, run, from, q, 'top3_cat').parts, 3)).toEqual(want['top3_cat']);
      const n = Number(want['count_value']);
      if (n > 0) {
        const numerator = BigInt(n) * BigInt(Number(want['sumsq'])) - BigInt(Number(want['sum'])) ** 2n;
        expect(answer['variance']).toBe(Number(numerator) / (n * n));
      }
      answers += 1;
    });
  }
  expect(answers).toBe(220);
  expect(refused).toBeGreaterThan(0);
});

test('delivery-faults golden: admission counters and 120 windows, as corrected and as known', () => {
  const data = golden<{
    lateness_ms: number;
    future_skew_ms: number;
    windows_ms: Record<string, number | null>;
    hops_ms: Record<string, number | null>;
    counters: Record<string, number>;
    deliveries: {
      id: string;
      tenant: string;
      user: string;
      ts: number;
      ingest_ts: number;
      value: string | null;
      cat: string | null;
    }[];
    answers: {
      tenant: string;
      user: string;
      query_ts: number;
      windows: Record<string, WindowAnswer & { as_known_at_query: WindowAnswer }>;
    }[];
  }>('delivery_faults_golden');
  const columns: Columns = {
    id: { type: 'text', nullable: false },
    tenant: text,
    user: text,
    ts: { type: 'time', nullable: false },
    value: int64,
    cat: text,
  };
  const view = testView({
    columns,
    key: ['tenant', 'user'],
    latenessMs: data.lateness_ms,
    futureSkewMs: data.future_skew_ms,
    aggregates: [...aggregatesOf(int64), aggregate('top2_cat', 'topK', 'cat', text, { k: 2, cap: 1000 })],
    windows: Object.keys(data.windows_ms).map((name) => ({
      windowMs: data.windows_ms[name],
      hopMs: data.hops_ms[name] ?? DAY,
    })),
    hopsMs: [5 * MINUTE, HOUR, DAY],
  });
  const deliveries = data.deliveries.map(
    (d): Delivery => ({
      id: d.id,
      ts: d.ts,
      ingestTs: d.ingest_ts,
      row: [d.id, d.tenant, d.user, d.ts, d.value === null ? null : BigInt(d.value), d.cat],
    }),
  );
  const counted = engineOf(view);
  for (const delivery of deliveries) counted.engine.apply(delivery, 0);
  const { accepted, duplicate, future, late } = counted.engine.admission.counters;
  const want = data.counters;
  expect({ accepted, future, refused: duplicate + late }).toEqual({
    accepted: want['accepted'],
    future: want['future'],
    refused: want['duplicates'] + want['late'],
  });
  expect(new Set(deliveries.map(({ id }) => id)).size).toBe(want['distinct_ids']);
  const keyOf = entityKeyEncoder(view.entity.key);
  const names = view.aggregates.map(({ name }) => name);
  let answers = 0;
  for (const { tenant, user, query_ts: q, windows } of data.answers) {
    const key = keyOf([tenant, user]) ?? '';
    const { answers: corrected, layout, run } = answersAt(view, deliveries, key, q, Number.POSITIVE_INFINITY);
    const { answers: known } = answersAt(view, deliveries, key, q, q);
    const good = acceptedDeliveries(view, deliveries);
    expect(naiveAnswers(view, good, key, q)).toEqual(corrected);
    expect(naiveAnswers(view, good, key, q, q)).toEqual(known);
    Object.values(windows).forEach((want, w) => {
      const at = (all: readonly unknown[], name: string) => all[w * names.length + names.indexOf(name)];
      for (const name of names.slice(0, 10))
        expect(asGolden(at(corrected, name)), `${name} of ${key} at ${q}`).toEqual(want[name]);
      const from = want['from_ts'] === null ? Number.NEGATIVE_INFINITY : Number(want['from_ts']);
      const { parts } = mergedPartial(layout, run, from, q, 'top2_cat');
      expect(mostFrequent(parts, 2)).toEqual(want['top2_cat']);
      expect(at(corrected, 'top2_cat')).toEqual(
        (want['top2_cat'] as readonly (readonly [string, number])[]).map(([value]) => value),
      );
      for (const [name, value] of Object.entries(want.as_known_at_query))
        expect(asGolden(at(known, name))).toEqual(value);
      answers += 1;
    });
  }
  expect(answers).toBe(120);
});

/** The engine's answers at q over the deliveries that arrived by `knownAt`, with none at or after q in its tiles. */
function answersAt(
  view: Parameters<typeof engineOf>[0],
  deliveries: readonly Delivery[],
  key: string,
  q: number,
  knownAt: number,
) {
  const { engine, layout, reader, runsOf } = engineOf(view);
  const admitted = new Set(acceptedDeliveries(view, deliveries));
  for (const delivery of deliveries)
    if (delivery.ts < q && delivery.ingestTs <= knownAt && admitted.has(delivery)) engine.apply(delivery, 0);
  const answers: (Value | undefined)[] = [];
  expect(reader.read(runsOf(key), q, answers, 0)).toBe(q);
  return { answers, layout, run: runsOf(key)[0] };
}

/** One aggregate's partial over the tiles with from <= start < to. */
function mergedPartial(layout: TileLayout, run: TileRun, from: number, to: number, name: string) {
  const { numbers, objects, partials } = layout;
  const place = partials.find((partial) => partial.name === name);
  if (place === undefined) throw new Error(`no aggregate ${name}`);
  const { aggregate: algebra, num, obj } = place;
  const [first, end] = [lowerBound(run, layout, from), lowerBound(run, layout, to)];
  const cells = { nums: new Float64Array(algebra.numbers), objs: new Array(algebra.objects).fill(null) };
  algebra.prepare(cells, 0, 0);
  algebra.mergeRange(cells, 0, 0, run, first * numbers + num, first * objects + obj, numbers, objects, end - first);
  return { columns: algebra.toColumns(cells, 0, 0), parts: algebra.parts?.toParts(cells, 0, 0) ?? [] };
}

/** The first of the parts by (count descending, bytes ascending), with their counts. */
function mostFrequent(parts: readonly PartRow[], k: number): readonly (readonly [string, number])[] {
  return parts
    .map(({ part, value }) => [String(part), Number(value)] as const)
    .sort(([a, x], [b, y]) => y - x || Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .slice(0, k);
}

function asGolden(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return Array.isArray(value) ? value.map(asGolden) : value;
}

test('tile upserts golden: 12 writes, 5 final tiles', () => {
  const data = golden<{
    writes: {
      view: string;
      key: string[];
      hop_ms: number;
      tile_start: number;
      version: number;
      partial: Record<string, string>;
      outcome: string;
    }[];
    final: {
      view: string;
      key: string[];
      hop_ms: number;
      tile_start: number;
      version: number;
      partial: Record<string, string>;
    }[];
    counters: Record<string, number>;
  }>('tile_upserts');
  const view = testView({
    columns: { id: text, ts: { type: 'time', nullable: false }, key: text, value: int64 },
    key: ['key'],
    latenessMs: 0,
    futureSkewMs: 0,
    aggregates: [
      aggregate('sum', 'sum', 'value', int64),
      aggregate('min', 'min', 'value', int64),
      aggregate('max', 'max', 'value', int64),
    ],
    windows: [{ windowMs: null, hopMs: 300_000 }],
    hopsMs: [300_000],
  });
  const layout = tileLayout(view);
  const stored = new Map<string, TileRun>();
  const tileOf = (start: number, version: number, partial: Record<string, string>): TileRun => {
    const run = emptyRun(layout);
    const n = version % 2 ** 40;
    tileAt(run, layout, start, Math.floor(version / 2 ** 40));
    run.nums[1] = n;
    layout.partials.forEach(({ aggregate: algebra, name, num, obj }) => {
      const value = BigInt(partial[name]);
      algebra.fromColumns(run, num, obj, name === 'sum' ? [value, BigInt(n)] : [value]);
    });
    return run;
  };
  const counters: Record<string, number> = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  for (const write of data.writes) {
    const place = JSON.stringify([write.view, write.key, write.hop_ms]);
    const held = stored.get(place) ?? emptyRun(layout);
    stored.set(place, held);
    const outcome = upsertTile(layout, held, tileOf(write.tile_start, write.version, write.partial), 0);
    expect(outcome).toBe(write.outcome);
    counters[outcome] += 1;
  }
  expect(counters).toEqual(data.counters);
  let tiles = 0;
  for (const [place, run] of stored) {
    for (let i = 0; i < run.length; i += 1) {
      const at = i * layout.numbers;
      const [name, key, hop] = JSON.parse(place) as [string, string[], number];
      const want = data.final.find(
        (t) =>
          t.view === name &&
          t.hop_ms === hop &&
          JSON.stringify(t.key) === JSON.stringify(key) &&
          t.tile_start === run.nums[at],
      );
      expect(run.nums[at + 3] * 2 ** 40 + run.nums[at + 1]).toBe(want?.version);
      for (const { aggregate: algebra, name: partial, num, obj } of layout.partials) {
        expect(String(algebra.toColumns(run, at + num, i * layout.objects + obj)[0])).toBe(want?.partial[partial]);
      }
      tiles += 1;
    }
  }
  expect(tiles).toBe(data.final.length);
});

test('HyperLogLog golden: registers and estimates of 7 sets, buckets of 5 single values', () => {
  const data = golden<{
    cases: {
      n: number;
      nonzero_registers: number;
      sha256_of_dense_registers_as_bytes: string;
      estimate_classic_hll: number;
    }[];
    single_values: Record<string, [string, number]>;
  }>('hll_md5_p12_registers');
  for (const [value, [bucket, rho]] of Object.entries(data.single_values)) {
    expect(bucketAndRho(value)).toBe(Number.parseInt(bucket, 16) * 64 + rho);
  }
  const sketch = aggregateOf(aggregate('users', 'approxDistinct', 'user', text));
  for (const { n, nonzero_registers, sha256_of_dense_registers_as_bytes, estimate_classic_hll } of data.cases) {
    const cells = { nums: new Float64Array(0), objs: [null] };
    sketch.prepare(cells, 0, 0);
    for (let i = 0; i < n; i += 1) sketch.update(cells, 0, 0, `user_${i}`, 0, '');
    const parts = sketch.parts?.toParts(cells, 0, 0) ?? [];
    const dense = new Uint8Array(HLL_REGISTERS);
    for (const { part, value } of parts) dense[Number(part)] = Number(value);
    expect(parts.length).toBe(nonzero_registers);
    expect(createHash('sha256').update(dense).digest('hex')).toBe(sha256_of_dense_registers_as_bytes);
    expect(Number(sketch.finalise(cells, 0, 0))).toBeCloseTo(estimate_classic_hll, 3);
  }
});
