import { describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { type CountedWindows, judgeVolume } from '../../src/monitoring/detect/usual-volume.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A Monday. */
const START = Date.UTC(2026, 0, 5);

interface Shape {
  readonly seed: number;
  readonly weeks: number;
  /** Rows of a usual hour. */
  readonly mean: number;
  /** Standard deviation of the hour's own rate, as a share. */
  readonly wobble?: number;
  /** Rate of a week-end day as a share of a weekday's. */
  readonly weekEnd?: number;
  readonly growthAWeek?: number;
}

/** Hourly counts with an hour of the day, week-ends, growth, and more spread than Poisson has. */
function hourly({ seed, weeks, mean, wobble = 0.1, weekEnd = 0.4, growthAWeek = 1 }: Shape): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: weeks * 168 }, (_, hour) => {
    const day = Math.floor(hour / 24) % 7;
    const rate =
      mean *
      (1 + 0.5 * Math.sin((hour % 24) * (Math.PI / 12))) *
      (day >= 5 ? weekEnd : 1) *
      growthAWeek ** (hour / 168) *
      Math.exp(wobble * randomNormal(random));
    return Math.max(0, Math.round(rate + Math.sqrt(rate) * randomNormal(random)));
  });
}

function countedOf(counts: readonly number[]): CountedWindows {
  return { windowMs: HOUR_MS, since: START, countOf: (begin) => counts[(begin - START) / HOUR_MS] ?? 0 };
}

const stateAt = (counts: readonly number[], hour: number) =>
  judgeVolume(countedOf(counts), START + hour * HOUR_MS).state;

describe('the volume of a window against the same hours before', () => {
  test('a gap and half of the volume are a fault, at noon and on a Sunday night', () => {
    for (const hour of [5 * 168 + 36, 5 * 168 + 6 * 24 + 2]) {
      const counts = hourly({ seed: 3, weeks: 6, mean: 1000, wobble: 0.05 });
      expect(stateAt(counts, hour)).toBe('ok');
      expect(stateAt(counts.with(hour, 0), hour)).toBe('little');
      expect(stateAt(counts.with(hour, Math.round(counts[hour] / 2)), hour)).toBe('little');
    }
  });

  test('a gap is found after a day of another one', () => {
    const counts = hourly({ seed: 4, weeks: 6, mean: 500 });
    const hour = 5 * 168 + 60;
    for (let past = hour - 14 * 24 - 12; past < hour - 14 * 24 + 12; past += 1) counts[past] = 0;
    expect(stateAt(counts.with(hour, 0), hour)).toBe('little');
    expect(stateAt(counts, hour)).toBe('ok');
  });

  test('quiet weeks, week-ends and growth raise no fault, from the first week on', () => {
    let judged = 0;
    let faults = 0;
    for (let seed = 1; seed <= 6; seed += 1)
      for (const growthAWeek of [1, 1.15]) {
        const counts = hourly({ seed, weeks: 8, mean: [60, 300, 5000][seed % 3], growthAWeek, wobble: 0.15 });
        for (let hour = seed; hour < counts.length; hour += 5) {
          const state = stateAt(counts, hour);
          if (state !== 'insufficient') judged += 1;
          if (state === 'little') faults += 1;
        }
      }
    expect(judged).toBeGreaterThan(2000);
    expect(faults).toBe(0);
  });

  test('ten times the volume is no fault', () => {
    const counts = hourly({ seed: 8, weeks: 6, mean: 300 });
    expect(stateAt(counts.with(900, counts[900] * 10), 900)).toBe('ok');
  });

  test('without a week of history, and where a few rows are usual, it cannot tell', () => {
    const counts = hourly({ seed: 9, weeks: 6, mean: 1000 });
    expect(stateAt(counts.with(100, 0), 100)).toBe('insufficient');
    const few = hourly({ seed: 9, weeks: 6, mean: 5 });
    expect(stateAt(few.with(900, 0), 900)).toBe('insufficient');
    const long = { windowMs: 2 * DAY_MS, since: START, countOf: () => 1000 };
    expect(judgeVolume(long, START + 14 * DAY_MS).state).toBe('insufficient');
  });
});
