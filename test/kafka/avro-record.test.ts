import avsc from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAvroRecord } from '../../src/backends/schema-registry/avro-record.ts';
import { type AvroNames, parseAvroSchema } from '../../src/backends/schema-registry/avro-schema.ts';
import type { Columns } from '../../src/schema/column.ts';
import { ExactNumber } from '../../src/schema/json-exact.ts';

const list = (element: 'text' | 'int64') => ({ type: 'list', element, nullable: true }) as const;
const any = { type: 'text', nullable: true } as const;
const columns: Columns = { a: any, b: list('text'), c: any };

/** 64-bit integers of the encoder, which takes bigints here. */
const longs = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a > b) - Number(a < b),
});

interface Sample {
  readonly schema: unknown;
  /** As the encoder takes it. */
  readonly written: unknown;
  /** As it is to come out. */
  readonly read: unknown;
}

const NESTED = {};
const sample = (schema: unknown, written: unknown, read = written): Sample => ({ schema, written, read });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const small = fc.bigInt({ min: -300n, max: 300n });
const numberOf = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

/** Types that are not unions, each with a value. */
const flat: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant(sample('null', null)),
  fc.boolean().map((value) => sample('boolean', value)),
  fc.integer().map((value) => sample('int', value)),
  fc.oneof(int64, small).map((value) => sample('long', value, numberOf(value))),
  fc.float({ noNaN: true }).map((value) => sample('float', value)),
  fc.double({ noNaN: true }).map((value) => sample({ type: 'double' }, value)),
  fc.string({ unit: 'grapheme' }).map((value) => sample('string', value)),
  fc.uint8Array({ maxLength: 300 }).map((value) => sample('bytes', Buffer.from(value), NESTED)),
  fc.constantFrom('X', 'Y', 'Z').map((value) => sample({ type: 'enum', symbols: ['X', 'Y', 'Z'] }, value)),
  fc
    .uint8Array({ maxLength: 9 })
    .map((value) => sample({ type: 'fixed', size: value.length }, Buffer.from(value), NESTED)),
);

const { tree } = fc.letrec<{ tree: Sample; union: Sample }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    flat,
    fc
      .tuple(flat, fc.nat(5))
      .map(([one, times]) =>
        sample({ type: 'array', items: one.schema }, Array(times).fill(one.written), Array(times).fill(one.read)),
      ),
    fc
      .tuple(fc.string(), tie('tree'))
      .map(([key, one]) => sample({ type: 'map', values: one.schema }, { [`k${key}`]: one.written }, NESTED)),
    fc
      .array(tie('tree'), { maxLength: 3 })
      .map((fields) =>
        sample(
          { type: 'record', fields: fields.map(({ schema }, index) => ({ name: `f${index}`, type: schema })) },
          Object.fromEntries(fields.map(({ written }, index) => [`f${index}`, written])),
          NESTED,
        ),
      ),
    tie('union'),
  ),
  union: fc
    .tuple(
      flat.filter(({ schema }) => schema !== 'null'),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([one, isNull, isFirst]) => {
      const schema = isFirst ? ['null', one.schema] : [one.schema, 'null'];
      return isNull ? sample(schema, null) : sample(schema, { wrapped: one.written }, one.read);
    }),
}));

/** Names each type that needs a name, and tells the encoder the branch of each union by it. */
function named(schema: unknown, written: unknown, count: { n: number }): readonly [unknown, unknown] {
  if (Array.isArray(schema)) {
    const at = schema.findIndex((branch) => branch !== 'null');
    const wrapped = written === null ? null : Reflect.get(written as object, 'wrapped');
    const [type, value] = named(schema[at], wrapped, count);
    const branch =
      typeof type === 'string'
        ? type
        : String(Reflect.get(type as object, 'name') ?? Reflect.get(type as object, 'type'));
    return [schema.map((one, index) => (index === at ? type : one)), written === null ? null : { [branch]: value }];
  }
  if (typeof schema !== 'object' || schema === null) return [schema, written];
  const of = schema as { type: string; items?: unknown; values?: unknown; fields?: { name: string; type: unknown }[] };
  if (of.type === 'enum' || of.type === 'fixed') return [{ ...of, name: `T${count.n++}` }, written];
  if (of.type === 'array') {
    const items = (written as unknown[]).map((item) => named(of.items, item, { n: count.n }));
    const [type] = named(of.items, items.length === 0 ? null : (written as unknown[])[0], count);
    return [{ ...of, items: type }, items.map(([, value]) => value)];
  }
  if (of.type === 'map') {
    const [[key, value]] = Object.entries(written as object);
    const [type, made] = named(of.values, value, count);
    return [{ ...of, values: type }, { [key]: made }];
  }
  if (of.type !== 'record') return [schema, written];
  const name = `T${count.n++}`;
  const fields = (of.fields ?? []).map((field) => {
    const [type, value] = named(field.type, Reflect.get(written as object, field.name), count);
    return { field: { ...field, type }, value: [field.name, value] as const };
  });
  return [
    { ...of, name, fields: fields.map(({ field }) => field) },
    Object.fromEntries(fields.map(({ value }) => value)),
  ];
}

