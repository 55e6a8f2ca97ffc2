import { compareText } from '../../base/text-order.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Aggregate } from './aggregate.ts';
import { addCount, type Histogram, histogramCodec, mergeHistogram } from './histogram.ts';
import { objectOnly } from './object-only.ts';
import { scalarForm, scalarOf } from './value-text.ts';

/**
 * The `k` most frequent inputs, by count, ties by the UTF-8 bytes of their text; exact up to `cap` different values,
 * undefined beyond. Parts: one row per value, `part` its text, `value` its count: `COUNT(*) … GROUP BY key, tile, v`.
 */
export function topK(spec: AggregateSpec): Aggregate {
  const k = spec.params['k'] ?? 1;
  const cap = spec.params['cap'] ?? Number.POSITIVE_INFINITY;
  const form = scalarForm(spec.inputType);
  const type = spec.inputType?.type ?? 'int';
  return {
    ...objectOnly<Histogram<string>>({ empty: () => new Map(), copy: (histogram) => new Map(histogram) }),
    result: { type: 'list', element: type === 'list' ? 'text' : type, nullable: false },
    update: (cells, _n, o, value) => {
      const scalar = scalarOf(value);
      if (scalar !== null) addCount(cells.objs[o], form.toText(scalar), 1, cap);
    },
    merge: (into, _n, o, from, _fn, fo) => mergeHistogram(into.objs[o], from.objs[fo], cap),
    finalise: (cells, _n, o) => {
      const histogram = cells.objs[o] as Histogram<string>;
      if (histogram.size > cap) return undefined;
      const ranked = [...histogram].sort(([a, x], [b, y]) => y - x || compareText(a, b));
      return ranked.slice(0, k).map(([text]) => form.fromText(text));
    },
    parts: {
      schema: { part: 'STRING', value: 'BIGINT' },
      toParts: (cells, _n, o) =>
        byText(cells.objs[o] as Histogram<string>).map(([part, counted]) => ({ part, value: BigInt(counted) })),
      fromParts: (cells, _n, o, rows) => {
        const histogram: Histogram<string> = new Map();
        for (const { part, value } of rows) addCount(histogram, String(part), Number(value), cap);
        cells.objs[o] = histogram;
      },
    },
    codec: histogramCodec<string>({
      sorted: byText,
      write: (writer, text) => writer.text(text),
      read: (reader) => reader.text(),
    }),
  };
}

function byText(histogram: Histogram<string>): readonly (readonly [string, number])[] {
  return [...histogram].sort(([a], [b]) => compareText(a, b));
}
