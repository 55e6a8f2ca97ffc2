import { expect, test } from 'vitest';
import { limitOf, matchedOf } from '../../scripts/drift-alarms/judge.ts';
import { knownReferences, powerOf, profilesOf } from '../../scripts/drift-alarms/looks.ts';
import { countWindows, sketchOf, windowRows } from '../../scripts/drift-alarms/pools.ts';
import { quarterOf, quickPsi, referencesOf, shareTable } from '../../scripts/drift-alarms/quarter.ts';
import {
  bareReference,
  countRows,
  fullReference,
  REFERENCE_ROWS,
  referenceRows,
  tableOf,
} from '../../scripts/drift-alarms/references.ts';
import { FILLED } from '../../scripts/drift-alarms/stream.ts';
import { addBlock, createBlockCounter, leastBlock, spreadsOf } from '../../src/monitoring/detect/block-spread.ts';
import { quietChance } from '../../src/monitoring/detect/quiet-chance.ts';
import { spreadLimit } from '../../src/monitoring/detect/spread-limit.ts';
import { buildReference, decodeReference, encodeReference } from '../../src/monitoring/monitor/reference.ts';
import { populationStabilityIndex } from '../../src/stats/population-stability-index.ts';

const seed = 20_261_128;
const WEEKEND = 0.3;

test('the simulation’s short path has the counts, blocks and limits of a reference that is registered', async () => {
  const rows = referenceRows({ seed, rho: 0.9, season: WEEKEND, index: 3 });
  const [short, full] = [countRows(rows), await fullReference(rows, 'f0')];
  expect(short.chunks).toEqual(full.chunks.map(({ columns }) => columns.get('f0')?.counts));
  expect(short.spreads).toEqual(full.spreads?.get('f0'));
  for (const n of [300, 1000, 1_000_000])
    expect(limitOf(bareReference(short, 'f0'), 'f0', n)).toEqual(limitOf(full, 'f0', n));
});

test('the simulation’s short path has the rows of each hour of a reference that is registered', async () => {
  const rows = referenceRows({ seed, rho: 0.5, season: 0.6, index: 4 });
  const [short, full] = [countRows(rows, 0.6), await fullReference(rows, 'f0', 0.6)];
  expect(short.seasonal).toEqual(full.seasonal);
  const [weekday, saturday] = [30, 5 * 24 + 6];
  const whole = short.chunks.reduce((sum, chunk) => sum.map((count, i) => count + chunk[i]));
  // Four Saturdays at six have rows of their own, and a limit.
  expect(matchedOf(full.seasonal, saturday, 1000)?.counts.reduce((sum, one) => sum + one)).toBeCloseTo(4 * 148, 6);
  const references = referencesOf([short], 1000);
  const window = countWindows({ seed, n: 1000, rho: 0.5 }, 1, [0.6])[0];
  for (const hour of [weekday, saturday]) {
    // A weekday differs from all hours by no more than chance.
    const counts = matchedOf(full.seasonal, hour, 1000)?.counts ?? whole;
    const psi = populationStabilityIndex(counts, [...window, 0])?.psi;
    expect(quickPsi(references, hour, window, 0, shareTable(1000))).toBeCloseTo(psi ?? -1, 10);
  }
});

test('the simulation’s short path has the counts and the PSI of windows that are profiled', () => {
  const pool = { seed, n: 300, rho: 0.5 };
  const [plain, moved] = countWindows(pool, 20, [0, WEEKEND]);
  const counted = [countRows(referenceRows({ seed, rho: 0.5, season: 0, index: 0 }))];
  const references = referencesOf(counted, pool.n);
  const whole = counted[0].chunks.reduce((sum, chunk) => sum.map((count, i) => count + chunk[i]));
  for (let w = 0; w < 20; w += 1)
    for (const [counts, shift] of [
      [plain, 0],
      [moved, WEEKEND],
    ] as const) {
      const sketch = sketchOf(windowRows(pool, w, shift));
      expect([...(sketch.counts ?? [])]).toEqual([...counts.subarray(w * FILLED, (w + 1) * FILLED), 0]);
      const psi = populationStabilityIndex(whole, sketch.counts ?? [])?.psi;
      expect(quickPsi(references, 0, counts, w, shareTable(pool.n))).toBeCloseTo(psi ?? -1, 12);
    }
});

