import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail } from '../../base/errors/fail.ts';
import type { BlockSpread } from '../detect/block-spread.ts';

/** Spreads of blocks by feature, smallest blocks first. */
export type Spreads = ReadonlyMap<string, readonly BlockSpread[]>;

/**
 * The section `spreads` of a reference.
 *
 * ```
 * spreads = varint(features) *(text(feature) varint(sizes) *size)
 * size    = varint(rows of a block) varint(blocks) f64(mean) f64(variance) f64(neighbours) varint(largest) *f64
 * ```
 */
export function encodeSpreads(spreads: Spreads): Uint8Array {
  const out = new ByteWriter(1 << 12);
  out.varint(spreads.size);
  for (const [name, sizes] of spreads) {
    out.text(name);
    out.varint(sizes.length);
    for (const { size, blocks, mean, variance, neighbours, top } of sizes) {
      out.varint(size);
      out.varint(blocks);
      out.f64(mean);
      out.f64(variance);
      out.f64(neighbours);
      out.varint(top.length);
      for (const psi of top) out.f64(psi);
    }
  }
  return out.finish();
}

/** Errors: DRIFT_PROFILE, BYTES_DAMAGED. */
export function decodeSpreads(bytes: Uint8Array): Spreads {
  const reader = new ByteReader('spreads of a reference', bytes);
  const spreads = new Map<string, readonly BlockSpread[]>();
  for (let left = reader.varint(); left > 0; left -= 1) {
    const name = reader.text();
    const sizes: BlockSpread[] = [];
    for (let more = reader.varint(); more > 0; more -= 1) sizes.push(sizeOf(reader, name));
    spreads.set(name, sizes);
  }
  return spreads;
}

function sizeOf(reader: ByteReader, name: string): BlockSpread {
  const [size, blocks] = [reader.varint(), reader.varint()];
  const [mean, variance, neighbours] = [reader.f64(), reader.f64(), reader.f64()];
  const top: number[] = [];
  for (let left = reader.varint(); left > 0; left -= 1) top.push(reader.f64());
  if (size === 0 || blocks < 2 || ![mean, variance, neighbours, ...top].every((fact) => fact >= 0))
    throw fail('DRIFT_PROFILE', { reason: `the spread of "${name}" is none` });
  return { size, blocks, mean, variance, neighbours, top };
}
