import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entityOf, formerBlockKey, readFormerKey } from '../../src/backends/embedded/online/former-keys.ts';
import {
  blockKey,
  blocksOfTier,
  isOfKey,
  recordBytes,
  recordPlace,
  tierAndBlock,
} from '../../src/backends/embedded/online/store-keys.ts';

const anyKey = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom('k'.repeat(1_201), 'a', 'ab', ''),
);
const anyBlock = fc.oneof(
  fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  fc.constantFrom(...[0, 8, 16, 24, 40].flatMap((bits) => [2 ** bits, -(2 ** bits)].flatMap((n) => [n - 1, n, n + 1]))),
);
const anyPlace = fc.record({ key: anyKey, tier: fc.nat(40_000), block: anyBlock });

function keyOf({ key, tier, block }: { readonly key: string; readonly tier: number; readonly block: number }): Buffer {
  return Buffer.from(blockKey(Uint8Array.from(recordPlace(key)), tier, block));
}

test('the key of a block gives its record, tier and block again, and no two have the same', () => {
  fc.assert(
    fc.property(anyPlace, anyPlace, (a, b) => {
      const [record, key] = [Buffer.from(recordPlace(a.key)), keyOf(a)];
      expect(tierAndBlock(key)).toEqual({ tier: a.tier, block: a.block });
      expect(tierAndBlock(record)).toBe(null);
      expect(key.subarray(0, recordBytes(key))).toEqual(record);
      expect([isOfKey(record), isOfKey(key)]).toEqual([true, true]);
      const isSame = a.key === b.key && a.tier === b.tier && a.block === b.block;
      expect(key.equals(keyOf(b))).toBe(isSame);
    }),
  );
});

test('blocks order as their numbers, and a span has those of one tier of one key alone', () => {
  fc.assert(
    fc.property(anyPlace, anyPlace, anyBlock, (a, b, block) => {
      const other = { ...a, block };
      expect(Math.sign(Buffer.compare(keyOf(a), keyOf(other)))).toBe(Math.sign(a.block - block));
      const [first, last] = [Math.min(a.block, block), Math.max(a.block, block)];
      const infinite = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
      for (const [from, to] of [[first, last], infinite, [first, infinite[1]], [infinite[0], last]] as const) {
        const { start, end } = blocksOfTier(Uint8Array.from(recordPlace(a.key)), a.tier, from, to);
        const has = (key: Buffer) => Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0;
        expect([has(keyOf(a)), has(keyOf(other))]).toEqual([true, true]);
        const isWithin = a.key === b.key && a.tier === b.tier && b.block >= from && b.block <= to;
        expect(has(keyOf(b))).toBe(isWithin);
        expect(has(Buffer.from(recordPlace(a.key)))).toBe(false);
      }
    }),
  );
});

test('a block of a former format names its view, record and place, and stands for the same key', () => {
  fc.assert(
    fc.property(anyPlace, fc.integer({ min: 1, max: 2 ** 40 }), ({ key, tier, block }, hopMs) => {
      const record = Uint8Array.from(recordPlace(key));
      const former = Uint8Array.from(formerBlockKey('view@1', record, hopMs, block));
      expect(readFormerKey(former)).toEqual({ viewId: 'view@1', record, tile: { hopMs, block } });
      for (const entry of [record, former, Uint8Array.from(blockKey(record, tier, block))])
        expect([...(entityOf(entry) ?? [])]).toEqual([...record.subarray(1)]);
      expect(entityOf(Uint8Array.of(5))).toBe(null);
    }),
  );
});
