import { finiteSample } from './sorted-sample.ts';

/** W₁ = ∫ |F − G| of two samples. Null when one is empty or has a value that is not finite. */
export function wassersteinDistance(x: ArrayLike<number>, y: ArrayLike<number>): number | null {
  return integratedGap(x, y, Math.abs);
}

/** ∫ of(F − G) over the line, for two empirical distributions. */
export function integratedGap(x: ArrayLike<number>, y: ArrayLike<number>, of: (gap: number) => number): number | null {
  const first = finiteSample(x);
  const second = finiteSample(y);
  if (first === null || second === null) return null;
  let sum = 0;
  let i = 0;
  let j = 0;
  let last = Math.min(first[0], second[0]);
  while (i < first.length || j < second.length) {
    const value = i < first.length && (j >= second.length || first[i] <= second[j]) ? first[i] : second[j];
    sum += of(i / first.length - j / second.length) * (value - last);
    last = value;
    while (i < first.length && first[i] === value) i += 1;
    while (j < second.length && second[j] === value) j += 1;
  }
  return sum;
}
