import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';
import type { Aggregate } from '../../src/features/aggregate/aggregate.ts';
import { aggregateOf } from '../../src/features/aggregate/aggregates.ts';
import type { AggregateSpec } from '../../src/features/define/declaration.ts';
import type { Cells } from '../../src/features/tile/cells.ts';
import { decodeTile, encodeTile } from '../../src/features/tile/tile-codec.ts';
import { START } from '../../src/features/tile/tile-layout.ts';
import { emptyRun } from '../../src/features/tile/tile-run.ts';
import type { ColumnSpec, Value } from '../../src/schema/column.ts';
import { aggregate, engineOf, testView } from './golden-view.ts';
import { hasSharedData, sharedText, whySkipped } from './shared-data.ts';

/**
 * Literal rows and results of Chronon's own tests, where they concern aggregates that both have. Not taken:
 * elementwise lists, moments, PSI, BOTTOM_K (no such aggregate here), and CPC's bounds (another sketch). A bounded count
 * that is full says 5 there and has no answer here.
 */

type Row = readonly unknown[];

interface Fixtures {
  readonly row_aggregator_update_merge_delete: {
    readonly columns: readonly string[];
    readonly rows: readonly Row[];
    readonly deletes: readonly Row[];
    readonly expected: Record<string, unknown>;
  };
  readonly tile_codec: {
    readonly columns: readonly string[];
    readonly rows: readonly Row[];
    readonly expected: Record<string, unknown>;
  };
  readonly flink_row_aggregation: {
    readonly columns: readonly string[];
    readonly rows: readonly Row[];
    readonly expected: Record<string, unknown>;
  };
  readonly flink_tiled_job: {
    readonly case_sum: {
      readonly events: readonly { readonly id: string; readonly ts: number; readonly double_val: number }[];
      readonly expected_tile_ir: Record<string, readonly number[]>;
    };
    readonly case_watermark: {
      readonly events_utc: readonly string[];
      readonly expected: { readonly tile_start: string; readonly sum: number };
    };
  };
  readonly sawtooth_online_histogram: {
    readonly tail_hops_1h: readonly { readonly start: number; readonly ir: Record<string, number> }[];
    readonly query_ts: number;
    readonly expected: Record<string, number>;
  };
  readonly bounded_unique_count_k5: {
    readonly cases: readonly {
      readonly values?: readonly (string | number)[];
      readonly merge?: readonly (readonly string[])[];
      readonly bytes_hex?: readonly string[];
      readonly expected: number;
    }[];
  };
  readonly heavy_hitters: {
    readonly frequent_items: readonly CountsCase[];
    readonly approx_histogram_k3: readonly CountsCase[];
  };
  readonly percentile_error_bounds: {
    readonly cases: readonly {
      readonly n: number;
      readonly chunk: number;
      readonly max_error_percent_of_range: number;
    }[];
  };
  readonly sawtooth_doc_examples: {
    readonly tile_merge_last_and_sum: {
      readonly tiles: readonly (readonly [number, string])[];
      readonly merged: readonly [number, string];
    };
  };
}

interface CountsCase {
  readonly size?: number;
  readonly counts?: Record<string, number>;
  readonly merge?: readonly Record<string, number>[];
  readonly expected: Record<string, number>;
}

const fixtures = (): Fixtures => JSON.parse(sharedText('chronon/chronon_aggregation_fixtures.json')) as Fixtures;

const H = 3_600_000;
const int: ColumnSpec = { type: 'int', nullable: true };
const text: ColumnSpec = { type: 'text', nullable: true };
const tenth: ColumnSpec = { type: 'decimal', nullable: true, scale: 1 };

