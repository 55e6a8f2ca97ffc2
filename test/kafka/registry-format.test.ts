import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { registryFormat } from '../../src/backends/schema-registry/record-format.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { ReadRecord } from '../../src/ports/record-format.ts';
import type { Columns } from '../../src/schema/column.ts';
import { parseJsonExact } from '../../src/schema/json-exact.ts';
import { parseTypeText } from '../../src/schema/parse-type-text.ts';
import { rowParser } from '../../src/schema/row-parser.ts';
import { framed, type KeptSchema, localRegistry } from './local-registry.ts';

interface Golden {
  readonly payload: string;
  readonly event: string;
}
interface ProtobufGolden {
  readonly syntax: string;
  readonly file: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly indexes: readonly number[];
  readonly records: readonly Golden[];
}

const golden = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/schema_registry/${name}.json`, import.meta.url), 'utf8'));
const avro: { readonly schema: object; readonly records: readonly Golden[] } = golden('avro');
const protobuf: { readonly columns: Record<string, string>; readonly schemas: readonly ProtobufGolden[] } =
  golden('protobuf');

const columns: Columns = Object.fromEntries(
  Object.entries(protobuf.columns).map(([name, text]) => {
    const column = parseTypeText(text);
    if (column === null) throw new Error(text);
    return [name, column];
  }),
);
const rowOf = rowParser({ name: 'clicks', columns, id: 'id', time: 'at' });
const bytesOf = (hex: string) => Buffer.from(hex, 'hex');
const never = new AbortController().signal;

interface Case {
  readonly name: string;
  readonly kept: KeptSchema;
  readonly subjects: Map<string, KeptSchema>;
  readonly indexes?: readonly number[];
  readonly records: readonly Golden[];
}

const cases: readonly Case[] = [
  { name: 'Avro', kept: { schema: JSON.stringify(avro.schema) }, subjects: new Map(), records: avro.records },
  ...protobuf.schemas.map(({ syntax, file, imports, indexes, records }): Case => {
    const references = Object.keys(imports).map((name) => ({ name, subject: name, version: 1 }));
    const subjects = new Map(
      Object.entries(imports).map(([name, serialized]) => [
        `${name} 1`,
        { schema: 'text of the file', schemaType: 'PROTOBUF' as const, serialized },
      ]),
    );
    const kept = { schema: 'text of the file', schemaType: 'PROTOBUF', serialized: file, references } as const;
    return { name: `Protobuf, ${syntax}`, kept, subjects, indexes, records };
  }),
  {
    name: 'JSON Schema',
    kept: { schema: '{"type":"object"}', schemaType: 'JSON' },
    subjects: new Map(),
    records: avro.records.map(({ event }) => ({
      event,
      payload: Buffer.from(event.replace('{', '{"unknown":{"a":[1]},')).toString('hex'),
    })),
  },
];

async function formatOf(schemas: ReadonlyMap<number, KeptSchema>, subjects?: Map<string, KeptSchema>, of = columns) {
  const registry = await localRegistry(schemas, subjects);
  let now = 0;
  const address = { url: registry.url, timeoutMs: 60_000 };
  const format = registryFormat({ address, columns: of, now: () => now });
  const read = (...values: readonly Uint8Array[]) => format.read(values, never);
  const after = (ms: number) => {
    now += ms;
  };
  return { registry, read, after };
}

const eventOf = (read: ReadRecord) => {
  if (read.kind === 'refused') throw read.error;
  return read.event;
};
const codeOf = (read: ReadRecord | undefined) => (read?.kind === 'refused' ? read.error.code : read?.kind);

test.each(cases)(
  '$name: records that another encoder wrote are the rows of the events that they stand for',
  async (one) => {
    const { read, registry } = await formatOf(new Map([[7, one.kept]]), one.subjects);
    const values = one.records.map(({ payload }) => framed(7, bytesOf(payload), one.indexes));
    const rows = (await read(...values)).map((record) => rowOf(eventOf(record)));
    expect(rows).toEqual(one.records.map(({ event }) => rowOf(parseJsonExact(event))));
    expect(rows.length).toBeGreaterThan(50);
    const asked = registry.requests.length;
    await read(...values);
    expect(registry.requests.length).toBe(asked);
  },
);

const runs = Number(process.env['HEADRACE_FORMAT_RUNS'] ?? 300);

test.each(cases)(
  '$name: bytes that were cut, changed or made up are an event or refused with a code, nothing else',
  async (one) => {
    const { read } = await formatOf(new Map([[7, one.kept]]), one.subjects);
    const payloads = one.records.map(({ payload }) => framed(7, bytesOf(payload), one.indexes));
    const changed = fc
      .tuple(
        fc.constantFrom(...payloads),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        fc.uint8Array({ maxLength: 12 }),
      )
      .map(([value, flips, cut, tail]) => {
        const bytes = Buffer.concat([value.subarray(0, value.length - (cut % 3 === 0 ? cut % value.length : 0)), tail]);
        for (const [at, byte] of flips) bytes[5 + (at % Math.max(1, bytes.length - 5))] = byte;
        return bytes.subarray(0);
      });
    const madeUp = fc.uint8Array({ maxLength: 300 }).map((bytes) => framed(7, bytes));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(changed, madeUp), { minLength: 1, maxLength: 20, size: 'max' }),
        async (values) => {
          const found = await read(...values);
          expect(found.length).toBe(values.length);
          for (const record of found)
            if (record.kind === 'refused') {
              expect(record.error.code).toMatch(/^(SCHEMA_(FRAME|BYTES|UNUSABLE|UNKNOWN)|EVENT_JSON)$/);
              expect(record.payload).toMatch(/^0x/);
            } else {
              // Of the gateway it is a row or refused too.
              try {
                rowOf(record.event);
              } catch (error) {
                if (!isHeadraceError(error)) throw error;
              }
            }
        },
      ),
      { numRuns: runs },
    );
  },
);

test.each(cases)(
  '$name: a record that is cut anywhere is refused, or is the event of what was cut off',
  async (one) => {
    const { read } = await formatOf(new Map([[7, one.kept]]), one.subjects);
    const whole = framed(7, bytesOf(one.records[0].payload), one.indexes);
    const cuts = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
    const found = await read(...cuts);
    const codes = new Set(found.map(codeOf));
    expect(codes.has('SCHEMA_FRAME')).toBe(true);
    // The fields of Protobuf may each be absent; other records are whole or none.
    if (!one.name.startsWith('Protobuf')) expect(codes.has('event')).toBe(false);
  },
);

test('what is in no frame of a registry is refused alone', async () => {
  const { read } = await formatOf(new Map([[7, cases[3].kept]]));
  const event = Buffer.from('{"id":"a"}');
  const values = [event, Buffer.alloc(0), Buffer.from([0, 0, 0, 0]), framed(-1, event), framed(7, event)];
  expect((await read(...values)).map(codeOf)).toEqual([
    'SCHEMA_FRAME',
    'SCHEMA_FRAME',
    'SCHEMA_FRAME',
    'SCHEMA_FRAME',
    'event',
  ]);
});

test('a registry that cannot answer fails the read with a code that says retry later, and no record is refused', async () => {
  const schemas = new Map([[7, cases[3].kept]]);
  const { read, registry } = await formatOf(schemas);
  const value = framed(7, Buffer.from('{"id":"a"}'));
  registry.authorization = 'Bearer right';
  await expect(read(value)).rejects.toMatchObject({ code: 'SCHEMA_DENIED', retry: 'later' });
  registry.authorization = null;
  for (const mode of ['cut', 'text', 'endless', 500, 503, 429, 404, 302, 501] as const) {
    registry.mode = mode;
    await expect(read(value), String(mode)).rejects.toMatchObject({ code: 'SCHEMA_UNREACHABLE', retry: 'later' });
  }
  registry.mode = 'up';
  expect((await read(value)).map(codeOf)).toEqual(['event']);
  registry.mode = 'cut';
  expect((await read(value, value)).map(codeOf)).toEqual(['event', 'event']);
});

test.each(['silent', 'half'] as const)(
  'a registry that is %s fails the read at its time, which is no abort',
  async (mode) => {
    const { registry } = await formatOf(new Map([[7, cases[3].kept]]));
    registry.mode = mode;
    const format = registryFormat({ address: { url: registry.url, timeoutMs: 50 }, columns, now: () => 0 });
    await expect(format.read([framed(7, Buffer.from('{}'))], never)).rejects.toMatchObject({
      code: 'SCHEMA_UNREACHABLE',
      facts: { reason: expect.stringMatching(/no answer within 50 ms|aborted/) },
    });
  },
);

test('an abort ends a read that waits for the registry', async () => {
  const { registry } = await formatOf(new Map());
  const address = { url: registry.url, timeoutMs: 600_000 };
  const format = registryFormat({ address, columns, now: () => 0 });
  const stop = new AbortController();
  const reading = format.read([framed(7, Buffer.alloc(0))], stop.signal);
  stop.abort();
  await expect(reading).rejects.toMatchObject({ code: 'SCHEMA_UNREACHABLE' });
});

test('a schema that the registry has not, or that cannot be used, refuses its records alone, and is asked for again later', async () => {
  const schemas = new Map<number, KeptSchema>([
    [1, { schema: '{"type":"record","name":"A","fields":[{"name":"id","type":"Nowhere"}]}' }],
    [2, { schema: 'not JSON' }],
    [3, { schema: 'x', schemaType: 'THRIFT' }],
    [4, { schema: 'x', schemaType: 'PROTOBUF', serialized: Buffer.from('no descriptor').toString('base64') }],
    [7, cases[3].kept],
  ]);
  const { read, registry, after } = await formatOf(schemas);
  const values = [1, 2, 3, 4, 5, 7].map((id) => framed(id, Buffer.from('\0{"id":"a"}').subarray(id === 7 ? 1 : 0)));
  const codes = ['SCHEMA_UNUSABLE', 'SCHEMA_UNUSABLE', 'SCHEMA_UNUSABLE', 'SCHEMA_UNUSABLE', 'SCHEMA_UNKNOWN', 'event'];
  expect((await read(...values)).map(codeOf)).toEqual(codes);
  const asked = registry.requests.length;
  expect((await read(...values)).map(codeOf)).toEqual(codes);
  expect(registry.requests.length).toBe(asked);
  schemas.set(5, cases[3].kept);
  after(60_000);
  expect(codeOf((await read(framed(5, Buffer.from('{"id":"a"}'))))[0])).toBe('event');
});

test('a registry that does not know format=serialized loses no record: the read fails and may be repeated', async () => {
  const { read } = await formatOf(new Map([[7, { schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' }]]));
  await expect(read(framed(7, Buffer.from([0])))).rejects.toMatchObject({
    code: 'SCHEMA_UNREACHABLE',
    facts: { reason: expect.stringContaining('format=serialized') },
  });
});

test('a message index that the schema has not, and a field that is a message, refuse the record', async () => {
  const [, { kept, subjects }] = cases;
  const { read } = await formatOf(new Map([[7, kept]]), subjects);
  for (const indexes of [[9], [1, 9], [1, 0, 1]])
    expect(codeOf((await read(framed(7, Buffer.alloc(0), indexes)))[0])).toBe('SCHEMA_UNUSABLE');
  expect(codeOf((await read(framed(7, Buffer.alloc(0), [0])))[0])).toBe('event');
  // Indexes count messages that someone wrote: an entry of a map comes before this one.
  const [inner] = await read(framed(7, Buffer.from([10, 1, 0x78]), [1, 0, 0]));
  expect(inner).toMatchObject({ kind: 'event', event: { label: 'x' } });
  for (const name of ['unknown', 'other']) {
    const other = await formatOf(new Map([[7, kept]]), subjects, { [name]: { type: 'text', nullable: true } });
    const [found] = await other.read(framed(7, Buffer.alloc(0), [1, 0]));
    expect(found).toMatchObject({ kind: 'refused', error: { code: 'SCHEMA_UNUSABLE' } });
  }
});

test('only records in Protobuf need its package: without it they wait, by an error that names what to install', async () => {
  const { registry } = await formatOf(
    new Map([
      [1, cases[1].kept],
      [2, cases[3].kept],
    ]),
  );
  const program = fileURLToPath(new URL('./processes/without-protobuf.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=headrace-source',
    program,
    registry.url,
  ]);
  expect(JSON.parse(stdout)).toEqual([
    expect.stringMatching(/^SCHEMA_CLIENT later npm install @bufbuild\/protobuf@2/),
    'event',
  ]);
});
