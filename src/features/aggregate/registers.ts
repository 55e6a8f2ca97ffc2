/**
 * The registers of a HyperLogLog sketch, p = 12 (Flajolet, Fusy, Gandouet, Meunier 2007): few as a sorted list of
 * `bucket · 64 + rho`, many as 4,096 bytes. Both forms stand for the same sketch. Hot path.
 */
export type Registers = number[] | Uint8Array;

/** Registers of the sketch: 2^12; the standard error is 1.04 / 2^6 = 1.6 %. */
export const HLL_REGISTERS = 4096;
/** The greatest rank: none of the 52 bits is one. */
export const MOST_RHO = 53;

/** A list beyond this turns into bytes. */
const LONGEST_LIST = 256;

/** Raises one register; gives the registers back, in their other form where the list grew too long. */
export function raise(registers: Registers | null, bucket: number, rho: number): Registers {
  if (registers === null) return [bucket * 64 + rho];
  if (registers instanceof Uint8Array) {
    if (rho > registers[bucket]) registers[bucket] = rho;
    return registers;
  }
  const place = placeOf(registers, bucket);
  if (place < registers.length && registers[place] >> 6 === bucket) {
    if ((registers[place] & 63) < rho) registers[place] = bucket * 64 + rho;
    return registers;
  }
  registers.splice(place, 0, bucket * 64 + rho);
  return registers.length > LONGEST_LIST ? toBytes(registers) : registers;
}

/** The greater of the registers of `held` and of those in `objs`, from `o` on, `stride` apart; null where there are none. */
export function mergeRegisters(
  held: Registers | null,
  objs: readonly unknown[],
  o: number,
  stride: number,
  count: number,
): Registers | null {
  let merged = held;
  for (let i = 0, at = o; i < count; i += 1, at += stride) {
    const added = objs[at] as Registers | null;
    if (added === null) continue;
    if (merged === null) merged = copyRegisters(added);
    else if (added instanceof Uint8Array) merged = raiseAll(merged, added);
    else for (const packed of added) merged = raise(merged, packed >> 6, packed & 63);
  }
  return merged;
}

/** A copy that shares no memory. */
export function copyRegisters(registers: Registers): Registers {
  return registers.slice();
}

/** Calls back for every register above zero, ascending. */
export function forEachRegister(registers: Registers | null, call: (bucket: number, rho: number) => void): void {
  if (registers === null) return;
  if (registers instanceof Uint8Array) {
    for (let bucket = 0; bucket < HLL_REGISTERS; bucket += 1)
      if (registers[bucket] > 0) call(bucket, registers[bucket]);
  } else for (const packed of registers) call(packed >> 6, packed & 63);
}

/** How many registers there are of each rank, 0 to 53. */
const ranks = new Float64Array(MOST_RHO + 1);

/** The classic estimate of the number of different values, with linear counting below 2.5 · 4096. */
export function estimateOf(registers: Registers | null): number {
  ranks.fill(0);
  if (registers instanceof Uint8Array) for (let i = 0; i < HLL_REGISTERS; i += 1) ranks[registers[i]] += 1;
  else if (registers !== null) for (const packed of registers) ranks[packed & 63] += 1;
  const empty = registers instanceof Uint8Array ? ranks[0] : HLL_REGISTERS - (registers?.length ?? 0);
  // Summed by rank, so that the form and the order of the registers do not show in the last bit.
  let harmonic = empty;
  for (let rho = 1; rho <= MOST_RHO; rho += 1) harmonic += ranks[rho] * 2 ** -rho;
  const alpha = 0.7213 / (1 + 1.079 / HLL_REGISTERS);
  const raw = (alpha * HLL_REGISTERS * HLL_REGISTERS) / harmonic;
  return raw <= 2.5 * HLL_REGISTERS && empty > 0 ? HLL_REGISTERS * Math.log(HLL_REGISTERS / empty) : raw;
}

function raiseAll(held: Registers, added: Uint8Array): Uint8Array {
  const bytes = held instanceof Uint8Array ? held : toBytes(held);
  for (let i = 0; i < HLL_REGISTERS; i += 1) if (added[i] > bytes[i]) bytes[i] = added[i];
  return bytes;
}

function toBytes(list: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(HLL_REGISTERS);
  for (const packed of list) bytes[packed >> 6] = packed & 63;
  return bytes;
}

/** Index of the first entry whose bucket is not below. */
function placeOf(list: readonly number[], bucket: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle] >> 6 < bucket) low = middle + 1;
    else high = middle;
  }
  return low;
}
