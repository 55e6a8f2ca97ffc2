import fc from 'fast-check';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import type { AggregateSpec } from '../../src/features/define/declaration.ts';
import type { Value } from '../../src/schema/column.ts';
import { aggregate, bool, column, decimal, embedding, float, int, int64, sourceOf, text } from './declare.ts';
import type { LoggedDelivery } from './duckdb.ts';

/** Random streams of one source: several keys, ties, nulls, redeliveries with other content, late and early events, times around 0. */

export const source = sourceOf(
  { tenant: text, user: text, i: int, l: int64, d: decimal(2), f: float, b: bool, t: text, e: embedding(3) },
  { latenessMs: 600_000, futureSkewMs: 60_000 },
);

/** Every kind of aggregate over every type that it takes. */
export const everyAggregate: readonly AggregateSpec[] = [
  aggregate('events', 'count'),
  aggregate('count_i', 'count', column('i'), int),
  aggregate('count_b', 'count', column('b'), bool),
  aggregate('share_b', 'share', column('b'), bool),
  aggregate('share_big', 'share', compare('i', 5), bool),
  aggregate('sum_i', 'sum', column('i'), int),
  aggregate('sum_l', 'sum', column('l'), int64),
  aggregate('sum_d', 'sum', column('d'), decimal(2)),
  aggregate('mean_i', 'mean', column('i'), int),
  aggregate('mean_l', 'mean', column('l'), int64),
  aggregate('mean_d', 'mean', column('d'), decimal(2)),
  aggregate('min_i', 'min', column('i'), int),
  aggregate('max_l', 'max', column('l'), int64),
  aggregate('min_d', 'min', column('d'), decimal(2)),
  aggregate('max_f', 'max', column('f'), float),
  aggregate('min_t', 'min', column('t'), text),
  aggregate('max_t', 'max', column('t'), text),
  aggregate('var_pop_i', 'variancePop', column('i'), int),
  aggregate('var_pop_l', 'variancePop', column('l'), int64),
  aggregate('var_sample_d', 'varianceSample', column('d'), decimal(2)),
  aggregate('sd_pop_d', 'stddevPop', column('d'), decimal(2)),
  aggregate('sd_sample_i', 'stddevSample', column('i'), int),
  aggregate('first_t', 'first', column('t'), text),
  aggregate('last_i', 'last', column('i'), int),
  aggregate('last_l', 'last', column('l'), int64),
  aggregate('first_b', 'first', column('b'), bool),
  aggregate('last_f', 'last', column('f'), float),
  aggregate('last_3', 'lastN', column('t'), text, { n: 3 }),
  aggregate('last_2_f', 'lastN', column('f'), float, { n: 2 }),
  aggregate('distinct_t', 'distinct', column('t'), text, { cap: 1000 }),
  aggregate('distinct_l', 'distinct', column('l'), int64, { cap: 1000 }),
  aggregate('approx_t', 'approxDistinct', column('t'), text),
  aggregate('p50_i', 'quantile', column('i'), int, { q: 0.5 }),
  aggregate('p90_l', 'quantile', column('l'), int64, { q: 0.9 }),
  aggregate('top_2_t', 'topK', column('t'), text, { k: 2, cap: 1000 }),
  aggregate('top_2_t_counts', 'topKCounts', column('t'), text, { k: 2, cap: 1000 }),
  aggregate('mean_of_days_l', 'meanOfDays', column('l'), int64),
  aggregate('min_of_days_i', 'minOfDays', column('i'), int),
  aggregate('max_of_days_d', 'maxOfDays', column('d'), decimal(2)),
  aggregate('median_of_days_i', 'quantileOfDays', column('i'), int, { q: 0.5 }),
  aggregate('max_of_days_events', 'maxOfDays', { kind: 'literal', value: 1 }, int),
  aggregate('count_e', 'count', column('e'), embedding(3)),
  aggregate('mean_e', 'mean', column('e'), embedding(3)),
  aggregate('first_e', 'first', column('e'), embedding(3)),
  aggregate('last_e', 'last', column('e'), embedding(3)),
  aggregate('top_1_b', 'topK', column('b'), bool, { k: 1, cap: 1000 }),
];

