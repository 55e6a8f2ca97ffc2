import { compareText } from '../../base/text-order.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Aggregate } from './aggregate.ts';
import { objectOnly } from './object-only.ts';
import { type Scalar, scalarForm, scalarOf } from './value-text.ts';

/**
 * How many different inputs, exactly, up to `cap`; undefined beyond it (the set then stops growing).
 * Parts: one row per value, `part` its text, `value` how often (always 1 here).
 */
export function distinct(spec: AggregateSpec): Aggregate {
  const cap = spec.params['cap'] ?? Number.POSITIVE_INFINITY;
  const form = scalarForm(spec.inputType);
  const add = (held: unknown, value: Scalar): void => {
    const set = held as Set<Scalar>;
    if (set.size <= cap) set.add(value);
  };
  return {
    ...objectOnly<Set<Scalar>>({ empty: () => new Set(), copy: (set) => new Set(set) }),
    result: { type: 'int', nullable: false },
    update: (cells, _n, o, value) => {
      const scalar = scalarOf(value);
      if (scalar !== null) add(cells.objs[o], scalar);
    },
    merge: (into, _n, o, from, _fn, fo) => {
      for (const value of from.objs[fo] as Set<Scalar>) add(into.objs[o], value);
    },
    finalise: (cells, _n, o) => {
      const { size } = cells.objs[o] as Set<Scalar>;
      return size > cap ? undefined : size;
    },
    parts: {
      schema: { part: 'STRING', value: 'BIGINT' },
      toParts: (cells, _n, o) =>
        sortedTexts(cells.objs[o] as Set<Scalar>, form.toText).map((part) => ({ part, value: 1n })),
      fromParts: (cells, _n, o, rows) => {
        const set = new Set<Scalar>();
        for (const { part } of rows) add(set, form.fromText(String(part)));
        cells.objs[o] = set;
      },
    },
    codec: {
      encode: (writer, cells, o) => {
        const texts = sortedTexts(cells.objs[o] as Set<Scalar>, form.toText);
        writer.varint(texts.length);
        for (const text of texts) writer.text(text);
      },
      decode: (reader, cells, o) => {
        const set = new Set<Scalar>();
        const size = reader.varint();
        for (let i = 0; i < size; i += 1) set.add(form.fromText(reader.text()));
        cells.objs[o] = set;
      },
    },
  };
}

function sortedTexts(set: ReadonlySet<Scalar>, toText: (value: Scalar) => string): readonly string[] {
  return [...set].map(toText).sort(compareText);
}
