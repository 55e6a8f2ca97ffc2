import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { omniscientCost } from '../../src/cost/spot/omniscient.ts';
import { lifetimeThresholds } from '../../src/cost/spot/policies/next-lifetime.ts';
import { policies } from '../../src/cost/spot/policies/policies.ts';
import { firstMemory, type Policy, type PolicyJob } from '../../src/cost/spot/policy.ts';
import { runWindow, type WindowResult, type WindowStep } from '../../src/cost/spot/run-window.ts';
import { readSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';
import { upUntil } from '../../src/cost/spot/up-periods.ts';
import { costPath, costRows, costScale, costText, hasCostData, recordedTrace, whySkipped } from './shared-data.ts';

const prices = { onDemand: 3.06, spot: 0.9731 };
const priceRatio = prices.onDemand / prices.spot;

function policyOf(name: string): Policy {
  const found = policies.find((policy) => policy.name === name);
  if (found === undefined) throw new Error(`there is no policy ${name}`);
  return found;
}

function usd({ spotTicks, onDemandTicks }: WindowResult, gapS: number): number {
  return ((spotTicks * prices.spot + onDemandTicks * prices.onDemand) * gapS) / 3600;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The older greedy rule: the last start alone, the remaining time not rounded. A policy from outside of src. */
const strawman: Policy = {
  name: 'strawman',
  needsFuture: false,
  keepsSpot: false,
  decide: ({ workS, deadlineS, gapS, changeoverS }, { elapsedS, doneS, available, state, changeoverLeftS }) => {
    const needed = Math.ceil((workS - doneS + changeoverS) / gapS) * gapS;
    if (needed < deadlineS - elapsedS) return available ? 'spot' : 'idle';
    return state === 'spot' && changeoverLeftS === 0 ? 'spot' : 'on_demand';
  },
};

describe.skipIf(!hasCostData)(`policies over recorded windows${whySkipped}`, () => {
  test('1,200 windows: costs to 1e-5, starts and finish ticks of greedy and Uniform Progress', async () => {
    const job: PolicyJob = { workS: 172_800, deadlineS: 216_000, gapS: 600, changeoverS: 720, priceRatio };
    const costs: Record<string, number[]> = { greedy: [], uniform_progress: [] };
    for (const row of costRows('cant_be_late/windows_C48_D60_d0.2.csv')) {
      const { counts } = await recordedTrace(`availability/1-node/aws-10-26-2022/${row['env']}`);
      const window = { counts, from: Number(row['start_tick']), to: Number(row['end_tick']), nodes: 1, job };
      for (const name of ['greedy', 'uniform_progress']) {
        const result = runWindow({ ...window, policy: policyOf(name) });
        expect(Math.abs(usd(result, 600) - Number(row[`cost_${name}`]))).toBeLessThan(1e-5);
        expect([result.starts, result.finishTick]).toEqual([
          Number(row[`starts_${name}`]),
          Number(row[`finish_tick_${name}`]),
        ]);
        costs[name]?.push(usd(result, 600));
      }
      const theirs = row['cost_uniform_progress_authors_simulator'];
      if (theirs !== '') expect(theirs).toBe(row['cost_uniform_progress']);
    }
    expect(mean(costs['greedy'] ?? [])).toBeCloseTo(107.487, 3);
    expect(mean(costs['uniform_progress'] ?? [])).toBeCloseTo(102.18, 3);
  });

  test('the omniscient bound is exact, and below every policy; all windows with HEADRACE_COST_SCALE=1', async () => {
    const all = costRows('cant_be_late/windows_C48_D60_d0.2.csv');
    const rows = all.filter((_, index) => (index * costScale) % 1 < costScale);
    const costs: number[] = [];
    for (const row of rows) {
      const { counts } = await recordedTrace(`availability/1-node/aws-10-26-2022/${row['env']}`);
      const cost = omniscientCost({
        counts,
        from: Number(row['start_tick']),
        nodes: 1,
        workS: 172_800,
        deadlineS: 216_000,
        gapS: 600,
        changeoverS: 720,
        spotTickCost: prices.spot / 6,
        onDemandTickCost: prices.onDemand / 6,
      });
      expect(Math.abs((cost ?? 0) - Number(row['cost_omniscient']))).toBeLessThan(1e-5);
      expect(cost ?? 0).toBeLessThan(Math.min(Number(row['cost_greedy']), Number(row['cost_uniform_progress'])) + 1e-5);
      costs.push(cost ?? 0);
    }
    expect(costs.length).toBeGreaterThan(100);
    if (costs.length === all.length) expect(mean(costs)).toBeCloseTo(93.743, 3);
  });

  test("1,000 windows: costs of five policies, and the authors' arrays as multisets", async () => {
    const { counts } = await recordedTrace('availability/1-node/aws-10-26-2022/us-west-2a_v100_1');
    const job: PolicyJob = { workS: 172_800, deadlineS: 187_200, gapS: 600, changeoverS: 360, priceRatio };
    const found: Record<string, number[]> = { only_spot: [], strawman: [], strawman_on: [], greedy: [], up: [] };
    const rows = costRows('cant_be_late/us-west-2a_v100_1_windows_1000.csv');
    for (const row of rows) {
      const from = Number(row['start_tick']);
      const cost = (policy: Policy, column: string, into: string) => {
        const result = runWindow({ counts, from, to: counts.length, nodes: 1, job, policy });
        const ours = usd(result, 600);
        expect(Math.abs(ours - Number(row[column]))).toBeLessThan(1e-5);
        found[into]?.push(ours);
        return result;
      };
      cost(policyOf('spot_only'), 'cost_spot_only_C48_d0.1', 'only_spot');
      const straw = cost(strawman, 'cost_strawman_C48_D52_d0.1_stop_at_completion', 'strawman');
      cost(policyOf('greedy'), 'cost_greedy_C48_D52_d0.1', 'greedy');
      cost(policyOf('uniform_progress'), 'cost_uniform_progress_C48_D52_d0.1', 'up');
      // Their loop pays one more tick of the last state, unless its instance has just been taken away.
      const last = lastState(counts, from, job, straw);
      const gone = last === 'spot' && counts[from + straw.finishTick] === 0;
      const more = gone ? 0 : prices[last === 'spot' ? 'spot' : 'onDemand'] / 6;
      found['strawman_on']?.push(usd(straw, 600) + more);
    }
    expect(mean(found['only_spot'] ?? [])).toBeCloseTo(48.1897, 4);
    expect(mean(found['greedy'] ?? [])).toBeCloseTo(109.37342, 4);
    expect(mean(found['up'] ?? [])).toBeCloseTo(82.28773, 4);
    const { sorted_costs: authors } = JSON.parse(costText('cant_be_late/authors_simulator_costs_1000.json')) as {
      sorted_costs: Record<string, number[]>;
    };
    const theirs = (start: string) => Object.entries(authors).find(([name]) => name.startsWith(start))?.[1];
    const sameMultiset = (ours: readonly number[], expected: readonly number[] = []) => {
      const sorted = ours.toSorted((a, b) => a - b);
      expect(sorted).toHaveLength(expected.length);
      expected
        .toSorted((a, b) => a - b)
        .forEach((cost, index) => {
          expect(Math.abs(cost - (sorted[index] ?? 0))).toBeLessThan(1e-6);
        });
    };
    sameMultiset(found['only_spot'] ?? [], theirs('only_spot'));
    sameMultiset(found['strawman_on'] ?? [], theirs('strawman'));
    // Their program charges a second changeover to a job that starts idle: it is never below the bound.
    const bounds = rows.map((row) => Number(row['cost_omniscient_C48_D52_d0.1'])).toSorted((a, b) => a - b);
    for (const [index, cost] of (theirs('ideal_ilp') ?? []).toSorted((a, b) => a - b).entries())
      expect(cost).toBeGreaterThan((bounds[index] ?? 0) - 1e-5);
  });

  test('the log of a window agrees tick by tick', async () => {
    const { counts } = await recordedTrace('availability/1-node/aws-10-26-2022/us-west-2a_v100_1');
    const job: PolicyJob = { workS: 21_600, deadlineS: 28_800, gapS: 600, changeoverS: 720, priceRatio };
    for (const [file, name] of [
      ['greedy', 'greedy'],
      ['uniform_progress', 'uniform_progress'],
      ['hybrid_0.7', 'hybrid'],
    ] as const) {
      const steps: WindowStep[] = [];
      const log = (step: WindowStep) => steps.push(step);
      const window = { counts, from: 1411, to: counts.length, nodes: 1, job, policy: policyOf(name), log };
      const result = runWindow(window);
      const rows = costRows(`cant_be_late/step_log_${file}.csv`);
      rows.forEach((row, index) => {
        const step = steps[index];
        if (step === undefined) {
          // The tick at which the job is finished takes no decision.
          expect([index, Number(row['done_s'])]).toEqual([result.finishTick, job.workS]);
          return;
        }
        expect([
          String(step.elapsedS),
          String(Number(step.available)),
          step.stateBefore,
          String(Number(step.preempted)),
          String(step.workS),
          String(step.doneS),
          step.decision,
          String(step.changeoverLeftS),
        ]).toEqual(
          [
            'elapsed_s',
            'spot_available',
            'state_during_last_tick',
            'preempted_now',
            'work_s',
            'done_s',
            'decision',
            'changeover_left_s',
          ].map((column) => row[column]),
        );
        const cost = (step.spotTicks * prices.spot + step.onDemandTicks * prices.onDemand) / 6;
        expect(Math.abs(cost - Number(row['cost_usd']))).toBeLessThan(1e-6);
      });
      expect(usd(result, 600)).toBeCloseTo(name === 'greedy' ? 19.704367 : 18.428383, 5);
    }
  });

  test('eight inverted traces: mean costs of five policies, nobody late', async () => {
    const inverted = new Map<string, ReturnType<typeof readSpotTrace>>();
    for (const row of costRows('cant_be_late/raw_2022-11-28_costs.csv')) {
      const name = row['policy'] ?? '';
      const path = costPath(`spot_traces/raw_inverted/2022-11-28T22-23/${row['trace']}.txt.gz`);
      const read = inverted.get(path) ?? readSpotTrace(path);
      inverted.set(path, read);
      const { counts, gapS } = await read;
      const [workS, deadlineS, changeoverS] = ['job_s', 'deadline_s', 'changeover_s'].map((key) => Number(row[key]));
      if (workS === undefined || deadlineS === undefined || changeoverS === undefined) throw new Error('no job');
      const found: number[] = [];
      let late = 0;
      for (let from = 0; from < counts.length - deadlineS / gapS; from += 24) {
        if (name === 'omniscient') {
          const tickCosts = { spotTickCost: prices.spot / 6, onDemandTickCost: prices.onDemand / 6 };
          found.push(
            omniscientCost({ counts, from, nodes: 1, workS, deadlineS, gapS, changeoverS, ...tickCosts }) ?? 0,
          );
          continue;
        }
        const job = { workS, deadlineS, gapS, changeoverS, priceRatio };
        const policy = policyOf(name === 'hybrid_0.7' ? 'hybrid' : name);
        const result = runWindow({ counts, from, to: counts.length, nodes: 1, job, policy });
        if (result.finishTick < 0 || result.finishTick * gapS > deadlineS) late += 1;
        found.push(usd(result, gapS));
      }
      expect(found).toHaveLength(Number(row['n_starts']));
      expect(Math.abs(mean(found) - Number(row['mean_cost_usd']))).toBeLessThan(2e-5);
      expect(late).toBe(Number(row['late']));
    }
  });
});

/** The state in the tick before a run ended. */
function lastState(counts: Uint16Array, from: number, job: PolicyJob, { finishTick }: WindowResult) {
  let last = 'idle';
  const log = (step: WindowStep) => {
    last = step.decision;
  };
  runWindow({ counts, from, to: from + finishTick, nodes: 1, job, policy: strawman, log });
  return last;
}

const shapes = fc.record({
  seed: fc.integer({ min: 1, max: 1e9 }),
  upShare: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
  workTicks: fc.integer({ min: 1, max: 40 }),
  slackTicks: fc.integer({ min: 4, max: 60 }),
  gapS: fc.constantFrom(60, 195, 600),
  changeoverS: fc.integer({ min: 0, max: 700 }),
});

function windowOf({
  seed,
  upShare,
  workTicks,
  slackTicks,
  gapS,
  changeoverS,
}: typeof shapes extends fc.Arbitrary<infer T> ? T : never) {
  const random = seededRandom(seed);
  // Periods rather than single ticks.
  const counts = new Uint16Array(400);
  let up = 1;
  for (let tick = 0; tick < counts.length; tick += 1) {
    if (random() < 0.2) up = Number(random() < upShare);
    counts[tick] = up;
  }
  const workS = workTicks * gapS;
  const deadlineS = workS + 3 * Math.ceil(changeoverS / gapS) * gapS + slackTicks * gapS;
  return { counts, job: { workS, deadlineS, gapS, changeoverS, priceRatio } };
}

function boundOf(counts: Uint16Array, { workS, deadlineS, gapS, changeoverS }: PolicyJob): number {
  const tickCosts = { spotTickCost: (prices.spot * gapS) / 3600, onDemandTickCost: (prices.onDemand * gapS) / 3600 };
  return omniscientCost({ counts, from: 0, nodes: 1, workS, deadlineS, gapS, changeoverS, ...tickCosts }) ?? 0;
}

test('no policy with a safety net is late or cheaper than the omniscient bound', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const { counts, job } = windowOf(shape);
      const bound = boundOf(counts, job);
      for (const policy of policies) {
        if (policy.name === 'spot_only') continue;
        const window = { counts, from: 0, to: counts.length, nodes: 1, job, policy, upUntil: upUntil(counts, 1) };
        const result = runWindow(window);
        expect(result.finishTick, policy.name).toBeGreaterThanOrEqual(0);
        expect(result.finishTick * job.gapS, policy.name).toBeLessThanOrEqual(job.deadlineS);
        expect(usd(result, job.gapS), policy.name).toBeGreaterThanOrEqual(bound - 1e-9);
      }
    }),
    { numRuns: 60 },
  );
});

