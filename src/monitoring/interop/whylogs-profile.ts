import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { WireFault } from '../../base/protobuf.ts';
import { type ColumnSketch, createColumnSketch } from '../profile/column-sketch.ts';
import { decodeFrequentItems, type FrequentItemsBytes } from '../profile/datasketches-frequent-items.ts';
import { decodeHll } from '../profile/datasketches-hll.ts';
import { decodeKll } from '../profile/kll-bytes.ts';
import type { KllSketch } from '../profile/kll-sketch.ts';
import { createProfile, type Profile } from '../profile/profile.ts';
import { entriesOf, type Field, fieldsOf, textOf, varintAt } from './protobuf-fields.ts';

/**
 * A profile of whylogs 1, as its `write` makes it:
 *
 * ```
 * "WHY1" varint(length) segment header · varint(length) profile header · chunks
 * profile header: 2 map<column, { 1 offsets }> · 4 length of the chunks · 5 map<index, metric path>
 * chunk, at an offset: varint(length) { 3 length } · message of that length: { 1 map<index, component> }
 * component: 2 int64 · 3 double · 4 { 1 frequent items } · 5 { 1 HLL } · 6 { 1 KLL }
 * ```
 */
const MAGIC = [0x57, 0x48, 0x59, 0x31];

/** Most different numbers that are counted one by one, as in profiles of this program. */
const MOST_NUMBERS = 64;

type Component = readonly Field[];

