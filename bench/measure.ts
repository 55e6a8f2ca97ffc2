/** Something to time: does `operations` operations of one kind. */
export interface Work {
  readonly operations: number;
  run(): void | Promise<void>;
}

export interface MeasureOptions {
  /** Rounds that are not counted (2). */
  readonly warmUps?: number;
  /** Rounds that are counted (7). */
  readonly rounds?: number;
}

/** Operations per second of each work: the median over rounds in which all take turns, so that they share the machine's moods. */
export async function measureRates<const Names extends string>(
  works: Readonly<Record<Names, Work>>,
  { warmUps = 2, rounds = 7 }: MeasureOptions = {},
): Promise<Readonly<Record<Names, number>>> {
  const names = Object.keys(works) as Names[];
  const rates = new Map<Names, number[]>(names.map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const name of names) {
      const rate = await rateOf(works[name]);
      if (round >= 0) rates.get(name)?.push(rate);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(rates.get(name) ?? [])])) as Record<Names, number>;
}

async function rateOf({ operations, run }: Work): Promise<number> {
  globalThis.gc?.();
  const start = performance.now();
  await run();
  return operations / ((performance.now() - start) / 1000);
}

/** The middle value; the mean of the two middle ones of an even number; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** The value below which a share of the values lies (nearest rank); NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? Number.NaN;
}

/** Slope of the least squares through points; NaN of fewer than two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [middleX, middleY] = [mean(0), mean(1)];
  const both = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0);
  return both / points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
}