test('skipping the decisions that keep spot changes nothing', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 0, max: 300 }), (shape, from) => {
      const { counts, job } = windowOf(shape);
      const until = upUntil(counts, 1);
      for (const policy of policies) {
        const window = { counts, from, to: counts.length, nodes: 1, job, policy, upUntil: until };
        expect(runWindow(window), policy.name).toEqual(runWindow({ ...window, log: () => {} }));
      }
    }),
    { numRuns: 60 },
  );
});

test('the bound agrees with a search of every choice in short windows', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 4, maxLength: 8 }), fc.integer({ min: 0, max: 150 }), (up, d) => {
      const counts = Uint16Array.from(up, Number);
      const gapS = 60;
      const workS = 2 * gapS;
      const deadlineS = up.length * gapS;
      let best = Number.POSITIVE_INFINITY;
      const visit = (tick: number, last: number, units: number, cost: number) => {
        if (tick === up.length) {
          if (units >= workS) best = Math.min(best, cost);
          return;
        }
        visit(tick + 1, 0, units, cost);
        for (const [state, price] of [
          [1, prices.spot],
          [2, prices.onDemand],
        ] as const)
          if (state === 2 || up[tick] === true)
            visit(tick + 1, state, units + gapS - (state === last ? 0 : d), cost + (price * gapS) / 3600);
      };
      visit(0, 0, 0, 0);
      const job = { workS, deadlineS, gapS, changeoverS: d, priceRatio };
      const bound = boundOf(counts, job);
      expect(bound).toBeCloseTo(best === Number.POSITIVE_INFINITY ? 0 : best, 9);
    }),
    { numRuns: 40 },
  );
});

