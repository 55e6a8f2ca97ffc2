import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fnv1a32 } from '../../src/base/hash/fnv.ts';
import { Murmur128 } from '../../src/base/hash/murmur3.ts';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import { IdSet } from '../../src/features/engine/id-set.ts';

const kinds = [
  ['numbers', (i: number) => `order-${i}`],
  ['numbers with the same ending', (i: number) => `${i}:purchase`],
  ['hashes', (i: number) => fnv1a32(`${i}`).toString(16) + fnv1a32(`${i}-`).toString(16)],
] as const;

const hash = new Murmur128();

function hashOf(id: string): Murmur128 {
  hash.ofText(id);
  return hash;
}

test.each(kinds)('the ids of a partition, %s, are divided evenly: no table grows with many others', (_, idOf) => {
  const sizes = new Map<number, number>();
  let ids = 0;
  for (let i = 0; i < 100_000; i += 1) {
    const id = idOf(i);
    if (partitionOf(id, 4) !== 1) continue;
    ids += 1;
    const part = hashOf(id).d >>> 24;
    sizes.set(part, (sizes.get(part) ?? 0) + 1);
  }
  expect(sizes.size).toBe(256);
  expect(Math.max(...sizes.values())).toBeLessThan((2 * ids) / 256);
});

test('an id is in the set from when it is added on, and no other is', () => {
  const ids = new IdSet();
  const known = new Map<string, number>();
  for (const [offset, id] of ['a', 'b', 'a', 'é', '\u{1f600}', 'é', '', 'b'].entries()) {
    expect(ids.get(hashOf(id))).toBe(known.get(id));
    if (known.has(id)) continue;
    ids.add(hashOf(id), offset);
    known.set(id, offset);
  }
});

test.each(kinds)('every one of many ids, %s, is found with its offset, and takes at most 40 bytes', (_, idOf) => {
  const ids = new IdSet();
  const count = 60_000;
  // Offsets of a delivery that nobody names, and beyond 32 bits.
  const offsetOf = (i: number) => (i % 3 === 0 ? -1 : i % 3 === 1 ? i : 2 ** 40 + i);
  for (let i = 0; i < count; i += 1) ids.add(hashOf(idOf(i)), offsetOf(i));
  const wrong: string[] = [];
  for (let i = 0; i < 2 * count; i += 1)
    if (ids.get(hashOf(idOf(i))) !== (i < count ? offsetOf(i) : undefined)) wrong.push(idOf(i));
  expect(wrong).toEqual([]);
  expect(ids.bytes / count).toBeLessThan(40);
});

test('the hash has the verification value of MurmurHash3_x86_128', () => {
  const words = () => Int32Array.of(hash.a, hash.b, hash.c, hash.d);
  const hashes = new Uint8Array(256 * 16);
  const key = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let length = 0; length < 256; length += 1) {
    hash.ofBytes(key, 0, length, 256 - length);
    hashes.set(new Uint8Array(words().buffer), length * 16);
  }
  hash.ofBytes(hashes, 0, hashes.length);
  expect(hash.a >>> 0).toBe(0xb3ece62a);
});

test('a text has the hash of its UTF-8 bytes, wherever they are', () => {
  const encoder = new TextEncoder();
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 90 }), fc.nat(9), (text, before) => {
      const bytes = encoder.encode(`${'-'.repeat(before)}${text}!`);
      hash.ofBytes(bytes, before, bytes.length - 1);
      const { a, b, c, d } = hash;
      expect(hashOf(text)).toMatchObject({ a, b, c, d });
    }),
  );
});
