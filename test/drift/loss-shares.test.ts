import { describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { lossShares } from '../../src/monitoring/cause/loss-shares.ts';
import type { WindowRows } from '../../src/monitoring/cause/window-rows.ts';

const unused = { at: new Float64Array(0), scores: new Float64Array(0), labels: new Float64Array(0) };

/** Rows whose loss depends on `hard` alone; `idle` and `city` do not matter. */
function rows(
  seed: number,
  n: number,
  { shift = 0, idle = 0, rise = 0 }: { readonly shift?: number; readonly idle?: number; readonly rise?: number },
): WindowRows {
  const random = seededRandom(seed);
  const hard = Float64Array.from({ length: n }, () => randomNormal(random) + shift);
  const losses = hard.map((value) => 0.1 + 0.1 / (1 + Math.exp(-2 * value)) + rise + 0.01 * random());
  return {
    ...unused,
    features: new Map<string, Float64Array | (string | null)[]>([
      ['hard', hard],
      ['idle', Float64Array.from({ length: n }, () => randomNormal(random) + idle)],
      [
        'city',
        Array.from({ length: n }, () => (random() < 0.1 ? null : ['berlin', 'paris'][Math.floor(random() * 2)])),
      ],
    ]),
    losses,
  };
}

describe('the change of the loss by feature', () => {
  test('a composition that moved explains the change, and the feature that it moved in has it all', () => {
    const found = lossShares(rows(1, 8000, {}), rows(2, 8000, { shift: 1, idle: 2 }));
    expect(found?.features[0].feature).toBe('hard');
    expect(found?.features[0].share).toBeGreaterThan(0.85);
    for (const other of found?.features.slice(1) ?? []) expect(Math.abs(other.share ?? 1)).toBeLessThan(0.1);
    expect(found?.unexplained).toBeLessThan(0.15);
  });

  test('a new concept is explained by no feature, though another one drifts', () => {
    const found = lossShares(rows(1, 8000, {}), rows(2, 8000, { idle: 2, rise: 0.2 }));
    for (const { share } of found?.features ?? []) expect(Math.abs(share ?? 1)).toBeLessThan(0.05);
    expect(found?.unexplained).toBeGreaterThan(0.95);
  });

  test('both together are distinguished: the part of the feature is what its shift alone would cost', () => {
    const alone = lossShares(rows(1, 20_000, {}), rows(2, 20_000, { shift: 1 }));
    const both = lossShares(rows(1, 20_000, {}), rows(2, 20_000, { shift: 1, rise: 0.03 }));
    const partOf = (of: typeof both) => of?.features.find(({ feature }) => feature === 'hard')?.explained ?? 0;
    expect(partOf(both)).toBeCloseTo(partOf(alone), 10);
    expect((both?.loss.current ?? 0) - (alone?.loss.current ?? 0)).toBeCloseTo(0.03, 10);
  });

  test('values that the window lacks are named, and too few rows say nothing', () => {
    const narrow = rows(3, 5000, {});
    const hard = narrow.features.get('hard') as Float64Array;
    const kept = [...hard.keys()].filter((i) => hard[i] > 0);
    const current: WindowRows = {
      ...unused,
      features: new Map([['hard', Float64Array.from(kept, (i) => hard[i])]]),
      losses: Float64Array.from(kept, (i) => narrow.losses[i]),
    };
    const found = lossShares(rows(4, 5000, {}), current);
    expect(found?.features[0].lacking).toBeGreaterThan(0.3);
    expect(lossShares(rows(5, 99, {}), rows(6, 5000, {}))).toBeNull();
    const same = rows(7, 500, {});
    expect(lossShares(same, same)).toMatchObject({ unexplained: null, features: [{ share: null }, {}, {}] });
  });
});
