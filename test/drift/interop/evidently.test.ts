import '../../seed.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../../src/base/errors/fail.ts';
import { randomNormal, seededRandom } from '../../../src/base/rng.ts';
import { compareProfiles } from '../../../src/monitoring/detect/compare-profiles.ts';
import { parseDriftRule } from '../../../src/monitoring/detect/drift-rule.ts';
import { evidentlySnapshot, readEvidentlyReport } from '../../../src/monitoring/interop/evidently-report.ts';
import { addNumber, createColumnSketch } from '../../../src/monitoring/profile/column-sketch.ts';
import type { Profile } from '../../../src/monitoring/profile/profile.ts';

/** Written by Evidently 0.7.23 (DataDriftPreset): `amount` moved by half a standard deviation. */
const real = readFileSync(new URL('evidently-0.7.23.json', import.meta.url), 'utf8');

function profile(shift: number, seed: number): Profile {
  const random = seededRandom(seed);
  const columns = ['moved', 'calm'].map((name) => {
    const sketch = createColumnSketch('number');
    for (let i = 0; i < 3_000; i += 1) addNumber(sketch, randomNormal(random) + (name === 'moved' ? shift : 0));
    return [name, sketch] as const;
  });
  return { rows: 3_000, columns: new Map(columns) };
}

const compared = (shift: number) => {
  const [reference, current] = [profile(0, 1), profile(shift, 2)];
  return compareProfiles(
    { name: 'a', rows: 3_000, profile: reference },
    { name: 'b', rows: 3_000, profile: current },
    { rule: parseDriftRule('default'), windowsPerDay: 1 },
  );
};

test('a report of Evidently is read with its methods, thresholds and verdicts', () => {
  const columns = readEvidentlyReport(real);
  expect(columns.map(({ column, drifted }) => [column, drifted])).toEqual([
    ['amount', true],
    ['calm', false],
    ['country', false],
  ]);
  expect(columns[0]).toMatchObject({ method: 'Wasserstein distance (normed)', threshold: 0.1 });
  const p = { type: 'evidently:metric_v2:ValueDrift', column: 'x', method: 'K-S p_value', threshold: 0.05 };
  const drifted = (value: number | null) =>
    readEvidentlyReport(JSON.stringify({ metrics: [{ config: p, value }] }))[0].drifted;
  expect([drifted(0.01), drifted(0.5), drifted(null)]).toEqual([true, false, null]);
});

test('our snapshot has the verdict of each feature, and reads back as it was written', () => {
  for (const shift of [0, 0.6]) {
    const comparison = compared(shift);
    const columns = readEvidentlyReport(evidentlySnapshot(comparison, 1_767_571_200_000));
    for (const { name, effect } of comparison.features) {
      const found = columns.find(({ column }) => column === name);
      expect(found?.value).toBe(effect?.debiasedPsi);
      expect(found?.drifted).toBe(shift > 0 && name === 'moved');
    }
  }
});

test('whatever text is no report is refused by code', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.nat(real.length).map((length) => real.slice(0, length)),
    fc
      .record({ at: fc.nat(real.length - 1), to: fc.string({ minLength: 1, maxLength: 3 }) })
      .map(({ at, to }) => real.slice(0, at) + to + real.slice(at + to.length)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        for (const { value, threshold } of readEvidentlyReport(text))
          expect([value, threshold].every((one) => one === null || Number.isFinite(one))).toBe(true);
      } catch (error) {
        if (!isHeadraceError(error, 'DRIFT_EVIDENTLY')) throw error;
      }
    }),
    { numRuns: Number(process.env['HEADRACE_FUZZ'] ?? 400) },
  );
});
