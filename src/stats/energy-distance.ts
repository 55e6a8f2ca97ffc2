import { integratedGap } from './wasserstein-distance.ts';

/** The energy distance √(2·∫ (F − G)²) (Székely 2002), as scipy. Null when a sample is empty or not finite. */
export function energyDistance(x: ArrayLike<number>, y: ArrayLike<number>): number | null {
  const sum = integratedGap(x, y, (gap) => gap * gap);
  return sum === null ? null : Math.sqrt(2 * sum);
}
