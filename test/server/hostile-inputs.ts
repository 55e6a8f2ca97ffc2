import { gzipSync } from 'node:zlib';

/** Bytes of the largest input. */
const INPUT_BYTES = 65_536;

function filled(part: string, size: number, [open, close]: readonly [string, string] = ['', '']): string {
  return `${open}${part.repeat(Math.max(1, Math.floor((size - open.length - close.length) / part.length)))}${close}`;
}

function keys(size: number): string {
  let text = '{"k":0';
  for (let i = 0; text.length < size - 20; i += 1) text += `,"k${i}":0`;
  return `${text}}`;
}

const tensor = ['{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[', '1]}]}'] as const;

/** JSON texts, and what looks like one, of about this many bytes: each is many of something. */
const texts: Readonly<Record<string, (size: number) => string>> = {
  brackets: (size) => filled('[', size),
  objects: (size) => filled('{"a":', size),
  closedBrackets: (size) => filled('[', size / 2) + filled(']', size / 2),
  emptyLists: (size) => filled('[],', size, ['[', '[]]']),
  emptyObjects: (size) => filled('{},', size, ['[', '{}]']),
  digits: (size) => filled('1', size, ['[', ']']),
  fraction: (size) => filled('7', size, ['[0.', 'e-9]']),
  exponents: (size) => filled('1e1,', size, ['[', '1]']),
  longNumbers: (size) => filled('0.12345678901234567,', size, ['[', '1]']),
  keys,
  sameKey: (size) => filled('"a":1,', size, ['{', '"a":1}']),
  prototypes: (size) => filled('"__proto__":{"a":1},', size, ['{', '"b":1}']),
  escapes: (size) => filled('\\u0061', size, ['["', '"]']),
  longText: (size) => filled('a', size, ['["', '"]']),
  longName: (size) => filled('a', size, ['{"', '":1}']),
  negative: (size) => filled('9', size, ['{"at":-', '}']),
  openText: (size) => filled('\\\\', size, ['["', '']),
  zeros: (size) => filled('0,', size, ['[', '0]']),
  requests: (size) => filled('{},', size, ['{"requests":[', '{}]}']),
  inputs: (size) => filled('{},', size, ['{"inputs":[', '{}]}']),
  shape: (size) => filled('1,', size, ['{"inputs":[{"name":"x","datatype":"INT64","shape":[', '1]}]}']),
  longs: (size) => filled('0,', size, tensor),
  longExponents: (size) => filled('1e1,', size, tensor),
  nested: (size) => filled('[1],', size, tensor),
  fields: (size) => filled('{"key":"a","value":"b"},', size, ['{"tags":[', '{}]}']),
  lines: (size) => filled('0\n', size),
  objectLines: (size) => filled('{}\n', size),
  blankLines: (size) => filled('\n', size),
  columns: (size) => filled(',', size),
  quotes: (size) => filled('""""', size),
  noText: (size) => filled('\u0000', size),
};

/** How much more a body has before gzip than after it, where its bytes are all alike. */
const BOMB_BYTES = 48 * 2 ** 20;

/** One input of a class: at most INPUT_BYTES as sent. */
export interface HostileInput {
  readonly name: string;
  readonly isGzip: boolean;
  readonly bytes: Buffer;
}

/** Plain bodies of each class. */
export const plainInputs: readonly HostileInput[] = Object.entries(texts).map(([name, make]) => ({
  name,
  isGzip: false,
  bytes: Buffer.from(make(INPUT_BYTES), 'utf8'),
}));

/** The same, as large as 64 KiB of gzip become; `isWhole` makes them of the whole size, else of what a server may decode. */
export function bombs(size = BOMB_BYTES): readonly HostileInput[] {
  return ['brackets', 'emptyLists', 'emptyObjects', 'zeros', 'longs', 'longExponents', 'nested', 'shape'].map(
    (name) => ({
      name: `gzip ${name} of ${size}`,
      isGzip: true,
      bytes: atMost(gzipSync(Buffer.from(texts[name](size), 'latin1'))),
    }),
  );
}

function atMost(bytes: Buffer): Buffer {
  if (bytes.length > INPUT_BYTES) throw new RangeError(`the input has ${bytes.length} bytes`);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

const lengthOf = (bytes: Buffer) => varint(bytes.length);

/** Field 5 (the contents) of an input, with a field of many numbers. */
function contents(field: number, numbers: Buffer): Buffer {
  const list = Buffer.concat([varint(field * 8 + 2), lengthOf(numbers), numbers]);
  const input = Buffer.concat([varint(5 * 8 + 2), lengthOf(list), list]);
  return Buffer.concat([varint(5 * 8 + 2), lengthOf(input), input]);
}

/** Messages of protobuf, of about this many bytes. */
const messages: Readonly<Record<string, (size: number) => Buffer>> = {
  emptyInputs: (size) => Buffer.alloc(size, Buffer.of(5 * 8 + 2, 0)),
  emptyOutputs: (size) => Buffer.alloc(size, Buffer.of(6 * 8 + 2, 0)),
  emptyRaw: (size) => Buffer.alloc(size, Buffer.of(7 * 8 + 2, 0)),
  emptyParameters: (size) => Buffer.alloc(size, Buffer.of(4 * 8 + 2, 0)),
  emptyNames: (size) => Buffer.alloc(size, Buffer.of(1 * 8 + 2, 0)),
  unknown: (size) => Buffer.alloc(size, Buffer.of(15 * 8, 1)),
  groups: (size) => Buffer.alloc(size, 3 * 8 + 3),
  packedLongs: (size) => contents(3, Buffer.alloc(size - 20, 1)),
  packedFlags: (size) => contents(1, Buffer.alloc(size - 20, 1)),
  packedReals: (size) => contents(6, Buffer.alloc(size - 20, 0)),
  unpackedLongs: (size) => {
    const list = Buffer.alloc(size - 20, Buffer.of(3 * 8, 1));
    const input = Buffer.concat([varint(5 * 8 + 2), lengthOf(list), list]);
    return Buffer.concat([varint(5 * 8 + 2), lengthOf(input), input]);
  },
  emptyTexts: (size) => {
    const list = Buffer.alloc(size - 20, Buffer.of(8 * 8 + 2, 0));
    const input = Buffer.concat([varint(5 * 8 + 2), lengthOf(list), list]);
    return Buffer.concat([varint(5 * 8 + 2), lengthOf(input), input]);
  },
  continued: (size) => Buffer.alloc(size, 0x80),
};

export const grpcInputs: readonly HostileInput[] = Object.entries(messages).map(([name, make]) => ({
  name,
  isGzip: false,
  bytes: make(INPUT_BYTES - 8),
}));

export function grpcBombs(size: number): readonly HostileInput[] {
  return Object.entries(messages).map(([name, make]) => ({
    name: `gzip ${name} of ${size}`,
    isGzip: true,
    bytes: atMost(gzipSync(make(size))),
  }));
}