/** A partial by itself. */
function partial(spec: AggregateSpec) {
  const algebra: Aggregate = aggregateOf(spec);
  const cells: Cells = { nums: new Float64Array(algebra.numbers), objs: new Array(algebra.objects).fill(null) };
  algebra.prepare(cells, 0, 0);
  const add = (value: Value, ts: number, id: string) => algebra.update(cells, 0, 0, value, ts, id);
  const merge = (other: { readonly cells: Cells }) => algebra.merge(cells, 0, 0, other.cells, 0, 0);
  return { algebra, cells, add, merge, answer: () => algebra.finalise(cells, 0, 0) };
}

const kinds: readonly [string, AggregateSpec][] = [
  ['AVERAGE(views)', aggregate('m', 'mean', 'views', int)],
  ['AVERAGE(rating)', aggregate('r', 'mean', 'rating', tenth)],
  ['SUM(rating)', aggregate('s', 'sum', 'rating', tenth)],
  ['COUNT(views)', aggregate('c', 'count', 'views', int)],
  ['LAST(title)', aggregate('l', 'last', 'title', text)],
  ['LAST_K(title,2)', aggregate('k', 'lastN', 'title', text, { n: 2 })],
  ['FIRST(title)', aggregate('f', 'first', 'title', text)],
  ['MIN(title)', aggregate('mi', 'min', 'title', text)],
  ['MAX(title)', aggregate('ma', 'max', 'title', text)],
  ['UNIQUE_COUNT(title)', aggregate('u', 'distinct', 'title', text, { cap: 100 })],
  ['APPROX_UNIQUE_COUNT(title)', aggregate('a', 'approxDistinct', 'title', text)],
];

/** Answers by Chronon's names; rows arrive in order, which is how Chronon breaks ties. `parts` splits them into partials. */
function answersOf(
  columns: readonly string[],
  rows: readonly Row[],
  parts: (row: number) => number,
): Record<string, unknown> {
  const answers: Record<string, unknown> = {};
  for (const [name, spec] of kinds) {
    const place = spec.input?.kind === 'column' ? columns.indexOf(spec.input.name) : -1;
    const partials = new Map<number, ReturnType<typeof partial>>();
    rows.forEach((row, i) => {
      const held = partials.get(parts(i)) ?? partial(spec);
      partials.set(parts(i), held);
      const value = row[place];
      const exact = spec.inputType?.type === 'decimal' ? BigInt(Math.round(Number(value) * 10)) : (value as Value);
      held.add(exact, Number(row[0]), `r${i}`);
    });
    const whole = partial(spec);
    for (const one of partials.values()) whole.merge(one);
    const answer = whole.answer();
    answers[name] =
      typeof answer === 'bigint'
        ? Number(answer) / 10
        : typeof answer === 'number'
          ? Math.round(answer * 1e9) / 1e9
          : answer;
  }
  answers['APPROX_UNIQUE_COUNT(title)'] = Math.round(Number(answers['APPROX_UNIQUE_COUNT(title)']));
  return answers;
}

test.skipIf(!hasSharedData)(
  `update and merge of two partials give Chronon's answers before its deletes${whySkipped}`,
  () => {
    const { columns, rows } = fixtures().row_aggregator_update_merge_delete;
    expect(answersOf(columns, rows, (row) => (row < 3 ? 0 : 1))).toEqual({
      'AVERAGE(views)': 22 / 5,
      'AVERAGE(rating)': 18 / 5,
      'SUM(rating)': 18,
      'COUNT(views)': 5,
      'LAST(title)': 'B',
      'LAST_K(title,2)': ['B', 'A'],
      'FIRST(title)': 'A',
      'MIN(title)': 'A',
      'MAX(title)': 'D',
      'UNIQUE_COUNT(title)': 3,
      'APPROX_UNIQUE_COUNT(title)': 3,
    });
  },
);

