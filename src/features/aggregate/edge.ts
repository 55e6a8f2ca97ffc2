import type { ColumnSpec } from '../../schema/column.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate, AggregateFactory, InputSpec } from './aggregate.ts';
import { isEventTime, parseStamp, stampText } from './event-text.ts';
import { KEPT } from './input-types.ts';
import { type Kept, keptForm } from './value-text.ts';

/** The input of the earliest event by (time, id) where it is not null. Column `first` STRING: MIN of stamp and value text. */
export const first: AggregateFactory = { inputs: KEPT, params: {}, make: (spec) => edge(spec, 'first') };
/** The input of the latest event by (time, id) where it is not null. Column `last` STRING: MAX of stamp and value text. */
export const last: AggregateFactory = { inputs: KEPT, params: {}, make: (spec) => edge(spec, 'last') };

/** Slots: the time as a number; id and value as objects. The infinity of the other side is nothing. */
function edge({ inputType }: InputSpec, side: 'first' | 'last'): Aggregate {
  const sign = side === 'first' ? -1 : 1;
  const nothing = Number.NEGATIVE_INFINITY * sign;
  const form = keptForm(inputType);
  const result: ColumnSpec = { ...inputType, nullable: true };
  const take = (cells: Cells, n: number, o: number, ts: number, id: string, value: Kept) => {
    const order = ts - cells.nums[n] || compareIds(id, cells.objs[o]);
    if (order * sign <= 0) return;
    cells.nums[n] = ts;
    cells.objs[o] = id;
    cells.objs[o + 1] = value;
  };
  const has = (cells: Cells, n: number) => cells.nums[n] !== nothing;
  const valueAt = (cells: Cells, o: number) => cells.objs[o + 1] as Kept;
  const idAt = (cells: Cells, o: number) => cells.objs[o] as string;
  const merge: Aggregate['merge'] = (into, n, o, from, fn, fo) => {
    if (has(from, fn)) take(into, n, o, from.nums[fn], idAt(from, fo), valueAt(from, fo));
  };
  return {
    numbers: 1,
    objects: 2,
    result,
    prepare: (cells, n, o) => {
      cells.nums[n] = nothing;
      cells.objs[o] = null;
      cells.objs[o + 1] = null;
    },
    update: (cells, n, o, value, ts, id) => {
      if (value !== null) take(cells, n, o, ts, id, value);
    },
    merge,
    fold: null,
    // From the side of the answer, so that later tiles are skipped.
    mergeRange: (into, n, o, from, fn, fo, numStride, objStride, count) => {
      const { nums } = from;
      for (let k = 0; k < count; k += 1) {
        const i = side === 'first' ? k : count - 1 - k;
        const at = fn + i * numStride;
        if ((nums[at] - into.nums[n]) * sign >= 0) merge(into, n, o, from, at, fo + i * objStride);
      }
    },
    finalise: (cells, n, o) => (has(cells, n) ? valueAt(cells, o) : null),
    clone: (into, n, o, from, fn, fo) => {
      into.nums[n] = from.nums[fn];
      into.objs[o] = from.objs[fo];
      into.objs[o + 1] = from.objs[fo + 1];
    },
    columns: [{ suffix: side, type: 'STRING' }],
    toColumns: (cells, n, o) => [
      has(cells, n) ? stampText(cells.nums[n], idAt(cells, o)) + String(valueAt(cells, o)) : null,
    ],
    fromColumns: (cells, n, o, [text]) => {
      const event = text === null || text === undefined ? null : parseStamp(String(text));
      cells.nums[n] = event?.ts ?? nothing;
      cells.objs[o] = event?.id ?? null;
      cells.objs[o + 1] = event === null ? null : form.fromText(event.text);
    },
    parts: null,
    codec: {
      encode: (writer, cells, o) => {
        const id = cells.objs[o];
        writer.u8(id === null ? 0 : 1);
        if (id === null) return;
        writer.text(idAt(cells, o));
        form.write(writer, valueAt(cells, o));
      },
      decode: (reader, cells, o) => {
        const present = reader.u8() !== 0;
        cells.objs[o] = present ? reader.text() : null;
        cells.objs[o + 1] = present ? form.read(reader) : null;
      },
    },
    isSound: (nums, n) => nums[n] === nothing || isEventTime(nums[n]),
  };
}

/** Ids are ASCII: their order as text is their order as bytes. */
function compareIds(a: string, held: unknown): number {
  const b = held as string;
  return a < b ? -1 : a > b ? 1 : 0;
}
