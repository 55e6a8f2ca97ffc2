import { fail } from '../../base/errors/fail.ts';
import { createKll, KLL_LEAST, type KllSketch, levelCapacity } from './kll-sketch.ts';

/**
 * KLL sketches in the bytes of Apache DataSketches (C++, Java, Python), little-endian:
 *
 * ```
 * u8 preamble ints (2 empty or single, 5 full) · u8 serial version (1, 2 single) · u8 family 15
 * u8 flags (1 empty, 2 level 0 sorted, 4 single) · u16 k · u8 m · u8 unused
 * single: item at 8
 * full: u64 n · u16 least k · u8 levels · u8 unused · u32[levels] start of each level · min · max · items
 * ```
 *
 * whylogs has sketches of doubles with a preamble of 6 ints: four unused bytes precede the levels.
 */
const FAMILY = 15;
const EMPTY = 1;
const SORTED = 2;
const SINGLE = 4;
const MOST_LEVELS = 61;

export type KllItems = 'double' | 'float' | 'string';

/** A sketch as it was written; `items` of level h have the weight 2^h, in the writer's order. */
export interface KllBytes<Item> {
  readonly k: number;
  readonly n: number;
  readonly min: Item | null;
  readonly max: Item | null;
  readonly levels: readonly (readonly Item[])[];
  /** Items that there is room for; 0 where the form does not say. */
  readonly capacity: number;
}

/** Reads a sketch of numbers. Error: DRIFT_SKETCH. */
export function decodeKll(bytes: Uint8Array, items: 'double' | 'float' = 'double'): KllSketch {
  const read = decodeKllItems<number>(bytes, items);
  const sketch = createKll(read.k);
  sketch.n = read.n;
  sketch.min = read.min ?? Number.POSITIVE_INFINITY;
  sketch.max = read.max ?? Number.NEGATIVE_INFINITY;
  sketch.levels.length = 0;
  read.levels.forEach((level, h) => {
    for (let i = 0; i < level.length; i += 1) {
      if (!(level[i] >= sketch.min && level[i] <= sketch.max)) throw refused('an item is outside its extremes');
      if (h > 0 && i > 0 && level[i] < level[i - 1]) throw refused(`level ${h} is not sorted`);
    }
    sketch.levels.push([...level]);
  });
  if (sketch.levels.length === 0) sketch.levels.push([]);
  return sketch;
}

/** Reads a sketch of numbers or texts without changing the order of items: it is the writer's. Error: DRIFT_SKETCH. */
export function decodeKllItems<Item extends number | string>(bytes: Uint8Array, items: KllItems): KllBytes<Item> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw refused(`${bytes.length} bytes are fewer than 8`);
  if (view.getUint8(2) !== FAMILY) throw refused(`its family is ${view.getUint8(2)}`);
  const version = view.getUint8(1);
  if (version !== 1 && version !== 2) throw refused(`its serial version is ${version}`);
  const flags = view.getUint8(3);
  const k = view.getUint16(4, true);
  if (k < KLL_LEAST || view.getUint8(6) !== KLL_LEAST) throw refused(`k is ${k} and m is ${view.getUint8(6)}`);
  if ((flags & EMPTY) !== 0) return { k, n: 0, min: null, max: null, levels: [], capacity: 0 };
  const reader = itemReader<Item>(view, items);
  if ((flags & SINGLE) !== 0) {
    const item = reader(8).item;
    return { k, n: 1, min: item, max: item, levels: [[item]], capacity: 0 };
  }
  return full(view, k, reader);
}

type ReadItem<Item> = (at: number) => { readonly item: Item; readonly next: number };

