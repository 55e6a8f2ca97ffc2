import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { checkpointCurve, checkpointInterval, wallOverWork } from '../../src/cost/spot/interval/checkpoint-interval.ts';
import { lambertW0 } from '../../src/cost/spot/interval/lambert-w.ts';
import { bestReplay, replayInterval } from '../../src/cost/spot/interval/replay-interval.ts';
import { upPeriods } from '../../src/cost/spot/up-periods.ts';
import { costRows, hasCostData, recordedTrace, whySkipped } from './shared-data.ts';

const near = (value: number, expected: number, relative = 1e-3) =>
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));

test('W0 is the inverse of w·e^w, also next to its branch point', () => {
  fc.assert(
    fc.property(fc.double({ min: -0.999999, max: 50, noNaN: true }), (w) => {
      const x = w * Math.exp(w);
      const found = lambertW0(x);
      expect(Math.abs(found * Math.exp(found) - x)).toBeLessThanOrEqual(1e-13 * Math.max(1, Math.abs(x)));
    }),
    { numRuns: 300 },
  );
  expect(lambertW0(-1 / Math.E)).toBeCloseTo(-1, 6);
  expect(lambertW0(-1)).toBeNaN();
});

test('no other interval has less wall time than the exact one', () => {
  const positive = fc.double({ min: 1, max: 100_000, noNaN: true });
  fc.assert(
    fc.property(positive, positive, fc.double({ min: 0, max: 5000, noNaN: true }), (blockedS, mtbfS, restartS) => {
      fc.pre(blockedS < 20 * mtbfS && restartS < 50 * mtbfS);
      const costs = { blockedS, mtbfS, restartS };
      const { exactS, wallOverWork: at } = checkpointInterval(costs);
      for (const factor of [0.5, 0.9, 1.1, 2])
        expect(wallOverWork(costs, exactS * factor)).toBeGreaterThanOrEqual(at.exact * (1 - 1e-9));
      // The curve falls to the best interval in its middle, and rises after it.
      const curve = checkpointCurve(costs);
      const middle = (curve.length - 1) / 2;
      expect(curve[middle]?.intervalS).toBeCloseTo(exactS, 6);
      for (const [i, point] of curve.entries()) {
        const nearer = curve[i < middle ? i + 1 : i - 1];
        if (i !== middle) expect(point.wallOverWork).toBeGreaterThanOrEqual((nearer?.wallOverWork ?? 0) * (1 - 1e-9));
      }
    }),
    { numRuns: 100 },
  );
});

describe.skipIf(!hasCostData)(`checkpoint intervals${whySkipped}`, () => {
  test('17 cases of four formulas to 1e-3', () => {
    const rows = costRows('checkpoint/interval_cases.csv');
    expect(rows).toHaveLength(17);
    for (const row of rows) {
      const number = (column: string) => Number(row[column]);
      const found = checkpointInterval({
        blockedS: number('blocked_s'),
        mtbfS: number('mtbf_s'),
        restartS: number('restart_s'),
      });
      near(found.youngS, number('young_s'));
      near(found.dalyFirstS, number('daly1_s'));
      near(found.dalyHigherS, number('daly_higher_s'));
      near(found.exactS, number('exact_s'));
      near(found.wallOverWork.exact, number('wall_over_work_exact'));
      near(found.wallOverWork.young, number('wall_over_work_young'));
      near(found.wallOverWork.dalyHigher, number('wall_over_work_daly_higher'));
    }
  });

  test('replays over gang traces: the formula is 0 to 10 % above, the best interval gains at most 5.4 %', async () => {
    for (const row of costRows('checkpoint/replay_on_gang_traces.csv')) {
      const number = (column: string) => Number(row[column]);
      const { counts, gapS } = await recordedTrace(row['trace'] ?? '');
      const upS = upPeriods(counts, number('n_required')).map(({ ticks }) => ticks * gapS);
      expect(upS).toHaveLength(number('n_up_periods'));
      const mtbfS = upS.reduce((sum, one) => sum + one, 0) / upS.length;
      near(mtbfS, number('mean_up_s'));
      const costs = { blockedS: number('blocked_s'), restartS: number('restart_s') };
      const { exactS, wallOverWork: at } = checkpointInterval({ ...costs, mtbfS });
      near(exactS, number('interval_exact_s'));
      near(at.exact, number('wall_over_work_formula'));
      const replayed = replayInterval({ upS, ...costs }, exactS);
      near(replayed.wallOverWork, number('wall_over_work_replay_at_exact'));
      const best = bestReplay({ upS, ...costs });
      near(best.wallOverWork, number('best_replay_wall_over_work'));
      expect(best.intervalS).toBe(number('best_replay_interval_s'));
      expect(at.exact / replayed.wallOverWork).toBeGreaterThan(0.999);
      expect(at.exact / replayed.wallOverWork).toBeLessThan(1.1);
      expect(replayed.wallOverWork / best.wallOverWork).toBeLessThan(1.054);
    }
  });
});

test('a persist lag is lost with each failure, in the formula and in the replay', () => {
  const costs = { blockedS: 20, mtbfS: 14_400, restartS: 600 };
  expect(wallOverWork({ ...costs, persistLagS: 300 }, 700)).toBeGreaterThan(wallOverWork(costs, 700));
  const replay = { upS: [10_000, 3000], ...costs };
  expect(replayInterval({ ...replay, persistLagS: 900 }, 700).wallOverWork).toBeGreaterThan(
    replayInterval(replay, 700).wallOverWork,
  );
});

test.each([
  { blockedS: 0, mtbfS: 1, restartS: 1 },
  { blockedS: 1, mtbfS: Number.NaN, restartS: 1 },
  { blockedS: 1, mtbfS: 1, restartS: -1 },
  { blockedS: 1, mtbfS: 1, restartS: 1, persistLagS: Number.POSITIVE_INFINITY },
])('times that are no measurements are rejected: %o', (costs) => {
  expect(() => checkpointInterval(costs)).toThrow(expect.objectContaining({ code: 'COST_INTERVAL' }));
  try {
    checkpointInterval(costs);
  } catch (error) {
    expect(isHeadraceError(error, 'COST_INTERVAL')).toBe(true);
  }
});
