const EVENTS_PER_GENERATION = 2 ** 40;

/**
 * The order of a tile's contents: `generation · 2^40 + n`. Inside a generation events are only inserted, so n grows.
 * A double holds it exactly up to generation 8,191.
 */
export function tileVersion(generation: number, n: number): bigint {
  return BigInt(generation) * BigInt(EVENTS_PER_GENERATION) + BigInt(n);
}

/** Negative, zero, positive as version a is before, equal to, after version b. */
export function compareVersion(generationA: number, nA: number, generationB: number, nB: number): number {
  return generationA === generationB ? nA - nB : generationA - generationB;
}
