import type { Aggregate, AggregateFactory } from './aggregate.ts';
import { SCALARS } from './input-types.ts';
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
import { scalarForm, scalarOf } from './value-text.ts';

/**
 * How many different inputs, exactly, up to `cap`; undefined beyond it. Parts: one row per value, `part` its text, `value` 1:
 * `SELECT DISTINCT key, tile, v`; more parts than the cap say that there are too many.
 */
export const distinct: AggregateFactory = {
  inputs: SCALARS,
  params: { cap: wholeUpTo(MOST_VALUES) },
  make: ({ inputType, params }) => {
    const form = scalarForm(inputType);
    const cap = params['cap'];
    const rule = { form, cap };
    const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => mergeCounts(into.objs, o, from.objs, fo, rule);
    return {
      ...objectOnly<ValueCounts>(copyCounts),
      result: { type: 'int', nullable: false },
      update: (cells, _n, o, value) => {
        const scalar = scalarOf(value);
        if (scalar !== null) addValue(countsAt(cells.objs, o), scalar, 0, rule);
      },
      merge,
      mergeRange: mergeEach(merge),
      finalise: (cells, _n, o) => {
        const size = heldCounts(cells.objs, o)?.counts.size ?? 0;
        return size > cap ? undefined : size;
      },
      parts: {
        schema: { part: 'STRING', value: 'BIGINT' },
        toParts: (cells, _n, o) => sortedCounts(heldCounts(cells.objs, o), form).map(([part]) => ({ part, value: 1n })),
        fromParts: (cells, _n, o, rows) => {
          const held = emptyCounts();
          for (const { part } of rows) addValue(held, form.fromText(String(part)), 0, rule);
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
