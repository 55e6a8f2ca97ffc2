import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadProtobuf } from '../../src/backends/schema-registry/protobuf.ts';
import { protobufReader } from '../../src/backends/schema-registry/protobuf-record.ts';
import type { Columns } from '../../src/schema/column.ts';

interface Golden {
  readonly syntax: string;
  readonly file: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly indexes: readonly number[];
}

const { schemas }: { readonly schemas: readonly Golden[] } = JSON.parse(
  readFileSync(new URL('../golden/schema_registry/protobuf.json', import.meta.url), 'utf8'),
);
const text = { type: 'text', nullable: true } as const;
const int64 = { type: 'int64', nullable: true } as const;

async function readerOf({ file, imports, indexes }: Golden, columns: Columns) {
  const protobuf = await loadProtobuf();
  if (protobuf === null) throw new Error('the library is not installed');
  const decoded = new Map(Object.entries(imports).map(([name, bytes]) => [name, Buffer.from(bytes, 'base64')]));
  const read = protobufReader(protobuf, { file: Buffer.from(file, 'base64'), imports: decoded }, indexes, columns);
  return (bytes: readonly number[]) => ({ ...(read(Buffer.from(bytes)) as object) });
}

/** A field of the wire type for bytes. */
const field = (number: number, bytes: readonly number[]): readonly number[] => [
  ...varint(number * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
];
const varint = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];

test.each(schemas)(
  '$syntax: a field that the wire has not is its default, or absent where the schema can say so',
  async (one) => {
    const columns = { label: text, long: int64, maybe_text: text, maybe_long: int64, tags: text, kind: text };
    const read = await readerOf(one, columns);
    const implicit = one.syntax === 'proto3' ? { label: '', long: 0, kind: 'VIEW' } : {};
    expect(read([])).toEqual({ ...implicit, tags: [] });
    expect(read([...field(16, []), ...field(15, [])])).toEqual({
      ...implicit,
      maybe_text: '',
      maybe_long: 0,
      tags: [],
    });
  },
);

test.each(schemas)('$syntax: a text that is not UTF-8 is refused, never changed', async (one) => {
  const read = await readerOf(one, { label: text, tags: { type: 'list', element: 'text', nullable: true } });
  expect(read(field(8, [0xef, 0xbf, 0xbd]))).toMatchObject({ label: '\ufffd' });
  for (const number of [8, 18]) expect(() => read(field(number, [0xc3, 0x28]))).toThrow('not UTF-8');
});

test.each(schemas)('$syntax: an enum is its name, or its number where the column is an integer', async (one) => {
  const name = await readerOf(one, { kind: text });
  const number = await readerOf(one, { kind: int64 });
  expect(name([14 * 8, 7])).toEqual({ kind: 'RETURN' });
  expect(number([14 * 8, 7])).toEqual({ kind: 7 });
  // A number without a name: of proto2 it counts as absent.
  expect(name([14 * 8, 5])).toEqual(one.syntax === 'proto3' ? { kind: 5 } : {});
});

test.each(schemas)('$syntax: the last of a field counts, and a column may have the name in JSON', async (one) => {
  const read = await readerOf(one, { label: text, maybeText: text, rawMicros: int64 });
  const bytes = [...field(8, [0x61]), ...field(8, [0x62]), ...field(16, [0x63]), 13 * 8 + 1, 1, 0, 0, 0, 0, 0, 0, 0x80];
  expect(read(bytes)).toEqual({ label: 'b', maybeText: 'c', rawMicros: -(2n ** 63n) + 1n });
});

test.each(schemas)('$syntax: times and decimals that are none are refused', async (one) => {
  const columns = { at: { type: 'time', nullable: true }, price: text, amount: text } as const;
  const read = await readerOf(one, columns);
  expect(read(field(2, [8, 1, 16, 1]))).toEqual({ at: 1_000 });
  // The nanosecond before 1970.
  expect(read(field(2, [8, ...Array(9).fill(255), 1, 16, ...varint(999_999_999)]))).toEqual({ at: -1 });
  expect(() => read(field(2, [16, ...varint(1_000_000_000)]))).toThrow('nanoseconds');
  for (const wrong of ['', 'abc', '1_0', '9'.repeat(61), 'Infinity'])
    expect(() => read(field(9, field(1, [...Buffer.from(wrong)])))).toThrow('a decimal is no number');
  expect(() => read(field(10, field(1, Array(26).fill(1))))).toThrow('too long');
  for (const scale of [varint(61), [...Array(9).fill(255), 1]])
    expect(() => read(field(10, [24, ...scale]))).toThrow('has the scale');
});

test.each(schemas)('$syntax: fields without a column cost nothing, however deep and however many', async (one) => {
  const read = await readerOf(one, { label: text });
  let deep: readonly number[] = [];
  for (let level = 0; level < 2_000; level += 1) deep = field(22, deep);
  const label = { label: 'x' };
  expect(read([...deep, ...field(8, [0x78])])).toEqual(label);
  const many = Array.from({ length: 100_000 }, () => field(21, [])).flat();
  expect(read([...many, ...field(8, [0x78])])).toEqual(label);
  // Groups, of an old syntax, one in another.
  expect(() =>
    read(
      Array(100_000)
        .fill(99 * 8 + 3)
        .flatMap((tag: number) => varint(tag)),
    ),
  ).toThrow();
});
