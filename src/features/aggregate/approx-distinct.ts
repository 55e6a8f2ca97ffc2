import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { md5Words } from '../../base/hash/md5.ts';
import type { Cells } from '../tile/cells.ts';
import type { AggregateFactory } from './aggregate.ts';
import { EXACT_VALUES } from './input-types.ts';
import { objectOnly } from './object-only.ts';
import {
  copyRegisters,
  estimateOf,
  forEachRegister,
  HLL_REGISTERS,
  MOST_RHO,
  mergeRegisters,
  type Registers,
  raise,
} from './registers.ts';
import { scalarForm, scalarOf } from './value-text.ts';

/**
 * How many different inputs, estimated by HyperLogLog with 4,096 registers over the MD5 of the input's text; a double,
 * 0 over nothing. Parts: one row per bucket, `part` the first 12 bits of the hash, `value` the rank of the first one
 * among the next 52 bits, the greatest of the bucket.
 */
export const approxDistinct: AggregateFactory = {
  inputs: EXACT_VALUES,
  params: {},
  make: ({ inputType }) => {
    const form = scalarForm(inputType);
    return {
      ...objectOnly<Registers>(copyRegisters),
      result: { type: 'float', nullable: false },
      update: (cells, _n, o, value) => {
        const scalar = scalarOf(value);
        if (scalar === null) return;
        const packed = textBucket(form.toText(scalar));
        cells.objs[o] = raise(registersAt(cells, o), packed >> 6, packed & 63);
      },
      merge: (into, _n, o, from, _fn, fo) => {
        into.objs[o] = mergeRegisters(registersAt(into, o), from.objs, fo, 1, 1);
      },
      mergeRange: (into, _n, o, from, _fn, fo, _numStride, objStride, count) => {
        into.objs[o] = mergeRegisters(registersAt(into, o), from.objs, fo, objStride, count);
      },
      finalise: (cells, _n, o) => estimateOf(registersAt(cells, o)),
      parts: {
        schema: { part: 'BIGINT', value: 'BIGINT' },
        toParts: (cells, _n, o) =>
          listed(registersAt(cells, o)).map((packed) => ({ part: BigInt(packed >> 6), value: BigInt(packed & 63) })),
        fromParts: (cells, _n, o, rows) => {
          let registers: Registers | null = null;
          for (const { part, value } of rows) registers = raise(registers, Number(part), Number(value));
          cells.objs[o] = registers;
        },
      },
      codec: {
        encode: (writer, cells, o) => writeRegisters(writer, registersAt(cells, o)),
        decode: (reader, cells, o) => {
          cells.objs[o] = readRegisters(reader);
        },
      },
    };
  },
};

/**
 * Where a text counts, as `bucket · 64 + rho`: the bucket is the first 12 bits of its MD5, rho the rank of the first one
 * among the 52 bits behind (53: none).
 */
export function bucketAndRho(text: string): number {
  const [first, second] = md5Words(text);
  const high = first & 0xfffff;
  const rho = high !== 0 ? Math.clz32(high) - 11 : 21 + Math.clz32(second);
  return (first >>> 20) * 64 + rho;
}

/** {@link bucketAndRho} of a text, hashed once while it is the same: an event is folded into a tile of every hop. */
export const textBucket = memoised(bucketAndRho);

function memoised(hash: (text: string) => number): (text: string) => number {
  let known = '';
  let held = hash(known);
  return (text) => {
    if (text !== known) {
      held = hash(text);
      known = text;
    }
    return held;
  };
}

function registersAt(cells: Cells, o: number): Registers | null {
  return cells.objs[o] as Registers | null;
}

/** The registers above zero as `bucket · 64 + rho`, ascending. */
function listed(registers: Registers | null): readonly number[] {
  const list: number[] = [];
  forEachRegister(registers, (bucket, rho) => list.push(bucket * 64 + rho));
  return list;
}

/** Registers that are listed; more are written as 4,096 bytes. */
const LISTED = 1500;

/**
 * ```
 * registers = count *(step rho) / count 4096(rho)   ; the latter where count is beyond 1,500
 * count     = varint                                ; registers above zero
 * step      = varint                                ; from the bucket before, −1 at first
 * rho       = %x00-35
 * ```
 */
function writeRegisters(writer: ByteWriter, registers: Registers | null): void {
  const list = listed(registers);
  writer.varint(list.length);
  if (list.length > LISTED) {
    const bytes = new Uint8Array(HLL_REGISTERS);
    for (const packed of list) bytes[packed >> 6] = packed & 63;
    writer.bytes(bytes);
    return;
  }
  let before = -1;
  for (const packed of list) {
    writer.varint((packed >> 6) - before);
    writer.u8(packed & 63);
    before = packed >> 6;
  }
}

function readRegisters(reader: ByteReader): Registers | null {
  const count = reader.varint();
  if (count === 0) return null;
  if (count > LISTED) {
    const bytes = reader.bytes(HLL_REGISTERS).slice();
    if (bytes.some((rho) => rho > MOST_RHO)) throw reader.damaged('a register is out of range');
    return bytes;
  }
  let registers: Registers | null = null;
  let bucket = -1;
  for (let i = 0; i < count; i += 1) {
    const step = reader.varint();
    const rho = reader.u8();
    bucket += step;
    if (step < 1 || bucket >= HLL_REGISTERS || rho < 1 || rho > MOST_RHO)
      throw reader.damaged('a register is out of range');
    registers = raise(registers, bucket, rho);
  }
  return registers;
}