test.skipIf(!hasSharedData)(`what is taken away again leaves Chronon's counts, sums and averages${whySkipped}`, () => {
  const { columns, rows, deletes, expected } = fixtures().row_aggregator_update_merge_delete;
  const deletable = kinds.filter(([name]) => ['AVERAGE(views)', 'COUNT(views)', 'SUM(rating)'].includes(name));
  for (const [name, spec] of deletable) {
    const [one, two] = [partial({ ...spec, retracts: true }), partial({ ...spec, retracts: true })];
    const inputOf = (row: Row): Value => {
      const value = row[columns.indexOf(name.slice(name.indexOf('(') + 1, -1))];
      return spec.inputType === tenth ? BigInt(Math.round(Number(value) * 10)) : Number(value);
    };
    for (const [i, row] of rows.entries()) (i < 3 ? one : two).add(inputOf(row), Number(row[0]), `r${i}`);
    one.merge(two);
    for (const row of deletes) one.algebra.retract?.(one.cells, 0, 0, inputOf(row), Number(row[0]), 'd');
    const answer = one.answer();
    expect(typeof answer === 'bigint' ? Number(answer) / 10 : answer).toBe(expected[name]);
  }
  expect(deletable).toHaveLength(3);
});

test.skipIf(!hasSharedData)(`a tile that went through the codec gives Chronon's answers${whySkipped}`, () => {
  const { columns, rows, expected } = fixtures().tile_codec;
  const view = testView({
    columns: { id: text, ts: { type: 'time', nullable: false }, key: text, views: int, rating: tenth, title: text },
    key: ['key'],
    latenessMs: 0,
    futureSkewMs: 0,
    aggregates: kinds.map(([, spec]) => spec),
    windows: [{ windowMs: null, hopMs: H }],
    hopsMs: [H],
  });
  const { layout, engine, runsOf, reader } = engineOf(view);
  rows.forEach(([ts, views, rating, title], i) => {
    const row = [`r${i}`, Number(ts), 'k', Number(views), BigInt(Number(rating) * 10), String(title)];
    engine.apply({ id: `r${i}`, ts: Number(ts), ingestTs: Number(ts), row }, 0);
  });
  const writer = new ByteWriter();
  encodeTile(writer, layout, H, runsOf('k')[0], 0);
  const copy = emptyRun(layout);
  decodeTile(new ByteReader('a tile', writer.finish()), layout, H, copy);
  const out: (Value | undefined)[] = [];
  expect(reader.read([copy], copy.nums[START] + H, out, 0)).toBe(copy.nums[START] + H);
  let compared = 0;
  kinds.forEach(([name], i) => {
    if (!(name in expected)) return;
    const answer = out[i];
    const plain =
      typeof answer === 'bigint'
        ? Number(answer) / 10
        : name.startsWith('APPROX')
          ? Math.round(Number(answer))
          : answer;
    expect(plain, name).toEqual(expected[name]);
    compared += 1;
  });
  expect(compared).toBe(8);
  const histogram = partial(aggregate('h', 'topK', 'v', text, { k: 2, cap: 100 }));
  const place = columns.indexOf('hist_input');
  for (const row of rows) for (const value of row[place] as readonly string[]) histogram.add(value, 0, 'r');
  expect(histogram.answer()).toEqual(Object.keys(expected['HISTOGRAM(hist_input,k=2)'] as object));
});

test.skipIf(!hasSharedData)(`six rows as three merged partials or as one give Chronon's answers${whySkipped}`, () => {
  const { columns, rows, expected } = fixtures().flink_row_aggregation;
  for (const parts of [(row: number) => row >> 1, () => 0]) {
    expect(answersOf(columns, rows, parts)).toMatchObject(expected);
  }
});

