/** Numbers from 0 to below `of`, the same in each run. */
export type Draw = (of: number) => number;

/** Marsaglia's xorshift32. */
export function draws(seed: number): Draw {
  let state = Math.imul(seed, 2_654_435_761) | 1;
  return (of) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % of;
  };
}
