import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from '../../src/base/hash/sha256.ts';

const expected = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

test('the hash of "abc" is the one of FIPS 180-4, appendix B.1', () => {
  expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('every length around the block borders gives the hash that node:crypto gives', () => {
  for (let length = 0; length <= 200; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 256);
    expect(sha256Hex(bytes)).toBe(expected(bytes));
  }
});

test('texts of any characters give the hash of their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => sha256Hex(text) === expected(text)),
    { numRuns: 300 },
  );
});