test.skipIf(!hasSharedData)(
  `tiles hold Chronon's sums, and an event near the end of a tile is in it${whySkipped}`,
  () => {
    const { case_sum, case_watermark } = fixtures().flink_tiled_job;
    const view = testView({
      columns: { id: text, ts: { type: 'time', nullable: false }, key: text, value: tenth },
      key: ['key'],
      latenessMs: 0,
      futureSkewMs: 0,
      aggregates: [aggregate('sum', 'sum', 'value', tenth)],
      windows: [{ windowMs: null, hopMs: H }],
      hopsMs: [H],
    });
    const { layout, engine, runsOf } = engineOf(view);
    case_sum.events.forEach(({ id: key, ts, double_val }, i) => {
      engine.apply({ id: `e${i}`, ts, ingestTs: ts, row: [`e${i}`, ts, key, BigInt(double_val * 10)] }, 0);
    });
    const [{ aggregate: algebra, num, obj }] = layout.partials;
    for (const [key, [sum]] of Object.entries(case_sum.expected_tile_ir)) {
      expect(algebra.finalise(runsOf(key)[0], num, obj)).toBe(BigInt(sum * 10));
    }
    case_watermark.events_utc.forEach((written, i) => {
      const ts = Date.parse(written);
      engine.apply({ id: `w${i}`, ts, ingestTs: ts, row: [`w${i}`, ts, 'w', 10n] }, 0);
    });
    const [run] = runsOf('w');
    expect([run.length, run.nums[START]]).toEqual([1, Date.parse(case_watermark.expected.tile_start)]);
    expect(algebra.finalise(run, num, obj)).toBe(BigInt(case_watermark.expected.sum * 10));
  },
);

test.skipIf(!hasSharedData)(
  `reading ten times over kept tiles gives one answer and leaves the tiles alone${whySkipped}`,
  () => {
    const { tail_hops_1h, query_ts, expected } = fixtures().sawtooth_online_histogram;
    const view = testView({
      columns: { id: text, ts: { type: 'time', nullable: false }, key: text, value: text },
      key: ['key'],
      latenessMs: 0,
      futureSkewMs: 0,
      aggregates: [aggregate('top', 'topK', 'value', text, { k: 2, cap: 100 }), aggregate('n', 'count', null, null)],
      windows: [{ windowMs: 72 * H, hopMs: H }],
      hopsMs: [H],
    });
    const { layout, engine, runsOf, reader } = engineOf(view);
    tail_hops_1h.forEach(({ start, ir }) => {
      for (const value of Object.keys(ir)) {
        engine.apply({ id: `${start}`, ts: start, ingestTs: start, row: [`${start}`, start, 'k', value] }, 0);
      }
    });
    const [run] = runsOf('k');
    const [{ aggregate: algebra, num, obj }] = layout.partials;
    const kept = () =>
      [0, 1].map((i) => algebra.parts?.toParts(run, i * layout.numbers + num, i * layout.objects + obj));
    for (let i = 0; i < 10; i += 1) {
      const out: (Value | undefined)[] = [];
      expect(reader.read([run], query_ts, out, 0)).toBe(query_ts);
      expect(out).toEqual([Object.keys(expected), expected['view']]);
      expect(kept()).toEqual(tail_hops_1h.map(() => [{ part: 'view', value: 1n }]));
    }
  },
);

test.skipIf(!hasSharedData)(
  `a count of different values is exact up to its cap and has no answer beyond${whySkipped}`,
  () => {
    let beyond = 0;
    for (const { values, merge, bytes_hex, expected } of fixtures().bounded_unique_count_k5.cases) {
      const parts = merge ?? [values ?? bytes_hex ?? []];
      const type: ColumnSpec = typeof parts[0][0] === 'number' ? { type: 'float', nullable: true } : text;
      const spec = aggregate('u', 'distinct', 'v', type, { cap: 5 });
      const whole = partial(spec);
      for (const part of parts) {
        const one = partial(spec);
        for (const value of part) one.add(value, 0, 'r');
        whole.merge(one);
      }
      const different = new Set(parts.flat()).size;
      expect(whole.answer()).toBe(different > 5 ? undefined : expected);
      if (different > 5) beyond += 1;
    }
    expect(beyond).toBe(3);
  },
);

