import type { Cells } from '../tile/cells.ts';
import type { Aggregate, AggregateFactory, PartRow } from './aggregate.ts';
import { isEventTime, parseStamp, stampText } from './event-text.ts';
import { SCALARS } from './input-types.ts';
import { objectOnly } from './object-only.ts';
import { wholeUpTo } from './param-rules.ts';
import { listOf, type Scalar, type ScalarForm, scalarForm, scalarOf } from './value-text.ts';

interface Entry {
  readonly ts: number;
  readonly id: string;
  readonly value: Scalar;
}

/** Entries of the latest events, newest first; never changed in place, so partials may share them. */
type Entries = readonly Entry[];

const NONE: Entries = [];

/**
 * The inputs of the latest `n` events by (time, id) where it is not null, newest first. Parts: one row per event, `part`
 * its stamp, `value` its text: `ROW_NUMBER() OVER (PARTITION BY key, tile ORDER BY ts DESC, id DESC) <= n`.
 */
export const lastN: AggregateFactory = {
  inputs: SCALARS,
  params: { n: wholeUpTo(1000) },
  make: ({ inputType, params }) => {
    const most = params['n'];
    const form = scalarForm(inputType);
    const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => {
      into.objs[o] = newest(entriesAt(into.objs, o), entriesAt(from.objs, fo), most);
    };
    return {
      ...objectOnly<Entries>((entries) => entries),
      result: listOf(inputType),
      update: (cells, _n, o, value, ts, id) => {
        const scalar = scalarOf(value);
        if (scalar !== null) cells.objs[o] = withEntry(entriesAt(cells.objs, o), ts, id, scalar, most);
      },
      merge,
      // From the newest tile back: once the list is full, older tiles are passed over without an allocation.
      mergeRange: (into, n, o, from, fn, fo, numStride, objStride, count) => {
        for (let i = count - 1; i >= 0; i -= 1) merge(into, n, o, from, fn + i * numStride, fo + i * objStride);
      },
      finalise: (cells, _n, o) => entriesAt(cells.objs, o).map(({ value }) => value),
      parts: {
        schema: { part: 'STRING', value: 'STRING' },
        toParts: (cells, _n, o) =>
          entriesAt(cells.objs, o)
            .map(({ ts, id, value }): PartRow => ({ part: stampText(ts, id), value: form.toText(value) }))
            .reverse(),
        fromParts: (cells, _n, o, rows) => {
          cells.objs[o] = [...rows].reduce((entries: Entries, row) => withRow(entries, row, form, most), NONE);
        },
      },
      codec: entriesCodec(form, most),
    };
  },
};

/** `varint(entries) *(int(ts) text(id) value)`, newest first. */
function entriesCodec(form: ScalarForm, most: number): Aggregate['codec'] {
  return {
    encode: (writer, cells, o) => {
      const entries = entriesAt(cells.objs, o);
      writer.varint(entries.length);
      for (const { ts, id, value } of entries) {
        writer.int(ts);
        writer.text(id);
        form.write(writer, value);
      }
    },
    decode: (reader, cells, o) => {
      const length = reader.varint();
      if (length > most) throw reader.damaged(`they hold ${length} of the last ${most} events`);
      let entries = NONE;
      for (let i = 0; i < length; i += 1) {
        const ts = reader.int();
        if (!isEventTime(ts)) throw reader.damaged('an event time is out of range');
        entries = [...entries, { ts, id: reader.text(), value: form.read(reader) }];
      }
      cells.objs[o] = entries.length === 0 ? null : entries;
    },
  };
}

function entriesAt(objs: readonly unknown[], o: number): Entries {
  return (objs[o] as Entries | null) ?? NONE;
}

/** Takes the entries before an instant out of a partial. */
export function dropEntriesBefore(cells: Cells, o: number, from: number): void {
  const entries = entriesAt(cells.objs, o);
  let kept = entries.length;
  while (kept > 0 && entries[kept - 1].ts < from) kept -= 1;
  if (kept < entries.length) cells.objs[o] = kept === 0 ? null : entries.slice(0, kept);
}

function withRow(entries: Entries, { part, value }: PartRow, form: ScalarForm, most: number): Entries {
  const { ts, id } = parseStamp(String(part));
  return withEntry(entries, ts, id, form.fromText(String(value)), most);
}

function withEntry(entries: Entries, ts: number, id: string, value: Scalar, most: number): Entries {
  let place = 0;
  while (place < entries.length && isAfter(entries[place], ts, id)) place += 1;
  if (place >= most) return entries;
  const longer = entries.slice(0, place);
  longer.push({ ts, id, value });
  for (let i = place; i < entries.length && longer.length < most; i += 1) longer.push(entries[i]);
  return longer;
}

/** The latest entries of both, newest first. */
function newest(a: Entries, b: Entries, most: number): Entries | null {
  if (a.length === 0) return b.length === 0 ? null : b;
  if (b.length === 0 || (a.length === most && isAfter(a[most - 1], b[0].ts, b[0].id))) return a;
  const merged: Entry[] = [];
  for (let i = 0, j = 0; merged.length < most && (i < a.length || j < b.length); ) {
    const takeA = j >= b.length || (i < a.length && isAfter(a[i], b[j].ts, b[j].id));
    merged.push(takeA ? a[i++] : b[j++]);
  }
  return merged;
}

/** Ids are ASCII: their order as text is their order as bytes. */
function isAfter(entry: Entry, ts: number, id: string): boolean {
  return entry.ts === ts ? entry.id > id : entry.ts > ts;
}
