/** Uniform numbers in [0, 1), passed in wherever chance is needed. */
export type Random = () => number;

/**
 * A seeded source of chance: sfc32 (Doty-Humphrey, PractRand), 32 bits a call, the same on every machine.
 * The seed is a whole number; its low 53 bits count.
 */
export function seededRandom(seed: number): Random {
  let a = 0;
  let b = seed >>> 0;
  let c = Math.floor(seed / 2 ** 32) >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A whole number from 0 to `bound` − 1. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** A standard normal number (Box and Muller 1958; uses two uniform numbers). */
export function randomNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
