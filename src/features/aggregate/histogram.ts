import type { Aggregate } from './aggregate.ts';
import { mergeEach, objectOnly } from './object-only.ts';
import {
  addValue,
  type CountsRule,
  copyCounts,
  countsAt,
  emptyCounts,
  heldCounts,
  mergeCounts,
  readCounts,
  sortedCounts,
  type ValueCounts,
  writeCounts,
} from './value-counts.ts';
import { scalarOf } from './value-text.ts';

/**
 * The common part of `distinct` and `top_k`: the different inputs in one object slot, up to a cap, with their counts or,
 * as a `set`, without. Parts: one row per value, `part` its text, `value` its count, of a set 1.
 */
export function histogram(rule: CountsRule, kept: 'counts' | 'set'): Omit<Aggregate, 'result' | 'finalise'> {
  const once = kept === 'counts' ? 1 : 0;
  const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => mergeCounts(into.objs, o, from.objs, fo, rule);
  return {
    ...objectOnly<ValueCounts>(copyCounts),
    update: (cells, _n, o, value) => {
      const scalar = scalarOf(value);
      if (scalar !== null) addValue(countsAt(cells.objs, o), scalar, once, rule);
    },
    merge,
    mergeRange: mergeEach(merge),
    parts: {
      schema: { part: 'STRING', value: 'BIGINT' },
      toParts: (cells, _n, o) =>
        sortedCounts(heldCounts(cells.objs, o), rule.form).map(([part, , count]) => ({
          part,
          value: kept === 'counts' ? BigInt(count) : 1n,
        })),
      fromParts: (cells, _n, o, rows) => {
        const held = emptyCounts();
        for (const { part, value } of rows)
          addValue(held, rule.form.fromText(String(part)), once * Number(value), rule);
        cells.objs[o] = held.counts.size === 0 ? null : held;
      },
    },
    codec: {
      encode: (writer, cells, o) => writeCounts(writer, heldCounts(cells.objs, o), rule.form),
      decode: (reader, cells, o) => {
        cells.objs[o] = readCounts(reader, rule);
      },
    },
  };
}