const runs = Number(process.env['HEADRACE_FORMAT_RUNS'] ?? 400);

test('what another encoder wrote by any schema is read as it was written, fields without a column are passed over', () => {
  fc.assert(
    fc.property(fc.array(tree, { minLength: 1, maxLength: 5 }), (fields) => {
      const names = ['a', 'x', 'b', 'y', 'c'];
      const root = {
        type: 'record',
        fields: fields.map(({ schema }, index) => ({ name: names[index], type: schema })),
      };
      const written = Object.fromEntries(fields.map((field, index) => [names[index], field.written]));
      const [schema, value] = named(root, written, { n: 0 });
      const encoder = avsc.Type.forSchema(schema as avsc.Schema, {
        registry: { long: longs },
        wrapUnions: 'always',
      });
      const bytes = encoder.toBuffer(value);
      const read = readAvroRecord(parseAvroSchema(schema, new Map()), bytes, columns);
      const expected = fields.flatMap((field, index) => (names[index] in columns ? [[names[index], field.read]] : []));
      expect({ ...(read as object) }).toEqual(Object.fromEntries(expected));
      expect(() =>
        readAvroRecord(parseAvroSchema(schema, new Map()), Buffer.concat([bytes, Buffer.from([0])]), columns),
      ).toThrow('1 bytes follow the record');
    }),
    { numRuns: runs },
  );
});

const varint = (value: bigint): readonly number[] => {
  const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (let left = zigzag; ; left >>= 7n) {
    if (left < 128n) return [...bytes, Number(left)];
    bytes.push(Number(left & 127n) | 128);
  }
};
const recordOf = (type: unknown) =>
  parseAvroSchema({ type: 'record', name: 'R', fields: [{ name: 'b', type }] }, new Map());

test('blocks that say their size, and several of them, are one array', () => {
  const read = readAvroRecord(
    recordOf({ type: 'array', items: 'string' }),
    Buffer.from([3, 8, 2, 0x61, 2, 0x62, 2, 2, 0x63, 0]),
    columns,
  );
  expect(read).toEqual({ b: ['a', 'b', 'c'] });
});

test('a timestamp of any unit is epoch milliseconds, rounded down, where the column is a time; elsewhere as it is', () => {
  const perMilli = { millis: 1n, micros: 1_000n, nanos: 1_000_000n };
  const moment = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(
      moment,
      fc.constantFrom('millis', 'micros', 'nanos'),
      fc.constantFrom('', 'local-'),
      (ticks, unit, local) => {
        const type = recordOf({ type: 'long', logicalType: `${local}timestamp-${unit}` });
        const bytes = Buffer.from(varint(ticks));
        const divisor = perMilli[unit];
        const down = (ticks - (((ticks % divisor) + divisor) % divisor)) / divisor;
        expect(readAvroRecord(type, bytes, { b: { type: 'time', nullable: true } })).toEqual({ b: numberOf(down) });
        expect(readAvroRecord(type, bytes, { b: { type: 'int64', nullable: true } })).toEqual({ b: numberOf(ticks) });
      },
    ),
  );
});

test('a decimal of any width is read as far as its value fits, and is passed over where no column takes it', () => {
  const decimal = { type: 'fixed', name: 'D', size: 32, logicalType: 'decimal', precision: 70, scale: 2 };
  const column = { type: 'decimal', nullable: true, scale: 2 } as const;
  for (const value of [0n, 1n, -1n, 127n, 128n, -128n, -129n, 10n ** 20n, -(10n ** 37n)]) {
    const bytes = Buffer.from(BigInt.asUintN(256, value).toString(16).padStart(64, '0'), 'hex');
    const text = `${value < 0n ? '-' : ''}${String(value < 0n ? -value : value)
      .padStart(3, '0')
      .replace(/(..)$/, '.$1')}`;
    expect(readAvroRecord(recordOf(decimal), bytes, { b: column })).toEqual({ b: new ExactNumber(text) });
    expect(readAvroRecord(recordOf(decimal), bytes, { a: column })).toEqual({});
  }
  const huge = Buffer.alloc(32, 0x5a);
  expect(() => readAvroRecord(recordOf(decimal), huge, { b: column })).toThrow('a decimal has 32 bytes');
  expect(readAvroRecord(recordOf(decimal), huge, { a: column })).toEqual({});
});

