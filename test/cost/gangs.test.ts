import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { policies } from '../../src/cost/spot/policies/policies.ts';
import { type SimulateOptions, simulate } from '../../src/cost/spot/simulate.ts';
import { parseSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';
import { costRows, hasCostData, recordedTrace, whySkipped } from './shared-data.ts';

const named = (...names: readonly string[]) => policies.filter(({ name }) => names.includes(name));

describe.skipIf(!hasCostData)(`gangs over recorded traces${whySkipped}`, () => {
  test('120 rows of a job on 4 nodes: means to 1e-3 USD, quantiles, late and unfinished runs', async () => {
    for (const row of costRows('gang/gang_4x_p4d_8h.csv')) {
      const number = (column: string) => Number(row[column]);
      const simulation = simulate({
        trace: await recordedTrace(row['trace'] ?? ''),
        nodes: number('n_required'),
        nodesPriced: number('nodes_priced'),
        workS: number('job_h') * 3600,
        deadlineS: number('deadline_h') * 3600,
        changeoverS: number('changeover_s'),
        onDemandUsd: number('price_on_demand_per_node_h'),
        spotUsd: number('price_spot_per_node_h'),
        policies: named('on_demand', row['policy'] ?? ''),
        startStep: number('start_step'),
        withoutBound: true,
      });
      const outcome = simulation.outcomes.find(({ policy }) => policy === row['policy']);
      const where = `${row['trace']} ${row['policy']}`;
      expect(outcome?.finished, where).toBe(number('n_finished'));
      expect([simulation.starts, outcome?.late, outcome?.unfinished], where).toEqual(
        ['n_starts', 'late', 'unfinished'].map(number),
      );
      expect(Math.abs((outcome?.costUsd?.mean ?? 0) - number('mean_cost_usd')), where).toBeLessThan(1e-3);
      expect(Math.abs((outcome?.costUsd?.p95 ?? 0) - number('p95_cost_usd')), where).toBeLessThan(1e-3);
      expect(outcome?.saving ?? 0, where).toBeCloseTo(number('save_vs_on_demand_policy'), 4);
      expect((outcome?.finishS?.p95 ?? 0) / 3600, where).toBeCloseTo(number('p95_finish_h'), 3);
      expect(outcome?.meanPreemptions ?? 0, where).toBeCloseTo(number('mean_preemptions'), 3);
      expect(outcome?.meanStarts ?? 0, where).toBeCloseTo(number('mean_starts'), 3);
    }
  });

  test('192 rows of savings to 2e-5; the hybrid is at most 0.017 below the better one, and nobody is late', async () => {
    for (const row of costRows('gang/greedy_vs_uniform_progress.csv')) {
      const number = (column: string) => Number(row[column]);
      const { outcomes, starts } = simulate({
        trace: await recordedTrace(row['trace'] ?? ''),
        nodes: number('n_required'),
        workS: number('job_s'),
        deadlineS: number('deadline_s'),
        changeoverS: number('changeover_s'),
        onDemandUsd: 3.06,
        spotUsd: 0.9731,
        policies: named('on_demand', 'greedy', 'uniform_progress', 'hybrid'),
        withoutBound: true,
      });
      expect(starts).toBe(number('n_starts'));
      const saving = (name: string) => outcomes.find(({ policy }) => policy === name)?.saving ?? 0;
      for (const [name, column] of [
        ['greedy', 'greedy_saving'],
        ['uniform_progress', 'uniform_progress_saving'],
        ['hybrid', 'hybrid_0.7_saving'],
      ] as const)
        expect(Math.abs(saving(name) - number(column)), `${row['trace']} ${name}`).toBeLessThan(2e-5);
      expect(saving('hybrid')).toBeGreaterThan(Math.max(saving('greedy'), saving('uniform_progress')) - 0.017);
      expect(outcomes.every(({ missedShare }) => missedShare === 0)).toBe(true);
    }
  });

  test('a mixed gang on demand costs at most as much as one without spot nodes', async () => {
    const options: SimulateOptions = {
      trace: await recordedTrace('availability/16-node/aws-08-27-2023/us-east-2b_v100_1'),
      nodes: 16,
      workS: 28_800,
      deadlineS: 43_200,
      changeoverS: 360,
      onDemandUsd: 3.06,
      spotUsd: 0.9731,
      policies: named('on_demand', 'uniform_progress'),
      withoutBound: true,
    };
    const of = (mixed: boolean) => simulate({ ...options, mixed }).outcomes.map(({ costUsd }) => costUsd?.mean ?? 0);
    const [plain, mixed] = [of(false), of(true)];
    expect(mixed[0]).toBeLessThan(plain[0] ?? 0);
  });
});

const trace = parseSpotTrace(
  'x/a.json',
  JSON.stringify({ metadata: { gap_seconds: 60 }, data: new Array(50).fill(2) }),
);
const job: SimulateOptions = {
  trace,
  nodes: 2,
  workS: 600,
  deadlineS: 1200,
  changeoverS: 60,
  onDemandUsd: 2,
  spotUsd: 1,
  policies,
};

test.each([
  [{ deadlineS: 600 }, 'shorter than the work'],
  [{ deadlineS: 60_000 }, 'the deadline is 16.7 h'],
  [{ workS: 0 }, 'the work'],
  [{ workS: 1.5 }, 'the work'],
  [{ onDemandUsd: Number.NaN }, 'the price on demand'],
  [{ spotUsd: -1 }, 'the price of spot'],
  [{ nodes: 0 }, 'the number of nodes'],
  [{ failureShare: 1 }, 'failed starts'],
] as const)('a job that cannot be simulated is rejected with its reason: %o', (change, reason) => {
  try {
    simulate({ ...job, ...change });
    expect.unreachable();
  } catch (error) {
    expect(isHeadraceError(error, 'COST_SIMULATION') && error.message).toContain(reason);
  }
});

test('late and unfinished runs are counted next to the mean of those that finished', () => {
  const never = parseSpotTrace(
    'x/b.json',
    JSON.stringify({ metadata: { gap_seconds: 60 }, data: [2, ...new Array(99).fill(0)] }),
  );
  const { outcomes } = simulate({ ...job, trace: never, policies: named('on_demand', 'spot_only') });
  const spot = outcomes.find(({ policy }) => policy === 'spot_only');
  expect(spot).toMatchObject({ finished: 0, missedShare: 1, costUsd: null, saving: null });
  expect(spot?.unfinished).toBeGreaterThan(0);
});
