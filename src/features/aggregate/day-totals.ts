import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { DAY_MS, floorTo } from '../../base/time.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { INT64_MAX, INT64_MIN } from '../../schema/decimal.ts';
import type { Aggregate, AggregateFactory, ParamRule } from './aggregate.ts';
import { EXACT_NUMBERS } from './input-types.ts';
import { mergeEach, objectOnly } from './object-only.ts';
import { nullableOf, unitOf } from './scalar.ts';

/** The exact total of each UTC day that has an input, by the start of the day (epoch ms). */
type DayTotals = Map<number, bigint>;

/** The mean of the totals: `Σ totals / (days · unit)`, one rounding of the numerator and one of the quotient. */
export const meanOfDays: AggregateFactory = ofDays({
  resultOf: () => nullableOf('float'),
  answerOf: (totals, { inputType }) =>
    Number(totals.reduce((sum, total) => sum + total, 0n)) / (totals.length * unitOf(inputType)),
});

/** The least total, in the type of a sum of the input. */
export const minOfDays: AggregateFactory = ofDays({ resultOf: sumType, answerOf: ranked(() => 1) });

/** The greatest total. */
export const maxOfDays: AggregateFactory = ofDays({ resultOf: sumType, answerOf: ranked((days) => days) });

/** The q-quantile of the totals by nearest rank, exact: the total of rank max(1, ceil(q · days)) in ascending order. */
export const quantileOfDays: AggregateFactory = ofDays({
  resultOf: sumType,
  answerOf: ranked((days, { q }) => Math.max(1, Math.ceil(q * days))),
  params: { q: { wanted: 'a number from 0 to 1', holds: (q) => q >= 0 && q <= 1 } },
});

interface Answered {
  readonly inputType: ColumnSpec;
  readonly params: Readonly<Record<string, number>>;
}

interface OfDays {
  readonly resultOf: (input: ColumnSpec) => ColumnSpec;
  /** The answer over the totals of at least one day, in any order. */
  readonly answerOf: (totals: readonly bigint[], of: Answered) => Value | undefined;
  readonly params?: Readonly<Record<string, ParamRule>>;
}

/**
 * An aggregate over the totals of the days of a window. A total is of the inputs of that day that are in the window; a day without an
 * input is none. Parts: one row per day, `part` its start, `value` its total as text:
 * `CAST(SUM(CAST(v AS DECIMAL(38,0))) AS STRING) … GROUP BY key, tile, day`.
 */
function ofDays({ resultOf, answerOf, params = {} }: OfDays): AggregateFactory {
  return {
    inputs: EXACT_NUMBERS,
    params,
    make: (spec) => ({
      ...totalsOfDays(),
      result: resultOf(spec.inputType),
      finalise: (cells, _n, o) => {
        const totals = totalsAt(cells.objs, o);
        return totals === null ? null : answerOf([...totals.values()], spec);
      },
    }),
  };
}

function totalsOfDays(): Omit<Aggregate, 'result' | 'finalise'> {
  const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => {
    const added = totalsAt(from.objs, fo);
    if (added !== null) for (const [day, total] of added) addTo(into.objs, o, day, total);
  };
  return {
    ...objectOnly<DayTotals>((totals) => new Map(totals)),
    update: (cells, _n, o, value, ts) => {
      if (typeof value === 'number' || typeof value === 'bigint')
        addTo(cells.objs, o, floorTo(ts, DAY_MS), BigInt(value));
    },
    merge,
    mergeRange: mergeEach(merge),
    parts: {
      schema: { part: 'BIGINT', value: 'STRING' },
      toParts: (cells, _n, o) =>
        ascending(totalsAt(cells.objs, o)).map(([day, total]) => ({ part: BigInt(day), value: String(total) })),
      fromParts: (cells, _n, o, rows) => {
        cells.objs[o] = null;
        for (const { part, value } of rows) addTo(cells.objs, o, Number(part), BigInt(value));
      },
    },
    codec: {
      encode: (writer, cells, o) => writeTotals(writer, totalsAt(cells.objs, o)),
      decode: (reader, cells, o) => {
        cells.objs[o] = readTotals(reader);
      },
    },
  };
}

/** `varint(days) *(int(day number, or step from the previous one) text(total))`, ascending by day. */
function writeTotals(writer: ByteWriter, totals: DayTotals | null): void {
  const days = ascending(totals);
  writer.varint(days.length);
  let before = 0;
  for (const [day, total] of days) {
    writer.int(day / DAY_MS - before);
    writer.text(String(total));
    before = day / DAY_MS;
  }
}

const TOTAL = /^(0|-?[1-9]\d{0,37})$/;

/** Reads what {@link writeTotals} wrote; null where it is of no day. Error: BYTES_DAMAGED. */
function readTotals(reader: ByteReader): DayTotals | null {
  const size = reader.varint();
  if (size > reader.remaining) throw reader.damaged('they hold more days than bytes');
  if (size === 0) return null;
  const totals: DayTotals = new Map();
  let day = 0;
  for (let i = 0; i < size; i += 1) {
    const step = reader.int();
    day += step;
    const total = reader.text();
    if ((i > 0 && step <= 0) || !Number.isSafeInteger(day * DAY_MS) || !TOTAL.test(total))
      throw reader.damaged('the total of a day is none');
    totals.set(day * DAY_MS, BigInt(total));
  }
  return totals;
}

function totalsAt(objs: readonly unknown[], o: number): DayTotals | null {
  return objs[o] as DayTotals | null;
}

function addTo(objs: unknown[], o: number, day: number, total: bigint): void {
  const held = totalsAt(objs, o);
  if (held === null) objs[o] = new Map([[day, total]]);
  else held.set(day, (held.get(day) ?? 0n) + total);
}

function ascending(totals: DayTotals | null): readonly (readonly [number, bigint])[] {
  return totals === null ? [] : [...totals].sort(([a], [b]) => a - b);
}

/** The range that is expected of one value is not that of their total. */
function sumType({ range: _, ...type }: ColumnSpec): ColumnSpec {
  return { ...type, nullable: true };
}

/** The total of a rank from 1, ascending; undefined where it leaves the type. */
function ranked(rankOf: (days: number, params: Answered['params']) => number): OfDays['answerOf'] {
  return (totals, { inputType, params }) => {
    const sorted = [...totals].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const total = sorted[rankOf(sorted.length, params) - 1] ?? 0n;
    if (inputType.type !== 'int') return total < INT64_MIN || total > INT64_MAX ? undefined : total;
    return Number.isSafeInteger(Number(total)) ? Number(total) : undefined;
  };
}