test('a few bytes that promise very many values are refused before they cost anything', () => {
  const items = [
    'null',
    { type: 'fixed', name: 'F', size: 0 },
    { type: 'record', name: 'E', fields: [] },
    'string',
    ['null'],
  ];
  for (const item of items)
    for (const count of [2n ** 20n, 2n ** 40n, 2n ** 62n, -(2n ** 62n), -(2n ** 63n)])
      for (const type of [
        { type: 'array', items: item },
        { type: 'map', values: item },
      ]) {
        const bytes = Buffer.from([...varint(count), ...(count < 0n ? varint(0n) : []), 0]);
        expect(() => readAvroRecord(recordOf(type), bytes, columns)).toThrow();
      }
  for (const length of [2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -1n])
    for (const type of ['string', 'bytes'])
      expect(() => readAvroRecord(recordOf(type), Buffer.from(varint(length)), columns)).toThrow();
});

test('a schema that contains itself, and one that doubles at each level, are refused at a bound', () => {
  const self = parseAvroSchema({ type: 'record', name: 'R', fields: [{ name: 'b', type: 'R' }] }, new Map());
  expect(() => readAvroRecord(self, Buffer.alloc(0), columns)).toThrow('nested deeper than 100');
  const chain = parseAvroSchema({ type: 'record', name: 'R', fields: [{ name: 'b', type: ['null', 'R'] }] }, new Map());
  expect(() => readAvroRecord(chain, Buffer.alloc(1_000_000, 2), columns)).toThrow('nested deeper than 100');
  const names: AvroNames = new Map();
  parseAvroSchema({ type: 'record', name: 'L0', fields: [] }, names);
  for (let level = 1; level <= 60; level += 1)
    parseAvroSchema(
      {
        type: 'record',
        name: `L${level}`,
        fields: ['b', 'x'].map((name) => ({ name, type: `L${level - 1}` })),
      },
      names,
    );
  const [top] = [...names.values()].reverse();
  expect(() => readAvroRecord(top, Buffer.alloc(0), columns)).toThrow('more values than its bytes can hold');
  let deep: unknown = 'null';
  for (let level = 0; level < 5_000; level += 1) deep = { type: 'array', items: deep };
  expect(() => parseAvroSchema(deep, new Map())).toThrow('nested deeper than 100');
});

test('numbers end where their type does', () => {
  const read = (type: string, bytes: readonly number[]) =>
    readAvroRecord(recordOf(type), Buffer.from(bytes), { b: any });
  for (const value of [0n, -1n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)])
    expect(read('long', varint(value))).toEqual({ b: numberOf(value) });
  for (const value of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 62n])
    expect(() => read('int', varint(value))).toThrow('32 bits');
  expect(() => read('long', [...Array(9).fill(255), 2])).toThrow('64 bits');
  expect(() => read('long', [...Array(10).fill(128), 0])).toThrow('64 bits');
  expect(() => read('boolean', [2])).toThrow('a boolean is 2');
  expect(() => read('string', [4, 0xc3, 0x28])).toThrow('not UTF-8');
});

test('names are found as the specification has it: in their namespace, in full, and in schemas that were named before', () => {
  const names: AvroNames = new Map();
  parseAvroSchema({ type: 'enum', name: 'Kind', namespace: 'shop.types', symbols: ['VIEW', 'BUY'] }, names);
  const type = parseAvroSchema(
    {
      type: 'record',
      name: 'shop.events.Click',
      fields: [
        { name: 'a', type: 'shop.types.Kind' },
        { name: 'x', type: { type: 'fixed', name: 'Pad', size: 1 } },
        { name: 'y', type: 'Pad' },
        { name: 'z', type: 'shop.events.Pad' },
        { name: 'c', type: ['null', { type: 'record', name: 'other.Inner', fields: [{ name: 'k', type: 'string' }] }] },
      ],
    },
    names,
  );
  expect(readAvroRecord(type, Buffer.from([2, 9, 9, 9, 0]), columns)).toEqual({ a: 'BUY', c: null });
  expect([...names.keys()]).toEqual(['shop.types.Kind', 'shop.events.Click', 'shop.events.Pad', 'other.Inner']);
  const wrong = [
    5,
    null,
    {},
    'Nowhere',
    { type: 'record', name: 'R' },
    { type: 'record', fields: [] },
    { type: 'record', name: 'R', fields: [{ type: 'int' }] },
    { type: 'record', name: 'R', fields: ['a', 'a'].map((name) => ({ name, type: 'int' })) },
    { type: 'enum', name: 'E' },
    { type: 'fixed', name: 'F', size: -1 },
    { type: 'array' },
    { type: { type: 'nothing' } },
    [
      { type: 'enum', name: 'E', symbols: [] },
      { type: 'enum', name: 'E', symbols: [] },
    ],
  ];
  for (const schema of wrong) expect(() => parseAvroSchema(schema, new Map()), JSON.stringify(schema)).toThrow(Error);
});
