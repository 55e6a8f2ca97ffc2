import { compareText } from '../../base/text-order.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import type { AggregateFactory } from './aggregate.ts';
import { histogram } from './histogram.ts';
import { EXACT_VALUES } from './input-types.ts';
import { wholeUpTo } from './param-rules.ts';
import { heldCounts, MOST_VALUES } from './value-counts.ts';
import { listOf, type Scalar, type ScalarForm, scalarForm } from './value-text.ts';

/**
 * The `k` most frequent inputs, by count, ties by the UTF-8 bytes of their text; exact up to `cap` different values,
 * undefined beyond. Parts: one row per value, `part` its text, `value` its count: `COUNT(*) … GROUP BY key, tile, v`.
 */
export const topK: AggregateFactory = ranked(listOf, ({ value }) => value);

/** How often each of the values of `topK` came, in their order: over the same input, with the same `k` and `cap`. */
export const topKCounts: AggregateFactory = ranked(
  () => listOf({ type: 'int', nullable: false }),
  ({ count }) => count,
);

/** A value with how often it came. */
interface Counted {
  readonly value: Scalar;
  readonly count: number;
}

/** A list over the most frequent values, of which `taken` is what the answer has of each. */
function ranked(resultOf: (input: ColumnSpec) => ColumnSpec, taken: (counted: Counted) => Scalar): AggregateFactory {
  return {
    inputs: EXACT_VALUES,
    params: { k: wholeUpTo(1000), cap: wholeUpTo(MOST_VALUES) },
    make: ({ inputType, params }) => {
      const form = scalarForm(inputType);
      const { k, cap } = params;
      return {
        ...histogram({ form, cap }, 'counts'),
        result: resultOf(inputType),
        finalise: (cells, _n, o) => {
          const counts = heldCounts(cells.objs, o)?.counts;
          if (counts === undefined) return [];
          return counts.size > cap ? undefined : mostFrequent(counts, k, form).map(taken);
        },
      };
    },
  };
}

/** The k first by (count descending, text ascending), found in one pass. */
function mostFrequent(counts: ReadonlyMap<Scalar, number>, k: number, form: ScalarForm): readonly Counted[] {
  const best: Counted[] = [];
  for (const [value, count] of counts) {
    if (best.length === k && count < best[k - 1].count) continue;
    let place = best.length;
    while (place > 0 && isBefore(value, count, best[place - 1], form)) place -= 1;
    if (place >= k) continue;
    best.splice(place, 0, { value, count });
    if (best.length > k) best.pop();
  }
  return best;
}

function isBefore(value: Scalar, count: number, other: Counted, form: ScalarForm): boolean {
  if (count !== other.count) return count > other.count;
  return compareText(form.toText(value), form.toText(other.value)) < 0;
}