test('a longer changeover or less spot never lowers the bound', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 300 }), (shape, more) => {
      const { counts, job } = windowOf(shape);
      const base = boundOf(counts, job);
      expect(boundOf(counts, { ...job, changeoverS: job.changeoverS + more })).toBeGreaterThanOrEqual(
        job.deadlineS >= job.workS + job.changeoverS + more ? base - 1e-9 : 0,
      );
      const fewer = counts.map((count, tick) => (tick % 7 === 3 ? 0 : count));
      expect(boundOf(fewer, job)).toBeGreaterThanOrEqual(base - 1e-9);
    }),
    { numRuns: 30 },
  );
});

test('with spot always there and no changeover, every policy but on demand costs the price of spot', () => {
  const counts = new Uint16Array(100).fill(1);
  const job: PolicyJob = { workS: 3600, deadlineS: 5400, gapS: 60, changeoverS: 0, priceRatio };
  for (const policy of policies) {
    if (policy.name === 'on_demand') continue;
    const result = runWindow({ counts, from: 0, to: 100, nodes: 1, job, policy, upUntil: upUntil(counts, 1) });
    expect(usd(result, 60), policy.name).toBeCloseTo(prices.spot, 9);
  }
});

test('a policy resumed from its written memory decides as one that was never stopped', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 50 }), (shape, every) => {
      const { counts, job } = windowOf(shape);
      const policy = policyOf('hybrid');
      const plain = runWindow({ counts, from: 0, to: counts.length, nodes: 1, job, policy });
      let kept = JSON.stringify(firstMemory());
      let ticks = 0;
      const restarted: Policy = {
        ...policy,
        decide: (given, tick, memory) => {
          ticks += 1;
          const used = ticks % every === 0 ? JSON.parse(kept) : memory;
          const answer = policy.decide(given, tick, used);
          Object.assign(memory, used);
          kept = JSON.stringify(memory);
          return answer;
        },
      };
      expect(runWindow({ counts, from: 0, to: counts.length, nodes: 1, job, policy: restarted })).toEqual(plain);
    }),
    { numRuns: 25 },
  );
});

test('the oracle starts spot that lasts longer than k·d / (k − 1), and never where spot is not cheaper', () => {
  expect(lifetimeThresholds(3, 600)).toEqual({ fromIdleS: 900, fromOnDemandS: 1800 });
  expect(lifetimeThresholds(1, 600).fromIdleS).toBe(Number.POSITIVE_INFINITY);
});

test('a failing start on demand is tried again, and a late job says so', () => {
  const counts = new Uint16Array(40);
  const job: PolicyJob = { workS: 600, deadlineS: 1200, gapS: 60, changeoverS: 60, priceRatio };
  let tries = 0;
  const provides = () => {
    tries += 1;
    return tries > 5;
  };
  const result = runWindow({ counts, from: 0, to: 40, nodes: 1, job, policy: policyOf('on_demand'), provides });
  expect([tries, result.starts, result.finishTick]).toEqual([6, 1, 16]);
});
