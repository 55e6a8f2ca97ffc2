import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { md5Hex } from '../../src/base/hash/md5.ts';
import { compareText } from '../../src/base/text-order.ts';
import { bucketAndRho } from '../../src/features/aggregate/approx-distinct.ts';
import { binOf, binOfBigInt, edgeOf, MOST_BIN, middleOf } from '../../src/features/aggregate/bins.ts';

const anyText = fc.string({ unit: 'grapheme', maxLength: 300 });

test('MD5 is that of Node for texts of any length, also around the block of 64 bytes', () => {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  fc.assert(
    fc.property(anyText, (text) => {
      expect(md5Hex(text)).toBe(md5(text));
    }),
    { numRuns: 300 },
  );
  for (let length = 50; length < 140; length += 1) expect(md5Hex('x'.repeat(length))).toBe(md5('x'.repeat(length)));
  const long = '名前🙂'.repeat(5000);
  expect(md5Hex(long)).toBe(md5(long));
  expect(md5Hex('a')).toBe(md5('a'));
});

test('texts order as their UTF-8 bytes do', () => {
  fc.assert(
    fc.property(anyText, anyText, fc.constantFrom('', '\uffee', '\ud7ff', '\ue000', '🙂', 'é'), (a, b, prefix) => {
      const order = Math.sign(compareText(prefix + a, prefix + b));
      expect(order).toBe(Buffer.compare(Buffer.from(prefix + a), Buffer.from(prefix + b)));
    }),
    { numRuns: 500 },
  );
  expect(compareText('\uffff', '\u{10000}')).toBeLessThan(0);
  expect('\uffff' < '\u{10000}').toBe(false);
});

test('the rank of a hash continues behind its first 20 bits', () => {
  // Their MD5 begins 1bc 00000 d4e6…, d8c 00000 33a9… and 722 00000 64e1….
  expect(bucketAndRho('v80657')).toBe(0x1bc * 64 + 21);
  expect(bucketAndRho('v1766675')).toBe(0xd8c * 64 + 23);
  expect(bucketAndRho('v5050625')).toBe(0x722 * 64 + 22);
});

test('a bin is that of the SQL text x - MOD(x, w), for every power of two and the limits of int64', () => {
  const limits = [2n ** 63n - 1n, -(2n ** 63n)];
  const near = Array.from({ length: 63 }, (_, i) => 2n ** BigInt(i)).flatMap((x) =>
    [-2n, -1n, 0n, 1n, 2n].flatMap((d) => [x + d, -x - d]),
  );
  const anyValue = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-100_000n, 100_000n));
  for (const x of [...near, ...limits, ...fc.sample(anyValue, { numRuns: 2000, seed: 1 })]) {
    const size = x < 0n ? -x : x;
    let width = 1n;
    while (size >= 128n * width) width *= 2n;
    const bin = binOfBigInt(x);
    expect(BigInt(edgeOf(bin)), String(x)).toBe(x - (x % width));
    expect(Math.abs(bin)).toBeLessThanOrEqual(MOST_BIN);
    expect(binOfBigInt(BigInt(edgeOf(bin)))).toBe(bin);
    if (size <= BigInt(Number.MAX_SAFE_INTEGER)) expect(binOf(Number(x))).toBe(bin);
    expect(Math.abs(middleOf(bin) - Number(x))).toBeLessThanOrEqual(Number(size) * 0.0078125);
  }
});

test('bins order as their values do', () => {
  const anyValue = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-1000n, 1000n));
  fc.assert(
    fc.property(anyValue, anyValue, (a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      expect(binOfBigInt(less)).toBeLessThanOrEqual(binOfBigInt(more));
    }),
  );
});
