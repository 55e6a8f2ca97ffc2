import { describe, expect, test } from 'vitest';
import { type Random, randomBelow, seededRandom } from '../../src/base/rng.ts';
import { calibrate } from '../../src/monitoring/detect/calibrate.ts';
import { sideOfValues } from '../../src/monitoring/detect/column-side.ts';
import { compareColumn } from '../../src/monitoring/detect/compare-column.ts';
import { judgeFeatures } from '../../src/monitoring/detect/judge-features.ts';

/** Populations of texts with many values, by how often each comes. */
const populations: Readonly<Record<string, (random: Random) => string>> = {
  'all alike, 1,000': (random) => `u${randomBelow(random, 1000)}`,
  'all alike, 300': (random) => `k${randomBelow(random, 300)}`,
  'a few frequent, a long tail': (random) => `z${Math.floor(Math.exp(random() * 7))}`,
  'frequent and alike, 60': (random) => `c${randomBelow(random, 60)}`,
};

type Texts = readonly string[];

const drawn = (population: (random: Random) => string, seed: number, rows: number): Texts => {
  const random = seededRandom(seed);
  return Array.from({ length: rows }, () => population(random));
};

function judged(reference: Texts, current: Texts) {
  const column = compareColumn('text', sideOfValues(reference), sideOfValues(current), {
    calibrate: (bins, kind) => calibrate(reference, bins, current.length, { kind, chance: 0.05 }),
  });
  return judgeFeatures([column], { kind: 'default' })[0];
}

describe.each(Object.entries(populations))('text with many values, %s', (_, population) => {
  test('two samples of one population are alike, whatever their sizes', () => {
    for (const [n, m] of [
      [2000, 5000],
      [2000, 400],
      [20_000, 5000],
    ]) {
      const found = Array.from({ length: 10 }, (_unused, i) => {
        const { kind, state, effect, evidence } = judged(drawn(population, 2 * i, n), drawn(population, 2 * i + 1, m));
        expect(kind).toBe('manyValues');
        return { state, psi: effect?.debiasedPsi ?? 1, p: evidence?.p ?? 0 };
      });
      expect({ n, m, drift: found.filter(({ state }) => state === 'drift').length }).toEqual({ n, m, drift: 0 });
      // Values that came often by chance come less often later: that is no effect.
      expect(Math.max(...found.map(({ psi }) => psi))).toBeLessThan(0.05);
    }
  });

  test('rows are like themselves, and like a part of themselves', () => {
    const rows = drawn(population, 7, 4000);
    expect(judged(rows, rows).state).toBe('ok');
    expect(judged(rows, rows.slice(0, 1000)).state).toBe('ok');
  });

  test('new values in a fifth of the rows are drift, of the size that they have', () => {
    const current = drawn(population, 102, 4000).map((text, i) => (i % 5 === 0 ? `new ${i % 700}` : text));
    const { state, values } = judged(drawn(population, 101, 4000), current);
    expect(state).toBe('drift');
    expect(values?.unseenShare).toBeGreaterThan(0.19);
  });
});

test('values that always change are no drift: a reference with new users each day moves as far', () => {
  const random = seededRandom(5);
  const day = (at: number): Texts => Array.from({ length: 500 }, () => `day ${at} user ${randomBelow(random, 200)}`);
  const reference = Array.from({ length: 20 }, (_, at) => day(at)).flat();
  expect(judged(reference, day(20)).state).toBe('inconclusive');
});