/** Whether bytes begin as a profile of whylogs 1. */
function isWhylogsProfile(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Reads a profile of whylogs 1, to compare it. Quantiles and counts are those of its sketches. Error: DRIFT_WHYLOGS. */
export function decodeWhylogsProfile(bytes: Uint8Array): Profile {
  if (!isWhylogsProfile(bytes))
    throw refused(
      isVersion0(bytes) ? 'it has the format of whylogs 0, which is not read' : 'it does not start with WHY1',
    );
  try {
    return profileOf(bytes);
  } catch (error) {
    if (error instanceof WireFault) throw refused(error.message);
    if (isHeadraceError(error, 'DRIFT_SKETCH')) throw refused(error.message);
    throw error;
  }
}

function profileOf(bytes: Uint8Array): Profile {
  const segment = framed(bytes, MAGIC.length);
  if (fieldsOf(segment.bytes).some(({ number, whole }) => number === 1 && whole === 1))
    throw refused('it has several segments; write each one alone');
  const header = framed(bytes, segment.next);
  const fields = fieldsOf(header.bytes);
  const paths = new Map<number, string>();
  for (const [key, value] of entriesOf(fields, 5)) paths.set(indexOf(key), textOf(value?.bytes ?? new Uint8Array(0)));
  const profile = createProfile();
  for (const [key, value] of entriesOf(fields, 2)) {
    const name = textOf(key?.bytes ?? new Uint8Array(0));
    const components = new Map<string, Component>();
    for (const offset of offsetsOf(value)) readChunk(bytes, header.next + offset, paths, components);
    const sketch = sketchOf(name, components);
    profile.columns.set(name, sketch);
    profile.rows = Math.max(profile.rows, sketch.rows);
  }
  if (profile.columns.size === 0) throw refused('it has no column');
  return profile;
}

/** A key of a map, 0 where it is left out. */
function indexOf(key: Field | null): number {
  return key?.whole ?? 0;
}

function framed(bytes: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly next: number } {
  const { value, next } = varintAt(bytes, at);
  if (next + value > bytes.length) throw new WireFault('it ends in a header');
  return { bytes: bytes.subarray(next, next + value), next: next + value };
}

/** Packed whole numbers, or one. */
function offsetsOf(field: Field | null): readonly number[] {
  const offsets: number[] = [];
  for (const { number, whole, bytes } of fieldsOf(field?.bytes ?? new Uint8Array(0))) {
    if (number !== 1) continue;
    if (!Number.isNaN(whole)) offsets.push(whole);
    for (let at = 0; at < bytes.length; ) {
      const { value, next } = varintAt(bytes, at);
      offsets.push(value);
      at = next;
    }
  }
  return offsets;
}

function readChunk(
  bytes: Uint8Array,
  at: number,
  paths: ReadonlyMap<number, string>,
  components: Map<string, Component>,
): void {
  if (at > bytes.length) throw new WireFault('a column is beyond its end');
  const head = framed(bytes, at);
  const length = fieldsOf(head.bytes).findLast(({ number }) => number === 3)?.whole ?? 0;
  if (!(head.next + length <= bytes.length)) throw new WireFault('it ends in a column');
  for (const [key, value] of entriesOf(fieldsOf(bytes.subarray(head.next, head.next + length)), 1)) {
    const path = paths.get(indexOf(key));
    if (path === undefined) throw new WireFault('a metric has no path');
    if (components.has(path)) throw new WireFault(`the metric ${path} is there twice`);
    components.set(path, fieldsOf(value?.bytes ?? new Uint8Array(0)));
  }
}

function sketchOf(name: string, components: ReadonlyMap<string, Component>): ColumnSketch {
  const count = (path: string) => {
    const field = components.get(path)?.findLast(({ number }) => number === 2);
    if (field !== undefined && Number.isNaN(field.whole)) throw refused(`column "${name}" has no valid ${path}`);
    return field?.whole ?? 0;
  };
  const sketchBytes = (path: string, number: number) => {
    const field = components.get(path)?.findLast((one) => one.number === number);
    return field === undefined ? null : (fieldsOf(field.bytes).findLast((one) => one.number === 1)?.bytes ?? null);
  };
  if (!components.has('counts/n')) throw refused(`column "${name}" has no counts`);
  const [rows, missing] = [count('counts/n'), count('counts/null')];
  const [kllBytes, hllBytes] = [sketchBytes('distribution/kll', 6), sketchBytes('cardinality/hll', 5)];
  const frequentBytes = sketchBytes('frequent_items/frequent_strings', 4);
  const kll = kllBytes === null ? null : decodeKll(kllBytes);
  const frequent = frequentBytes === null ? null : decodeFrequentItems(frequentBytes, 'string');
  const isNumber = kll !== null && kll.n > 0 && count('types/string') === 0;
  const sketch = createColumnSketch(isNumber ? 'number' : 'text');
  sketch.rows = rows;
  sketch.missing = missing;
  if (missing > rows) throw refused(`column "${name}" has more missing values than rows`);
  const distinct = hllBytes === null ? 0 : decodeHll(hllBytes).estimate;
  sketch.distinct = Math.min(rows, Math.round(distinct));
  if (isNumber && kll !== null) numberSketch(name, sketch, { kll, frequent, count, components });
  else fillFrequent(sketch, frequent);
  return sketch;
}

interface Numbers {
  readonly kll: KllSketch;
  readonly frequent: FrequentItemsBytes | null;
  readonly count: (path: string) => number;
  readonly components: ReadonlyMap<string, Component>;
}

function numberSketch(name: string, sketch: ColumnSketch, { kll, frequent, count, components }: Numbers): void {
  if (!(Number.isFinite(kll.min) && Number.isFinite(kll.max)))
    throw refused(`the distribution of column "${name}" has infinite values`);
  // NaN is counted as missing by some writers and apart from it by others: the distribution decides.
  const infinite = count('counts/inf');
  const missing = sketch.rows - kll.n - infinite;
  if (!(missing >= sketch.missing && missing <= sketch.missing + count('counts/nan')))
    throw refused(`the distribution of column "${name}" has ${kll.n} values, which do not fit its counts`);
  sketch.missing = missing;
  const double = (path: string) => {
    const field = components.get(path)?.findLast(({ number }) => number === 3);
    if (field?.bytes.length !== 8) return 0;
    return new DataView(field.bytes.buffer, field.bytes.byteOffset, 8).getFloat64(0, true);
  };
  const [mean, squares] = [double('distribution/mean'), double('distribution/m2')];
  const isBetween = mean >= kll.min - Math.abs(kll.min) * 1e-9 && mean <= kll.max + Math.abs(kll.max) * 1e-9;
  if (!(isBetween && squares >= 0 && Number.isFinite(squares)))
    throw refused(`the moments of column "${name}" do not fit its values`);
  sketch.kll = kll;
  sketch.infinite = infinite;
  sketch.mean = mean;
  sketch.squares = squares;
  sketch.whole = count('types/fractional') === 0;
  const isExact = frequent !== null && frequent.offset === 0 && frequent.weights.size <= MOST_NUMBERS;
  if (isExact && frequent.n === kll.n) fillFrequent(sketch, frequent);
  else sketch.frequent = null;
}

function fillFrequent(sketch: ColumnSketch, frequent: FrequentItemsBytes | null): void {
  if (sketch.frequent === null || frequent === null) return;
  if (frequent.n > sketch.rows) throw refused(`frequent items of ${frequent.n} values in ${sketch.rows} rows`);
  sketch.frequent.n = frequent.n;
  sketch.frequent.offset = frequent.offset;
  for (const [text, weight] of frequent.weights) sketch.frequent.counts.set(text, weight);
}

/** whylogs 0 writes messages with their length before each; the first one begins with its properties. */
function isVersion0(bytes: Uint8Array): boolean {
  try {
    const { value, next } = varintAt(bytes, 0);
    return value > 0 && next + value <= bytes.length && bytes[next] === 0x0a;
  } catch {
    return false;
  }
}

function refused(reason: string): Error {
  return fail('DRIFT_WHYLOGS', { reason });
}
