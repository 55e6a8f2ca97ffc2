import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { trialParameters } from '../../src/training/sweep/search-space.ts';
import { parseSweep } from '../../src/training/sweep/sweep-file.ts';
import { TrialSource } from '../../src/training/sweep/trial-source.ts';

/** Branin's function: its least value is 0.397887 (Dixon and Szegö 1978). */
function branin(x: number, y: number): number {
  const a = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
  return a * a + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
}

const base = { command: ['x'], budget: { min: 1, max: 1 }, trials: 60 };
const plane = { x: { min: -5, max: 10 }, y: { min: 0, max: 15 } };

function bestOf(search: 'random' | 'tpe', seed: number): number {
  const source = new TrialSource(parseSweep({ ...base, parameters: plane, search, seed }), 60);
  const results: { trial: number; rung: number; loss: number }[] = [];
  for (let trial = 0; trial < 60; trial += 1) {
    source.begin(trial, results);
    const { x, y } = source.of(trial);
    results.push({ trial, rung: 0, loss: branin(Number(x), Number(y)) });
  }
  return Math.min(...results.map(({ loss }) => loss));
}

test('after 60 trials of the function of Branin the search is nearer to its least value than random trials', () => {
  const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
  const middle = (search: 'random' | 'tpe') => seeds.map((seed) => bestOf(search, seed)).sort((a, b) => a - b)[10] ?? 0;
  expect(middle('tpe')).toBeGreaterThanOrEqual(0.397887);
  expect(middle('tpe') - 0.397887).toBeLessThan(0.5 * (middle('random') - 0.397887));
});

test('a list and a scale are searched as well: the good value is asked most, and numbers stay in their range', () => {
  const parameters = {
    kind: { values: ['bad', 'good', 'worse'] },
    rate: { min: 1e-5, max: 1, scale: 'log' },
    depth: { min: 2, max: 9, whole: true },
  };
  const source = new TrialSource(parseSweep({ ...base, parameters, search: 'tpe', seed: 3 }), 60);
  const results: { trial: number; rung: number; loss: number | null }[] = [];
  for (let trial = 0; trial < 60; trial += 1) {
    source.begin(trial, results);
    const { kind, rate, depth } = source.of(trial);
    expect(Number(rate)).toBeGreaterThanOrEqual(1e-5);
    expect(Number(rate)).toBeLessThanOrEqual(1);
    expect([2, 3, 4, 5, 6, 7, 8, 9]).toContain(depth);
    const loss = (kind === 'good' ? 0 : 1) + Math.abs(Math.log10(Number(rate)) + 3);
    // A trial in ten diverges.
    results.push({ trial, rung: 0, loss: trial % 10 === 7 ? null : loss });
  }
  const late = Array.from({ length: 30 }, (_, index) => source.of(30 + index));
  expect(late.filter(({ kind }) => kind === 'good').length).toBeGreaterThan(20);
});

test('the same losses at the same moments give the same parameters, and the first trials are those of a random search', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 2, max: 15 }), (seed, startup) => {
      const sweep = parseSweep({ ...base, parameters: plane, search: 'tpe', seed, startup, trials: 30 });
      const random = seededRandom(seed);
      const losses = Array.from({ length: 30 }, () => random());
      const run = () => {
        const source = new TrialSource(sweep, 30);
        const results: { trial: number; rung: number; loss: number }[] = [];
        for (const [trial, loss] of losses.entries()) {
          source.begin(trial, results);
          results.push({ trial, rung: 0, loss });
        }
        return losses.map((_, trial) => source.of(trial));
      };
      const found = run();
      expect(run()).toEqual(found);
      expect(found.slice(0, startup)).toEqual(trialParameters(sweep, 30).slice(0, startup));
    }),
    { numRuns: 20 },
  );
});
