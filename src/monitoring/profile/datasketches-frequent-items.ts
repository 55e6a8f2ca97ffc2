import { fail } from '../../base/errors/fail.ts';
import type { FrequentItems } from './frequent-items.ts';

/**
 * Frequent-items sketches in the bytes of Apache DataSketches, little-endian:
 *
 * ```
 * u8 preamble longs (1 empty, 4) · u8 serial version 1 · u8 family 10 · u8 lg most · u8 lg now · u8 flags (5: empty)
 * u32 active at 8 · i64 stream length at 16 · i64 offset at 24 · i64[active] weights at 32 · items: i64, or u32 length and UTF-8
 * ```
 */
export interface FrequentItemsBytes {
  readonly n: number;
  /** A true count is at least its weight and at most weight + offset. */
  readonly offset: number;
  readonly weights: ReadonlyMap<string, number>;
}

const EMPTY = 5;

/** Reads a sketch of texts or whole numbers. Error: DRIFT_SKETCH. */
export function decodeFrequentItems(bytes: Uint8Array, items: 'string' | 'long'): FrequentItemsBytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw refused(`${bytes.length} bytes are fewer than 8`);
  if (view.getUint8(1) !== 1 || view.getUint8(2) !== 10) throw refused('its version or family is another');
  if ((view.getUint8(5) & EMPTY) !== 0) return { n: 0, offset: 0, weights: new Map() };
  if (bytes.length < 32) throw refused('it ends in its preamble');
  const active = view.getUint32(8, true);
  const n = Number(view.getBigInt64(16, true));
  const offset = Number(view.getBigInt64(24, true));
  if (!(n >= 0 && offset >= 0) || 32 + 8 * active > bytes.length) throw refused(`${active} items of a stream of ${n}`);
  const weights = new Map<string, number>();
  let at = 32 + 8 * active;
  let sum = 0;
  for (let i = 0; i < active; i += 1) {
    const weight = Number(view.getBigInt64(32 + 8 * i, true));
    if (!(weight > 0)) throw refused(`an item has the weight ${weight}`);
    const { text, next } = itemAt(view, at, items);
    if (weights.has(text)) throw refused('an item is there twice');
    weights.set(text, weight);
    sum += weight;
    at = next;
  }
  if (sum > n) throw refused(`its weights add up to ${sum}, more than ${n}`);
  return { n, offset, weights };
}

function itemAt(view: DataView, at: number, items: 'string' | 'long'): { text: string; next: number } {
  const head = items === 'long' ? 8 : 4;
  if (at + head > view.byteLength) throw refused('it ends in its items');
  if (items === 'long') return { text: String(view.getBigInt64(at, true)), next: at + 8 };
  const size = view.getUint32(at, true);
  if (at + 4 + size > view.byteLength) throw refused('it ends in a text');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      new Uint8Array(view.buffer, view.byteOffset + at + 4, size),
    );
    return { text, next: at + 4 + size };
  } catch {
    throw refused('a text is no UTF-8');
  }
}

function refused(reason: string): Error {
  return fail('DRIFT_SKETCH', { kind: 'frequent-items', reason });
}

/** Items that fit into a map of 2^lg places. */
const LOAD = 0.75;
const LEAST_LG = 3;

/** Writes texts with their counts, which every DataSketches library reads as a sketch of strings. */
export function encodeFrequentItems({ most, n, offset, counts }: FrequentItems): Uint8Array {
  const lgFor = (items: number) => Math.max(LEAST_LG, Math.ceil(Math.log2(items / LOAD + 1)));
  const texts = [...counts.keys()].map((text) => new TextEncoder().encode(text));
  const size = texts.reduce((sum, { length }) => sum + 4 + length, 0);
  const bytes = new Uint8Array(counts.size === 0 ? 8 : 32 + 8 * counts.size + size);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, counts.size === 0 ? 1 : 4);
  view.setUint8(1, 1);
  view.setUint8(2, 10);
  view.setUint8(3, lgFor(most));
  view.setUint8(4, lgFor(counts.size));
  view.setUint8(5, counts.size === 0 ? EMPTY : 0);
  if (counts.size === 0) return bytes;
  view.setUint32(8, counts.size, true);
  view.setBigInt64(16, BigInt(n), true);
  view.setBigInt64(24, BigInt(offset), true);
  let at = 32;
  for (const count of counts.values()) {
    view.setBigInt64(at, BigInt(count), true);
    at += 8;
  }
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
