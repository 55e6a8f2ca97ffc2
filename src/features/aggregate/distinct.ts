import type { AggregateFactory } from './aggregate.ts';
import { histogram } from './histogram.ts';
import { SCALARS } from './input-types.ts';
import { wholeUpTo } from './param-rules.ts';
import { heldCounts, MOST_VALUES } from './value-counts.ts';
import { scalarForm } from './value-text.ts';

/**
 * How many different inputs, exactly, up to `cap`; undefined beyond it. Parts: one row per value, `part` its text, `value` 1:
 * `SELECT DISTINCT key, tile, v`; more parts than the cap say that there are too many.
 */
export const distinct: AggregateFactory = {
  inputs: SCALARS,
  params: { cap: wholeUpTo(MOST_VALUES) },
  make: ({ inputType, params }) => {
    const cap = params['cap'];
    return {
      ...histogram({ form: scalarForm(inputType), cap }, 'set'),
      result: { type: 'int', nullable: false },
      finalise: (cells, _n, o) => {
        const size = heldCounts(cells.objs, o)?.counts.size ?? 0;
        return size > cap ? undefined : size;
      },
    };
  },
};