test('the limit is exceeded as often as it says, whatever the dependence of rows', () => {
  // One feature, so that a short simulation sees the chance: 5 % of windows.
  const chance = quietChance(1, null);
  for (const rho of [0, 0.9]) {
    const n = 300;
    const [windows] = countWindows({ seed, n, rho }, 2000, [0]);
    let over = 0;
    for (let index = 0; index < 8; index += 1) {
      const { chunks, spreads } = countRows(referenceRows({ seed, rho, season: 0, index }));
      const whole = chunks.reduce((sum, chunk) => sum.map((count, i) => count + chunk[i]));
      const limit = spreadLimit({ spreads, rows: n, reference: REFERENCE_ROWS, bins: FILLED, chance })?.psi ?? 0;
      for (let w = 0; w < 2000; w += 1)
        over +=
          (populationStabilityIndex(whole, windows.subarray(w * FILLED, (w + 1) * FILLED))?.debiased ?? 0) > limit
            ? 1
            : 0;
    }
    const share = over / 16_000;
    expect({ rho, within: share > 0.6 * chance && share < 1.4 * chance, share }).toMatchObject({ rho, within: true });
  }
});

test('a level that changes slowly is as far off whatever the rows of a window; the chance of rows is not', () => {
  // Weekends are in the counts of a whole that no single block has.
  const limitAt = (season: number, rows: number) => {
    const { spreads } = countRows(referenceRows({ seed, rho: 0, season, index: 1 }));
    return spreadLimit({ spreads, rows, reference: REFERENCE_ROWS, bins: FILLED, chance: 5e-4 })?.psi ?? 0;
  };
  expect(limitAt(0, 1_000_000)).toBeLessThan(0.01);
  expect(limitAt(WEEKEND, 1_000_000)).toBeGreaterThan(0.05);
  expect(limitAt(WEEKEND, 1_000_000)).toBeGreaterThan(limitAt(WEEKEND, 1000) / 3);
});

test('few blocks give a wider limit than many of the same spread', () => {
  const limitOfBlocks = (blocks: number) => {
    const whole = new Float64Array(10).fill(1);
    const counter = createBlockCounter(whole, 300);
    for (let b = 0; b < blocks; b += 1)
      addBlock(
        counter,
        Float64Array.from({ length: 10 }, (_, i) => 30 + ((b * 7 + i * (1 + (b % 5))) % 11) - 5),
        1,
      );
    const spreads = spreadsOf(counter, 6);
    return spreadLimit({ spreads, rows: 300, reference: 300 * blocks, bins: 10, chance: 1e-3 })?.psi ?? 0;
  };
  expect(limitOfBlocks(10)).toBeGreaterThan(1.2 * limitOfBlocks(60));
});

test('blocks double up to the whole span', () => {
  for (const rows of [1, 31, 32, 63, 64, 1000, 99_456]) {
    const least = leastBlock(rows);
    expect(least).toBeLessThanOrEqual(Math.max(63, 1));
    expect(Math.abs(Math.log2(rows / least) - Math.round(Math.log2(rows / least)))).toBeLessThan(0.05);
  }
});

test('the chance of a quiet feature: 5 % of windows, and a quarter of a page in 90 days', () => {
  expect(quietChance(100, null)).toBeCloseTo(5e-4, 12);
  expect(quietChance(1, null)).toBe(0.05);
  const looks = { windowsPerDay: 24, k: 1, of: 1 };
  expect(quietChance(100, looks)).toBeCloseTo(0.25 / (100 * 2160), 12);
  // Two of three windows: each pair that alarms, of 2 · 2160 for each feature.
  const pairs = quietChance(10, { ...looks, k: 2, of: 3 });
  expect(10 * 2 * 2160 * pairs ** 2).toBeCloseTo(0.25, 9);
});

test('a reference keeps its spreads, by feature', async () => {
  const reference = await buildReference(
    tableOf(referenceRows({ seed, rho: 0.5, season: 0, index: 2 }).subarray(0, 20_000), 'amount'),
    ['amount'],
    { time: null, createdAt: 1 },
  );
  expect(reference.spreads?.get('amount')?.map(({ blocks }) => blocks)).toEqual([320, 160, 80]);
  expect(decodeReference(encodeReference(reference)).spreads).toEqual(reference.spreads);
});

test('hours in which nothing drifts do not page, and a shift of half a deviation in one of 100 features is found', async () => {
  const cell = { n: 300, rho: 0, season: 0 };
  const counted = Array.from({ length: 20 }, (_, index) => countRows(referenceRows({ ...cell, seed, index })));
  const [windows] = countWindows({ ...cell, seed }, 10_000, [0]);
  const references = referencesOf(counted, cell.n);
  const table = shareTable(cell.n);
  const quarter = await quarterOf({ cell, seed, run: 0, references, windows: [windows, windows], table });
  expect(quarter.pages).toBeLessThanOrEqual(1);
  const known = await knownReferences({ ...cell, seed }, 2);
  const profiles = profilesOf(cell, seed, { known, windows: 20, shifts: [0, 0.5] });
  expect(powerOf(cell, seed, profiles, { shift: 0.5, runs: 2 })).toBe(2);
});