function compare(name: string, value: number) {
  return { kind: 'compare', op: 'gt', left: column(name), right: { kind: 'literal', value } } as const;
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 5 });

/** Whole numbers of 64 bits, many at the ends of the type and of what is squared: a few of them leave both. */
export const extremes = [2n ** 63n - 1n, -(2n ** 63n), 3n * 10n ** 15n, -3n * 10n ** 15n, 3n * 10n ** 15n + 1n];
const long = fc.oneof(fc.bigInt(-20n, 20n), fc.bigInt(-(2n ** 58n), 2n ** 58n), fc.constantFrom(...extremes));
const whole = fc.oneof(
  fc.integer({ min: -10, max: 10 }),
  fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 3e15, -3e15),
);

const number = fc.oneof(
  fc.constantFrom(0, 0.1, -1.5, 2 ** -33, -(2 ** -33), 2_097_151, 2_097_151.5, 1e-7, 1e22),
  fc.double({ min: -2, max: 2, noNaN: true }).map((value) => value + 0),
);

const values = fc.tuple(
  maybe(fc.constantFrom('t1', 't1|u')),
  maybe(fc.constantFrom('u|1', '1')),
  maybe(whole),
  maybe(long),
  maybe(fc.oneof({ weight: 3, arbitrary: fc.bigInt(-300_000n, 300_000n) }, { weight: 1, arbitrary: long })),
  maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
  maybe(fc.boolean()),
  maybe(fc.oneof(fc.constantFrom('', 'a', 'b', '\uffee', '🙂'), fc.string({ unit: 'grapheme', maxLength: 4 }))),
  maybe(fc.array(number, { minLength: 3, maxLength: 3 })),
);

const delivery = fc.record({
  event: fc.nat({ max: 29 }),
  ts: fc.oneof(fc.integer({ min: -900_000, max: 900_000 }), fc.constantFrom(-300_000, -1, 0, 1, 299_999, 300_000)),
  delay: fc.oneof(fc.constantFrom(-60_001, -60_000, 0, 600_000, 600_001), fc.integer({ min: -1000, max: 500_000 })),
  values,
});

const IDS = ['9', '10', 'a', 'A', 'a.b', 'x-1', '-', '_', '00', '0'];

/** Many deliveries: without `size` an array has at most ten. */
const spread = fc.array(delivery, { maxLength: 60, size: 'max' });

/** A few rows again and again within two seconds: the same value many times in one tile of one key. */
const crowded = fc
  .tuple(
    fc.array(values, { minLength: 1, maxLength: 3 }),
    fc.array(delivery, { minLength: 20, maxLength: 60, size: 'max' }),
  )
  .map(([rows, deliveries]) =>
    deliveries.map((one, i) => {
      const [, , ...rest] = rows[i % rows.length];
      return { ...one, ts: Math.abs(one.ts) % 2000, delay: 0, values: ['t1', '1', ...rest] as const };
    }),
  );

/**
 * Deliveries in log order over two partitions. As admission needs it, ingest times do not decrease, and a redelivery is never of a later
 * time than what it repeats.
 */
export const stream: fc.Arbitrary<readonly LoggedDelivery[]> = fc
  .oneof({ weight: 2, arbitrary: spread }, { weight: 1, arbitrary: crowded })
  .map((deliveries) => {
    const offsets = [0, 0];
    const earliest = new Map<string, number>();
    const inOrder = deliveries.toSorted((a, b) => a.ts + a.delay - (b.ts + b.delay));
    return inOrder.map(({ event, ts: own, delay, values: row }): LoggedDelivery => {
      const id = `${IDS[event % IDS.length]}${event > 9 ? event : ''}`;
      const ts = Math.min(own, earliest.get(id) ?? own);
      earliest.set(id, ts);
      const partition = partitionOf(id, 2);
      const offset = offsets[partition];
      offsets[partition] += 1;
      const cells: readonly Value[] = [id, ts, ...row];
      return { id, ts, ingestTs: own + delay, row: cells, partition, offset };
    });
  });
