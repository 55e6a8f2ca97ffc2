import { md5 } from '../../base/hash/md5.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate } from './aggregate.ts';
import { objectOnly } from './object-only.ts';
import { scalarForm, scalarOf } from './value-text.ts';

/** Registers of the sketch: 2^12; the standard error is 1.04 / 2^6 = 1.6 %. */
export const HLL_REGISTERS = 4096;

/** Non-zero registers by bucket. */
type Registers = Map<number, number>;

/**
 * How many different inputs, estimated by HyperLogLog (Flajolet et al. 2007) with 4,096 registers over the MD5 of the
 * input's text, linear counting below 2.5 · 4096. Parts: one row per bucket, `part` the first 12 bits of the hash,
 * `value` the greatest rank of the first one among the next 52 bits.
 */
export function approxDistinct(spec: AggregateSpec): Aggregate {
  const form = scalarForm(spec.inputType);
  return {
    ...objectOnly<Registers>({ empty: () => new Map(), copy: (registers) => new Map(registers) }),
    result: { type: 'float', nullable: false },
    update: (cells, _n, o, value) => {
      const scalar = scalarOf(value);
      if (scalar === null) return;
      const { bucket, rho } = bucketAndRho(form.toText(scalar));
      raise(registersAt(cells, o), bucket, rho);
    },
    merge: (into, _n, o, from, _fn, fo) => {
      const registers = registersAt(into, o);
      for (const [bucket, rho] of registersAt(from, fo)) raise(registers, bucket, rho);
    },
    finalise: (cells, _n, o) => estimate(registersAt(cells, o)),
    parts: {
      schema: { part: 'BIGINT', value: 'BIGINT' },
      toParts: (cells, _n, o) =>
        byBucket(registersAt(cells, o)).map(([bucket, rho]) => ({ part: BigInt(bucket), value: BigInt(rho) })),
      fromParts: (cells, _n, o, rows) => {
        const registers: Registers = new Map();
        for (const { part, value } of rows) raise(registers, Number(part), Number(value));
        cells.objs[o] = registers;
      },
    },
    codec: {
      encode: (writer, cells, o) => {
        const entries = byBucket(registersAt(cells, o));
        writer.varint(entries.length);
        for (const [bucket, rho] of entries) {
          writer.varint(bucket);
          writer.u8(rho);
        }
      },
      decode: (reader, cells, o) => {
        const registers: Registers = new Map();
        const size = reader.varint();
        for (let i = 0; i < size; i += 1) registers.set(reader.varint(), reader.u8());
        cells.objs[o] = registers;
      },
    },
  };
}

/** Where a text counts: its bucket (12 bits) and the rank of the first one among the 52 bits behind (53: none). */
export function bucketAndRho(text: string): { readonly bucket: number; readonly rho: number } {
  const hash = md5(text);
  const bucket = (hash[0] << 4) | (hash[1] >> 4);
  const high = ((hash[1] & 0x0f) << 16) | (hash[2] << 8) | hash[3];
  if (high !== 0) return { bucket, rho: Math.clz32(high) - 11 };
  const low = ((hash[4] << 24) | (hash[5] << 16) | (hash[6] << 8) | hash[7]) >>> 0;
  return { bucket, rho: 21 + Math.clz32(low) };
}

/** The classic estimate of the number of different values. */
function estimate(registers: Registers): number {
  const empty = HLL_REGISTERS - registers.size;
  let harmonic = empty;
  for (const rho of registers.values()) harmonic += 2 ** -rho;
  const alpha = 0.7213 / (1 + 1.079 / HLL_REGISTERS);
  const raw = (alpha * HLL_REGISTERS * HLL_REGISTERS) / harmonic;
  return raw <= 2.5 * HLL_REGISTERS && empty > 0 ? HLL_REGISTERS * Math.log(HLL_REGISTERS / empty) : raw;
}

function registersAt(cells: Cells, o: number): Registers {
  return cells.objs[o] as Registers;
}

function raise(registers: Registers, bucket: number, rho: number): void {
  if (rho > (registers.get(bucket) ?? 0)) registers.set(bucket, rho);
}

function byBucket(registers: Registers): readonly (readonly [number, number])[] {
  return [...registers].sort(([a], [b]) => a - b);
}
