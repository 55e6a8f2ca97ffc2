import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rangeOf } from '../../src/cost/plan/draw.ts';
import { bestPowerLimit, etaOf, type PowerRun } from '../../src/cost/plan/power-limit.ts';
import { costRows, hasCostData, whySkipped } from './shared-data.ts';

const run = fc.record({
  limitW: fc.integer({ min: 100, max: 400 }),
  stepS: fc.double({ min: 0.1, max: 2, noNaN: true }),
  averageW: fc.double({ min: 50, max: 400, noNaN: true }),
});

test('no other limit costs less; more weight on energy never takes more energy, and weight on time alone takes least time', () => {
  fc.assert(
    fc.property(fc.uniqueArray(run, { minLength: 2, maxLength: 8, selector: ({ limitW }) => limitW }), (runs) => {
      const chosen = [0, 0.25, 0.5, 0.75, 1].map((eta) => bestPowerLimit(runs, eta));
      const energies = chosen.map((one) => one?.energyRatio ?? Number.NaN);
      for (const [index, energy] of energies.entries())
        if (index > 0) expect(energy).toBeLessThanOrEqual((energies[index - 1] ?? 0) * (1 + 1e-9));
      const highest = runs.reduce((most, one) => (one.limitW > most.limitW ? one : most));
      const fastest = Math.min(...runs.map(({ stepS }) => stepS));
      expect((chosen[0]?.timeRatio ?? 0) * highest.stepS).toBeCloseTo(fastest, 9);
      const least = Math.min(...runs.map(({ stepS, averageW }) => stepS * averageW));
      expect((chosen[4]?.energyRatio ?? 0) * highest.stepS * highest.averageW).toBeCloseTo(least, 6);
    }),
    { numRuns: 100 },
  );
});

test('the weight of energy is its share of the money', () => {
  const runs: readonly PowerRun[] = [
    { limitW: 400, stepS: 1, averageW: 380 },
    { limitW: 250, stepS: 1.2, averageW: 240 },
  ];
  for (const [perHour, perKwh] of [
    [2, 0.1],
    [0.05, 0.3],
    [0.02, 0.5],
  ] as const) {
    const money = ({ stepS, averageW }: PowerRun) => (stepS * perHour) / 3600 + (stepS * averageW * perKwh) / 3.6e6;
    const best = runs.toSorted((a, b) => money(a) - money(b))[0];
    expect(bestPowerLimit(runs, etaOf(perHour, perKwh, 400))?.limitW).toBe(best?.limitW);
  }
  expect(etaOf(2, 0, 400)).toBe(0);
});

describe.skipIf(!hasCostData)(`power limits of V100 that the authors of Zeus measured${whySkipped}`, () => {
  test('the least energy of 68 settings saves what the plan prints', () => {
    const settings = new Map<string, PowerRun[]>();
    for (const row of costRows('zeus/summary_power_v100.csv')) {
      const key = ['dataset', 'network', 'batch_size', 'optimizer'].map((name) => row[name]).join('/');
      const one = {
        limitW: Number(row['power_limit']),
        stepS: Number(row['time_per_epoch']),
        averageW: Number(row['average_power']),
      };
      settings.set(key, [...(settings.get(key) ?? []), one]);
    }
    expect(settings.size).toBe(68);
    const choices = [...settings.values()].flatMap((runs) => bestPowerLimit(runs, 1) ?? []);
    const saved = rangeOf(Float64Array.from(choices, ({ energyRatio }) => 1 - energyRatio));
    const time = rangeOf(Float64Array.from(choices, ({ timeRatio }) => timeRatio));
    expect([saved.p10, saved.p50, saved.p90].map((value) => Math.round(100 * value))).toEqual([4, 23, 34]);
    expect([time.p10, time.p90].map((value) => value.toFixed(2))).toEqual(['0.96', '1.38']);
  });
});
