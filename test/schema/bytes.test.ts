import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';
import { fnv1a32 } from '../../src/base/hash/fnv.ts';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import { randomBelow, randomNormal, seededRandom } from '../../src/base/rng.ts';

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 80 });

const value = fc.oneof(
  fc.record({ kind: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('int' as const), value: fc.maxSafeInteger() }),
  fc.record({ kind: fc.constant('int64' as const), value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ kind: fc.constant('text' as const), value: wellFormed }),
);

test('what is written is read back, in order', () => {
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const writer = new ByteWriter(1);
      for (const { kind, value } of values) (writer[kind] as (v: unknown) => void)(value);
      const reader = new ByteReader('a test', writer.finish());
      for (const { kind, value } of values) expect(reader[kind]()).toStrictEqual(value);
      reader.end();
    }),
  );
});

test('numbers at the edges of their ranges survive', () => {
  const edges = [0, 1, 63, 64, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 8.64e15, Number.MAX_SAFE_INTEGER];
  const writer = new ByteWriter(1);
  for (const edge of edges) {
    writer.varint(edge);
    writer.int(edge);
    writer.int(-edge);
  }
  const reader = new ByteReader('a test', writer.view());
  for (const edge of edges) {
    expect([reader.varint(), reader.int(), reader.int()]).toEqual([edge, edge, edge === 0 ? 0 : -edge]);
  }
});

test('small numbers take one byte and a present-day time six', () => {
  const writer = new ByteWriter();
  writer.int(-63);
  expect(writer.length).toBe(1);
  writer.int(1_700_000_000_000);
  expect(writer.length).toBe(7);
});

test('long and non-ASCII texts survive', () => {
  for (const text of [
    '',
    '\0',
    'a'.repeat(24),
    'a'.repeat(25),
    'é'.repeat(23),
    '名前🙂'.repeat(5000),
    `${'a'.repeat(23)}é`,
  ]) {
    const writer = new ByteWriter(1);
    writer.text(text);
    expect(new ByteReader('a test', writer.view()).text()).toBe(text);
  }
});

test.each([
  ['an early end', [5, 97]],
  ['an endless number', new Array(20).fill(0x80)],
  ['a number beyond 2^53', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ['text that is not UTF-8', [2, 0xc3, 0x28]],
])('%s is an error, not a value', (_, bytes) => {
  expect(() => new ByteReader('a test', Uint8Array.from(bytes)).text()).toThrow(
    expect.objectContaining({ code: 'BYTES_DAMAGED' }),
  );
});

// Values of an independent computation (Python) of FNV-1a and fmix32.
test.each([
  ['', 0x811c9dc5, [0, 1, 3, 923]],
  ['a', 0xe40c292c, [0, 1, 3, 715]],
  ['foobar', 0xbf9cf968, [0, 0, 4, 276]],
  ['600281', 0x7947d926, [0, 1, 5, 565]],
  ['586860-A', 0xa6a1e332, [0, 0, 4, 188]],
  ['3f1c6d2e-9a0b-4c7d-8e5f-001122334455', 0x870405ef, [0, 1, 3, 731]],
  ['名前🙂', 0x0921ca3a, [0, 0, 0, 864]],
])('the partition of %j never changes', (id, hash, partitions) => {
  expect(fnv1a32(id)).toBe(hash);
  expect([1, 2, 8, 1000].map((count) => partitionOf(id, count))).toEqual(partitions);
});

test('consecutive ids spread evenly over partitions', () => {
  const counts = new Array<number>(8).fill(0);
  for (let i = 0; i < 80_000; i++) counts[partitionOf(String(i), 8)] += 1;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
});

test('a seed gives the same numbers everywhere', () => {
  const one = seededRandom(42);
  expect([one(), one(), one(), one()].map((x) => x * 2 ** 32)).toEqual([
    1264412219, 1947509147, 3919439299, 1251167922,
  ]);
  const wide = seededRandom(2 ** 40 + 7);
  expect([wide(), wide(), wide()].map((x) => x * 2 ** 32)).toEqual([1614752920, 2544231158, 2841167337]);
});

test('random numbers have the moments of their distributions', () => {
  const random = seededRandom(7);
  let uniform = 0;
  let normal = 0;
  let square = 0;
  for (let i = 0; i < 100_000; i++) {
    uniform += randomBelow(random, 10);
    const x = randomNormal(random);
    normal += x;
    square += x * x;
  }
  expect(uniform / 100_000).toBeCloseTo(4.5, 1);
  expect(normal / 100_000).toBeCloseTo(0, 1);
  expect(square / 100_000).toBeCloseTo(1, 1);
});
