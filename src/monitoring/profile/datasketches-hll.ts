import { fail } from '../../base/errors/fail.ts';
import { estimateOf, forEachRegister, HLL_REGISTERS, type Registers } from '../../features/aggregate/registers.ts';

/**
 * HLL sketches in the bytes of Apache DataSketches, little-endian:
 *
 * ```
 * u8 preamble ints · u8 serial version 1 · u8 family 7 · u8 lg k · u8 lg array · u8 flags (4 empty, 8 compact, 16 out of order)
 * u8 list count or least register · u8 mode (bits 0–1: 0 list, 1 set, 2 HLL; bits 2–3: 0 HLL_4, 1 HLL_6, 2 HLL_8)
 * list: u32 coupons at 8 · set: u32 count at 8, u32 coupons at 12
 * HLL: f64 HIP at 8 · f64 KxQ0 at 16 · f64 KxQ1 at 24 · u32 registers at the least at 32 · u32 exceptions at 36 · registers at 40
 * ```
 */
export interface HllBytes {
  readonly lgK: number;
  readonly mode: 'list' | 'set' | 'hll';
  readonly target: 'HLL_4' | 'HLL_6' | 'HLL_8';
  /** Different values: coupons where few, the HIP estimate, or the harmonic one after a union. */
  readonly estimate: number;
}

const MODES = ['list', 'set', 'hll'] as const;
const TARGETS = ['HLL_4', 'HLL_6', 'HLL_8'] as const;
const EMPTY = 4;
const OUT_OF_ORDER = 16;

/** Reads the estimate of a sketch. Error: DRIFT_SKETCH. */
export function decodeHll(bytes: Uint8Array): HllBytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw refused(`${bytes.length} bytes are fewer than 8`);
  if (view.getUint8(1) !== 1 || view.getUint8(2) !== 7) throw refused('its version or family is another');
  const lgK = view.getUint8(3);
  const mode = MODES[view.getUint8(7) & 3];
  const target = TARGETS[(view.getUint8(7) >> 2) & 3];
  if (lgK < 4 || lgK > 21 || mode === undefined || target === undefined) throw refused(`lg k is ${lgK}`);
  if ((view.getUint8(5) & EMPTY) !== 0) return { lgK, mode, target, estimate: 0 };
  return { lgK, mode, target, estimate: mode === 'hll' ? registersEstimate(view, lgK) : couponsOf(view, mode) };
}

function couponsOf(view: DataView, mode: 'list' | 'set'): number {
  if (mode === 'set' && view.byteLength < 12) throw refused('it ends in its preamble');
  const count = mode === 'list' ? view.getUint8(6) : view.getUint32(8, true);
  if (view.byteLength < (mode === 'list' ? 8 : 12) + 4 * count) throw refused('it ends in its coupons');
  // Coupons have 26 bits: 2^26 of them are a birthday problem, corrected as in linear counting.
  return count === 0 ? 0 : -(2 ** 26) * Math.log1p(-count / 2 ** 26);
}

function registersEstimate(view: DataView, lgK: number): number {
  if (view.byteLength < 40) throw refused('it ends in its preamble');
  const hip = view.getFloat64(8, true);
  const harmonic = view.getFloat64(16, true) + view.getFloat64(24, true);
  if (!(hip >= 0 && Number.isFinite(hip) && harmonic > 0 && Number.isFinite(harmonic)))
    throw refused('its sums are no numbers');
  if ((view.getUint8(5) & OUT_OF_ORDER) === 0) return hip;
  const k = 2 ** lgK;
  const raw = ((0.7213 / (1 + 1.079 / k)) * k * k) / harmonic;
  const zeros = view.getUint8(6) === 0 ? view.getUint32(32, true) : 0;
  if (zeros > k) throw refused(`${zeros} of ${k} registers are empty`);
  return raw <= 2.5 * k && zeros > 0 ? k * Math.log(k / zeros) : raw;
}

function refused(reason: string): Error {
  return fail('DRIFT_SKETCH', { kind: 'HLL', reason });
}

/** The mode byte of registers of a byte each: mode HLL, target HLL_8. */
const HLL_8 = 10;
const HLL_MODE = 2;
const COMPACT = 8;
/** lg of the room of an empty list. */
const LEAST_LIST = 3;

/**
 * Writes registers as HLL_8, which every DataSketches library reads. They come from another hash than that of DataSketches: the estimate
 * holds, a union with a sketch of another program does not. So it is marked as out of order, which takes the estimate from the registers.
 */
export function encodeHll(registers: Registers | null): Uint8Array {
  const bytes = new Uint8Array(registers === null ? 8 : HLL_START + HLL_REGISTERS);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, registers === null ? 2 : HLL_START / 4);
  view.setUint8(1, 1);
  view.setUint8(2, 7);
  view.setUint8(3, LG_K);
  view.setUint8(4, registers === null ? LEAST_LIST : 0);
  view.setUint8(5, registers === null ? EMPTY | COMPACT : OUT_OF_ORDER);
  view.setUint8(7, registers === null ? HLL_8 - HLL_MODE : HLL_8);
  if (registers === null) return bytes;
  forEachRegister(registers, (bucket, rho) => view.setUint8(HLL_START + bucket, rho));
  let [small, large, zeros] = [0, 0, 0];
  for (const rho of bytes.subarray(HLL_START)) {
    if (rho < 32) small += 2 ** -rho;
    else large += 2 ** -rho;
    if (rho === 0) zeros += 1;
  }
  view.setFloat64(8, estimateOf(registers), true);
  view.setFloat64(16, small, true);
  view.setFloat64(24, large, true);
  view.setUint32(32, zeros, true);
  return bytes;
}

const HLL_START = 40;
const LG_K = Math.log2(HLL_REGISTERS);
