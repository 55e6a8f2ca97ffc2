import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { fanOf, rangeOf } from '../../src/cost/plan/draw.ts';
import { spotRun } from '../../src/cost/plan/monte-carlo.ts';
import type { SpotSetting } from '../../src/cost/plan/plan-spot.ts';
import { policies } from '../../src/cost/spot/policies/policies.ts';
import type { SpotTrace } from '../../src/cost/spot/trace/spot-trace.ts';

const GAP_S = 600;

function settingOf(counts: readonly number[], policy: string, deadlineS: number): SpotSetting {
  const trace = { counts: Uint16Array.from(counts), gapS: GAP_S } as unknown as SpotTrace;
  const found = policies.find(({ name }) => name === policy);
  if (found === undefined) throw new Error(`there is no policy ${policy}`);
  return {
    policy: found,
    traces: [trace],
    traceNodes: 1,
    upUntil: new Map(),
    changeoverS: GAP_S,
    deadlineS,
    checkpointFactor: 1,
    checkpointS: 3_600,
    wallOverWork: 1,
    checkpoint: { blockedS: 60, mtbfS: 36_000, restartS: GAP_S },
    discount: 0.5,
  };
}

test('a run that the end of the trace cuts off costs as if its rest were paid on demand', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1), { minLength: 12, maxLength: 60 }),
      fc.constantFrom('on_demand', 'spot_only', 'greedy'),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(1_000),
      (counts, policy, hours, seed) => {
        const setting = settingOf(counts, policy, 6 * GAP_S);
        const prices = { setting, usd: 5, onDemandUsd: 10, ageDays: 0 };
        const run = spotRun(prices, hours, seededRandom(seed));
        // No work is free: each hour of it costs at least the hour of the cheaper price, and takes at least an hour.
        expect(run.hours).toBeGreaterThanOrEqual(hours - 1e-9);
        expect(run.paidHours).toBeLessThanOrEqual(run.hours + 1e-9);
        expect(run.usdOfNode).toBeGreaterThanOrEqual(hours * Math.min(10, run.priceUsd) - 1e-6);
      },
    ),
    { numRuns: 200 },
  );
});

test('a fan has every draw in order, and the quantiles of the range', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1, maxLength: 200 }),
      (given) => {
        const values = Float64Array.from(given);
        const fan = fanOf(values);
        expect(fan).toEqual(fan.toSorted((a, b) => a - b));
        expect([fan[0], fan.at(-1)]).toEqual([Math.min(...given), Math.max(...given)]);
        const { p10, p50, p90 } = rangeOf(values);
        const at = (share: number) => fan[share * (fan.length - 1)];
        expect([at(0.1), at(0.5), at(0.9)]).toEqual([p10, p50, p90]);
      },
    ),
  );
});
