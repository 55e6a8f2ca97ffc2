import { type Registers, raise } from '../../features/aggregate/registers.ts';

const scratch = new Float64Array(1);
const words = new Int32Array(scratch.buffer);

/** Raises the register of a number. Hot path. */
export function raiseNumber(registers: Registers | null, value: number): Registers {
  // −0 and 0 are one value.
  scratch[0] = value + 0;
  return raiseWords(registers, words[0], words[1]);
}

/** Raises the register of a text: FNV-1a in two lanes, then mixed. */
export function raiseText(registers: Registers | null, text: string): Registers {
  let a = 0x811c9dc5 | 0;
  let b = 0x1b873593 | 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b ^= b >>> 15;
  }
  return raiseWords(registers, a, b ^ text.length);
}

/** 12 bits choose the register, 52 give its rank. */
function raiseWords(registers: Registers | null, low: number, high: number): Registers {
  const a = mixed(low ^ Math.imul(high, 0x9e3779b1));
  const b = mixed(high ^ Math.imul(a, 0x85ebca77));
  const bucket = a >>> 20;
  const top = a & 0xfffff;
  const rho = top !== 0 ? Math.clz32(top) - 11 : b === 0 ? 53 : 21 + Math.clz32(b);
  return raise(registers, bucket, rho);
}

/** The finaliser of MurmurHash3 (Appleby, public domain). */
function mixed(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
