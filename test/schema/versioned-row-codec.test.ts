import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Columns, Value } from '../../src/schema/column.ts';
import { columnSteps } from '../../src/schema/evolve-columns.ts';
import { parseTypeText } from '../../src/schema/parse-type-text.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { typeText } from '../../src/schema/type-text.ts';
import { versionedRowCodec } from '../../src/schema/versioned-row-codec.ts';

const text = { type: 'text', nullable: false } as const;
const int = { type: 'int', nullable: false } as const;
const first: Columns = { id: text, n: int, m: int, gone: text };
const second: Columns = { n: { type: 'int64', nullable: false }, id: text, m: int, gone: { ...text, nullable: true } };
const third: Columns = {
  ...second,
  m: { type: 'float', nullable: true },
  tags: { type: 'list', element: 'text', nullable: true },
};

const anyInt = fc.maxSafeInteger();
const anyFirst = fc.tuple(fc.string(), anyInt, anyInt, fc.string());

test('a row is read into the present columns with its exact values, whatever columns it was written under', () => {
  const codec = versionedRowCodec([first, second, third]);
  fc.assert(
    fc.property(anyFirst, (row) => {
      const [id, n, m, gone] = row;
      const now: readonly Value[] = [BigInt(n), id, m, gone, null];
      expect(codec.decode(rowCodec(first).encode(row))).toEqual(now);
      expect(codec.decode(versionedRowCodec([first, second]).encode([BigInt(n), id, m, gone]))).toEqual(now);
      expect(codec.decode(codec.encode(now))).toEqual(now);
    }),
  );
});

test('a source that never had other columns writes what it always wrote', () => {
  expect(versionedRowCodec([first]).encode(['a', 1, 2, 'b'])).toEqual(rowCodec(first).encode(['a', 1, 2, 'b']));
});

test('columns that come back to an order that they had are read as what they are', () => {
  const turned: Columns = { n: int, id: text, m: int, gone: text };
  const codec = versionedRowCodec([first, turned, first]);
  expect(codec.decode(rowCodec(first).encode(['a', 1, 2, 'b']))).toEqual(['a', 1, 2, 'b']);
  expect(codec.decode(versionedRowCodec([first, turned]).encode([1, 'a', 2, 'b']))).toEqual(['a', 1, 2, 'b']);
});

test('a row under columns that are not known is an error, and so is one that is damaged', () => {
  const codec = versionedRowCodec([first, second], 'an event of clicks');
  const later = versionedRowCodec([first, second, third]).encode([1n, 'a', 2, 'b', null]);
  expect(() => codec.decode(later)).toThrow(expect.objectContaining({ code: 'EVENT_SCHEMA' }));
  const bytes = codec.encode([1n, 'a', 2, 'b']);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => codec.decode(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'BYTES_DAMAGED' }));
  }
});

test('what a column may become: nullable, an int an int64 or a float; a new one is nullable; everything else is refused', () => {
  const stepsTo = (after: Columns) => columnSteps(first, after).map((step) => Object.values(step).join(' '));
  expect(stepsTo(second)).toEqual(['widen n', 'nullable gone']);
  expect(columnSteps(second, third).map((step) => Object.values(step).join(' '))).toEqual([
    'widen m',
    'nullable m',
    'add tags',
  ]);
  expect(stepsTo({ ...first, more: int })).toEqual(['refuse more required']);
  expect(stepsTo({ id: text, n: int, m: int })).toEqual(['refuse gone gone']);
  expect(stepsTo({ ...first, n: { type: 'time', nullable: false } })).toEqual(['refuse n type']);
  expect(columnSteps(second, first).map((step) => Object.values(step).join(' '))).toEqual([
    'refuse n type',
    'refuse gone null',
  ]);
  expect(
    columnSteps(
      { a: { type: 'decimal', scale: 2, nullable: false } },
      { a: { type: 'decimal', scale: 3, nullable: false } },
    ),
  ).toMatchObject([{ reason: 'type' }]);
});

test('the word of a type is read back', () => {
  const scalars = ['text', 'int', 'int64', 'float', 'bool', 'time'] as const;
  const specs = [true, false].flatMap((nullable) => [
    ...scalars.flatMap((type) => [{ type, nullable }, { type: 'list', element: type, nullable } as const]),
    { type: 'decimal', scale: 4, nullable } as const,
    { type: 'list', element: 'decimal', scale: 0, nullable } as const,
    { type: 'embedding', length: 64, nullable } as const,
  ]);
  for (const spec of specs) expect(parseTypeText(typeText(spec))).toEqual(spec);
  for (const bad of [
    '',
    'int??',
    'blob',
    'list<list>',
    'list<int',
    'constructor',
    'list',
    'embedding',
    'list<embedding(2)>',
  ])
    expect(parseTypeText(bad)).toBeNull();
});