function full<Item extends number | string>(view: DataView, k: number, reader: ReadItem<Item>): KllBytes<Item> {
  const ints = view.getUint8(0);
  if (ints !== 5 && ints !== 6) throw refused(`its preamble has ${ints} ints`);
  const preamble = 4 * ints;
  if (view.byteLength < preamble) throw refused('it ends in its preamble');
  const n = Number(view.getBigUint64(8, true));
  const count = view.getUint8(18);
  if (count === 0 || count > MOST_LEVELS || !Number.isSafeInteger(n) || n < 1)
    throw refused(`${count} levels of ${n} items`);
  if (view.byteLength < preamble + 4 * count) throw refused('it ends in its levels');
  let capacity = 0;
  for (let h = 0; h < count; h += 1) capacity += levelCapacity(k, count, h);
  const starts = Array.from({ length: count }, (_, h) => view.getUint32(preamble + 4 * h, true));
  starts.push(capacity);
  const least = reader(preamble + 4 * count);
  const most = reader(least.next);
  let at = most.next;
  let weight = 0;
  const levels = Array.from({ length: count }, (_, h): Item[] => {
    const length = starts[h + 1] - starts[h];
    if (length < 0 || length > view.byteLength) throw refused(`level ${h} has ${length} items`);
    weight += length * 2 ** h;
    const level: Item[] = [];
    for (let i = 0; i < length; i += 1) {
      const { item, next } = reader(at);
      level.push(item);
      at = next;
    }
    return level;
  });
  if (weight !== n) throw refused(`its weights add up to ${weight}, not ${n}`);
  return { k, n, min: least.item, max: most.item, levels, capacity };
}

function itemReader<Item extends number | string>(view: DataView, items: KllItems): ReadItem<Item> {
  const room = (at: number, size: number) => {
    if (at + size > view.byteLength) throw refused('it ends in its items');
  };
  return (at) => {
    room(at, items === 'double' ? 8 : 4);
    if (items !== 'string') {
      const value = items === 'double' ? view.getFloat64(at, true) : view.getFloat32(at, true);
      if (Number.isNaN(value)) throw refused('an item is NaN');
      return { item: value as Item, next: at + (items === 'double' ? 8 : 4) };
    }
    const size = view.getUint32(at, true);
    room(at + 4, size);
    return { item: utf8(view, at + 4, size) as Item, next: at + 4 + size };
  };
}

function utf8(view: DataView, at: number, size: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(view.buffer, view.byteOffset + at, size));
  } catch {
    throw refused('a text is no UTF-8');
  }
}

/** Writes a sketch of doubles that every DataSketches library reads. */
export function encodeKll(sketch: KllSketch): Uint8Array {
  const { k, n, min, max, levels } = sketch;
  const single = n === 1;
  const count = levels.length;
  const retained = levels.reduce((sum, { length }) => sum + length, 0);
  const size = n === 0 ? 8 : single ? 16 : 20 + 4 * count + 16 + 8 * retained;
  const view = new DataView(new ArrayBuffer(size));
  view.setUint8(0, n < 2 ? 2 : 5);
  view.setUint8(1, single ? 2 : 1);
  view.setUint8(2, FAMILY);
  view.setUint8(3, n === 0 ? EMPTY : single ? SINGLE : SORTED);
  view.setUint16(4, k, true);
  view.setUint8(6, KLL_LEAST);
  if (n === 0) return new Uint8Array(view.buffer);
  if (single) {
    view.setFloat64(8, min, true);
    return new Uint8Array(view.buffer);
  }
  view.setBigUint64(8, BigInt(n), true);
  view.setUint16(16, k, true);
  view.setUint8(18, count);
  let capacity = 0;
  for (let h = 0; h < count; h += 1) capacity += levelCapacity(k, count, h);
  let start = capacity - retained;
  let at = 20 + 4 * count;
  view.setFloat64(at, min, true);
  view.setFloat64(at + 8, max, true);
  at += 16;
  levels.forEach((items, h) => {
    view.setUint32(20 + 4 * h, start, true);
    start += items.length;
    for (const item of h === 0 ? Float64Array.from(items).sort() : items) {
      view.setFloat64(at, item, true);
      at += 8;
    }
  });
  return new Uint8Array(view.buffer);
}

function refused(reason: string): Error {
  return fail('DRIFT_SKETCH', { kind: 'KLL', reason });
}
