import type { AggregateSpec } from '../define/declaration.ts';
import type { Aggregate, PartRow } from './aggregate.ts';
import { parseStamp, stampText } from './event-text.ts';
import { objectOnly } from './object-only.ts';
import { type Scalar, scalarForm, scalarOf } from './value-text.ts';

interface Entry {
  readonly stamp: string;
  readonly value: Scalar;
}

/**
 * The inputs of the latest `n` events by (time, id), newest first. Parts: one row per event, `part` its stamp,
 * `value` its text: `ROW_NUMBER() OVER (PARTITION BY key, tile ORDER BY ts DESC, id DESC) <= n`.
 */
export function lastN(spec: AggregateSpec): Aggregate {
  const most = spec.params['n'] ?? 1;
  const form = scalarForm(spec.inputType);
  return {
    // Lists of entries are never changed in place, so partials may share them.
    ...objectOnly<readonly Entry[]>({ empty: () => [], copy: (entries) => entries }),
    result: { type: 'list', element: elementOf(spec), nullable: false },
    update: (cells, _n, o, value, ts, id) => {
      const scalar = scalarOf(value);
      if (scalar === null) return;
      cells.objs[o] = newest(cells.objs[o] as readonly Entry[], [{ stamp: stampText(ts, id), value: scalar }], most);
    },
    merge: (into, _n, o, from, _fn, fo) => {
      into.objs[o] = newest(into.objs[o] as readonly Entry[], from.objs[fo] as readonly Entry[], most);
    },
    finalise: (cells, _n, o) => (cells.objs[o] as readonly Entry[]).map(({ value }) => value),
    parts: {
      schema: { part: 'STRING', value: 'STRING' },
      toParts: (cells, _n, o) =>
        (cells.objs[o] as readonly Entry[])
          .map(({ stamp, value }): PartRow => ({ part: stamp, value: form.toText(value) }))
          .reverse(),
      fromParts: (cells, _n, o, rows) => {
        const entries = [...rows].map(({ part, value }) => ({
          stamp: String(part),
          value: form.fromText(String(value)),
        }));
        cells.objs[o] = newest([], entries, most);
      },
    },
    codec: {
      encode: (writer, cells, o) => {
        const entries = cells.objs[o] as readonly Entry[];
        writer.varint(entries.length);
        for (const { stamp, value } of entries) {
          const { ts, id } = parseStamp(stamp);
          writer.int(ts);
          writer.text(id);
          form.write(writer, value);
        }
      },
      decode: (reader, cells, o) => {
        const entries: Entry[] = [];
        const length = reader.varint();
        for (let i = 0; i < length; i += 1) {
          entries.push({ stamp: stampText(reader.int(), reader.text()), value: form.read(reader) });
        }
        cells.objs[o] = entries;
      },
    },
  };
}

/** The latest entries of both, newest first. */
function newest(a: readonly Entry[], b: readonly Entry[], most: number): readonly Entry[] {
  const all = [...a, ...b].sort((left, right) => (left.stamp < right.stamp ? 1 : left.stamp > right.stamp ? -1 : 0));
  return all.length > most ? all.slice(0, most) : all;
}

function elementOf(spec: AggregateSpec) {
  const type = spec.inputType?.type ?? 'int';
  return type === 'list' ? 'text' : type;
}
