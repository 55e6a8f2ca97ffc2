import { compareText } from '../../base/text-order.ts';
import type { Aggregate, AggregateFactory } from './aggregate.ts';
import { EXACT_VALUES } from './input-types.ts';
import { mergeEach, objectOnly } from './object-only.ts';
import { wholeUpTo } from './param-rules.ts';
import {
  addValue,
  copyCounts,
  countsAt,
  emptyCounts,
  heldCounts,
  MOST_VALUES,
  mergeCounts,
  readCounts,
  sortedCounts,
  type ValueCounts,
  writeCounts,
} from './value-counts.ts';
import { listOf, type Scalar, type ScalarForm, scalarForm, scalarOf } from './value-text.ts';

/**
 * The `k` most frequent inputs, by count, ties by the UTF-8 bytes of their text; exact up to `cap` different values,
 * undefined beyond. Parts: one row per value, `part` its text, `value` its count: `COUNT(*) … GROUP BY key, tile, v`.
 */
export const topK: AggregateFactory = {
  inputs: EXACT_VALUES,
  params: { k: wholeUpTo(1000), cap: wholeUpTo(MOST_VALUES) },
  make: ({ inputType, params }) => {
    const form = scalarForm(inputType);
    const { k, cap } = params;
    const rule = { form, cap };
    const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => mergeCounts(into.objs, o, from.objs, fo, rule);
    return {
      ...objectOnly<ValueCounts>(copyCounts),
      result: listOf(inputType),
      update: (cells, _n, o, value) => {
        const scalar = scalarOf(value);
        if (scalar !== null) addValue(countsAt(cells.objs, o), scalar, 1, rule);
      },
      merge,
      mergeRange: mergeEach(merge),
      finalise: (cells, _n, o) => {
        const counts = heldCounts(cells.objs, o)?.counts;
        if (counts === undefined) return [];
        return counts.size > cap ? undefined : mostFrequent(counts, k, form);
      },
      parts: {
        schema: { part: 'STRING', value: 'BIGINT' },
        toParts: (cells, _n, o) =>
          sortedCounts(heldCounts(cells.objs, o), form).map(([part, , count]) => ({ part, value: BigInt(count) })),
        fromParts: (cells, _n, o, rows) => {
          const held = emptyCounts();
          for (const { part, value } of rows) addValue(held, form.fromText(String(part)), Number(value), rule);
          cells.objs[o] = held.counts.size === 0 ? null : held;
        },
      },
      codec: {
        encode: (writer, cells, o) => writeCounts(writer, heldCounts(cells.objs, o), form),
        decode: (reader, cells, o) => {
          cells.objs[o] = readCounts(reader, rule);
        },
      },
    };
  },
};

/** The k first by (count descending, text ascending), found in one pass. */
function mostFrequent(counts: ReadonlyMap<Scalar, number>, k: number, form: ScalarForm): Scalar[] {
  const best: { readonly value: Scalar; readonly count: number }[] = [];
  for (const [value, count] of counts) {
    if (best.length === k && count < best[k - 1].count) continue;
    let place = best.length;
    while (place > 0 && isBefore(value, count, best[place - 1], form)) place -= 1;
    if (place >= k) continue;
    best.splice(place, 0, { value, count });
    if (best.length > k) best.pop();
  }
  return best.map(({ value }) => value);
}

function isBefore(
  value: Scalar,
  count: number,
  other: { readonly value: Scalar; readonly count: number },
  form: ScalarForm,
): boolean {
  if (count !== other.count) return count > other.count;
  return compareText(form.toText(value), form.toText(other.value)) < 0;
}
