import { describe, expect, test } from 'vitest';
import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { seasonalLimits } from '../../src/monitoring/monitor/seasonal-limits.ts';

const HOUR_MS = 3_600_000;
const SEED = Number(process.env['HEADRACE_SEED'] ?? 20_260_101);

/** The usual value of an hour since Thursday, 1970-01-01. Values are about 0.3, with a noise of 0.02. */
type Level = (hour: number) => number;

const LEVELS: Readonly<Record<'flat' | 'day' | 'week', Level>> = {
  flat: () => 0.3,
  day: (hour) => 0.3 + 0.2 * Math.sin((hour / 24) * 2 * Math.PI),
  week: (hour) => LEVELS.day(hour) + (Math.floor(hour / 24) % 7 < 2 ? 0.15 : 0),
};
const NOISE = 0.02;

/** Windows after a reference of some hours, with the limits of each. */
function judged(random: Random, level: Level, hours: number, shift = 0) {
  const valueAt = (hour: number) => level(hour) + NOISE * randomNormal(random);
  const values = Array.from({ length: hours }, (_, hour) => valueAt(hour));
  const limitsOf = seasonalLimits({ from: 0, windowMs: HOUR_MS, values });
  return Array.from({ length: 168 }, (_, i) => {
    const hour = hours + i;
    const limits = limitsOf?.({ from: hour * HOUR_MS, to: (hour + 1) * HOUR_MS }) ?? null;
    const value = valueAt(hour) + shift;
    const isOut = limits !== null && (value < limits.lower || value > limits.upper);
    return { season: limits?.season, isOut };
  });
}

const shareOf = (windows: readonly { readonly isOut: boolean }[]) =>
  windows.filter(({ isOut }) => isOut).length / windows.length;

describe('limits of a fact by its season', () => {
  const cases = [
    { name: 'a cycle of the day, two days', level: LEVELS.day, hours: 48, season: 'day' },
    { name: 'a cycle of the day, two weeks', level: LEVELS.day, hours: 336, season: 'day' },
    { name: 'weekends, two weeks', level: LEVELS.week, hours: 336, season: 'week' },
    { name: 'no cycle, two weeks', level: LEVELS.flat, hours: 336, season: null },
    { name: 'no cycle, ten windows', level: LEVELS.flat, hours: 10, season: null },
  ] as const;

  test.each(cases)('$name: calm hours stay within, and half the cycle is found', ({ level, hours, season }) => {
    const runs = Array.from({ length: 10 }, (_, run) => judged(seededRandom(SEED + run), level, hours));
    const calm = runs.flat();
    expect(calm.filter((one) => one.season === season).length / calm.length).toBeGreaterThanOrEqual(0.8);
    expect(shareOf(calm)).toBeLessThan(hours === 10 ? 0.03 : 0.01);
    const moved = judged(seededRandom(SEED + 99), level, hours, 0.1);
    expect(shareOf(moved)).toBeGreaterThan(0.7);
  });

  test('windows that are no part of a season, or hold it once, are compared with all', () => {
    const values = Array.from({ length: 47 }, (_, hour) => LEVELS.day(hour));
    const window = { from: 60 * HOUR_MS, to: 61 * HOUR_MS };
    expect(seasonalLimits({ from: 0, windowMs: HOUR_MS, values })?.(window).season).toBeNull();
    expect(seasonalLimits({ from: 0, windowMs: 7 * HOUR_MS, values })?.(window).season).toBeNull();
    expect(seasonalLimits({ from: 0, windowMs: HOUR_MS, values: [0.3, null] })).toBeNull();
  });
});