test.skipIf(!hasSharedData)(
  `the most frequent values are exact where Chronon's sketches approximate them${whySkipped}`,
  () => {
    const { frequent_items, approx_histogram_k3 } = fixtures().heavy_hitters;
    let compared = 0;
    for (const { size = 3, counts, merge, expected } of [...frequent_items, ...approx_histogram_k3]) {
      if (size === 0) continue;
      const spec = aggregate('t', 'topK', 'v', text, { k: size, cap: 100 });
      const whole = partial(spec);
      for (const part of merge ?? [counts ?? {}]) {
        const one = partial(spec);
        for (const [value, count] of Object.entries(part)) for (let i = 0; i < count; i += 1) one.add(value, 0, 'r');
        whole.merge(one);
      }
      const held = new Map(
        (whole.algebra.parts?.toParts(whole.cells, 0, 0) ?? []).map(({ part, value }) => [part, Number(value)]),
      );
      const answer = whole.answer() as readonly string[];
      expect(Object.fromEntries(answer.map((value) => [value, held.get(value)]))).toEqual(expected);
      compared += 1;
    }
    expect(compared).toBe(8);
  },
);

test.skipIf(!hasSharedData)(`quantiles lie within Chronon's bounds and within 0.79 % of the value${whySkipped}`, () => {
  for (const { n, chunk, max_error_percent_of_range: percent } of fixtures().percentile_error_bounds.cases) {
    for (let p = 0; p <= 31; p += 1) {
      const q = p / 31;
      const spec = aggregate('q', 'quantile', 'v', int, { q });
      const whole = partial(spec);
      for (let from = 0; from < n; from += chunk) {
        const one = partial(spec);
        // 7,919 is prime and no divisor of n: a shuffle.
        for (let i = from; i < from + chunk && i < n; i += 1) one.add((i * 7919) % n, 0, 'r');
        whole.merge(one);
      }
      const exact = Math.max(1, Math.ceil(q * n)) - 1;
      const error = Math.abs(Number(whole.answer()) - exact);
      expect(error).toBeLessThanOrEqual(exact * 0.0078125);
      expect(error).toBeLessThanOrEqual((n * percent) / 100);
    }
  }
});

test.skipIf(!hasSharedData)(`the documents' example of merging tiles${whySkipped}`, () => {
  const { tiles, merged } = fixtures().sawtooth_doc_examples.tile_merge_last_and_sum;
  const sum = partial(aggregate('s', 'sum', 'v', int));
  const last = partial(aggregate('l', 'last', 'v', text));
  tiles.forEach(([value, title], i) => {
    sum.add(value, i, `r${i}`);
    last.add(title, i, `r${i}`);
  });
  expect([sum.answer(), last.answer()]).toEqual(merged);
});

test('a window of an hour by hops of ten minutes, asked at 14:27, begins at 13:20', () => {
  const view = testView({
    columns: { id: text, ts: { type: 'time', nullable: false }, key: text },
    key: ['key'],
    latenessMs: 0,
    futureSkewMs: 0,
    aggregates: [
      aggregate('n', 'count', null, null),
      aggregate('first', 'first', 'ts', { type: 'time', nullable: false }),
    ],
    windows: [{ windowMs: H, hopMs: H / 6 }],
    hopsMs: [H / 6],
  });
  const at = (clock: string) => Date.parse(`2024-05-01T${clock}Z`);
  const { engine, runsOf, reader } = engineOf(view);
  for (const clock of ['13:19:59.999', '13:20:00.000', '14:26:59.999', '14:27:00.000']) {
    const ts = at(clock);
    const id = clock.replaceAll(':', '.');
    if (clock === '14:27:00.000') expect(reader.read(runsOf('k'), at('14:27:00.000'), [], 0)).toBe(at('14:27:00.000'));
    else engine.apply({ id, ts, ingestTs: ts, row: [id, ts, 'k'] }, 0);
  }
  const out: (Value | undefined)[] = [];
  reader.read(runsOf('k'), at('14:27:00.000'), out, 0);
  expect(out).toEqual([2, at('13:20:00.000')]);
});
