import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Asha } from '../../src/training/sweep/asha.ts';
import { Stopping, type StoppingRule } from '../../src/training/sweep/stopping.ts';
import { percentileRule, rankRule } from '../../src/training/sweep/stopping-rules.ts';
import { SuccessiveHalving } from '../../src/training/sweep/successive-halving.ts';
import type { SweepJob, SweepScheduler } from '../../src/training/sweep/sweep-scheduler.ts';

const FOLDER = resolve('../shared/data/cost/learning_curves');

interface Golden {
  readonly task: string;
  readonly sh: readonly {
    config_ids: [number, number];
    eta: number;
    budgets: number[];
    cost_epochs: number;
    winner: number;
    winner_valid: number;
    rungs: readonly { budget: number; n: number; survivors: number[] }[];
  }[];
  readonly asha_promotion: readonly {
    config_ids: [number, number];
    eta: number;
    rungs: number[];
    workers: number;
    n_jobs: number;
    cost_epochs: number;
    makespan: number;
    rung_sizes: number[];
    rung_members_in_completion_order: number[][];
    winner: number;
    top_rung: number;
    first_20_jobs: number[][];
  }[];
  readonly stop_percentile: readonly StopGolden[];
  readonly stop_rank: readonly StopGolden[];
}

interface StopGolden {
  config_ids: [number, number];
  eta: number;
  rungs: number[];
  max_t: number;
  stop_epoch: number[];
  cost_epochs: number;
  n_full: number;
  winner: number;
}

const golden: readonly Golden[] = existsSync(FOLDER)
  ? JSON.parse(readFileSync(`${FOLDER}/golden_schedulers.json`, 'utf8'))
  : [];

// Without ../shared this is the test that the file skips.
test.skipIf(golden.length === 0)('eight tasks are compared', () => {
  expect(golden).toHaveLength(8);
});

describe.skipIf(golden.length === 0).each(golden)('curves of $task', ({ task, ...expected }) => {
  const curves = readCurves(task);
  const lossAt = ({ trial, to }: SweepJob) => curves[trial]?.[to] ?? Number.NaN;

  test('successive halving has the survivors of each rung', () => {
    for (const { config_ids, eta, budgets, rungs, ...rest } of expected.sh) {
      const halving = new SuccessiveHalving({ trials: idsOf(config_ids), budgets, eta });
      const jobs = runOn(halving, 1, lossAt);
      expect(costOf(jobs)).toBe(rest.cost_epochs);
      for (const [rung, { n, survivors }] of rungs.entries()) {
        expect(halving.rankedAt(rung)).toHaveLength(n);
        expect(halving.rankedAt(rung).slice(0, survivors.length)).toEqual(survivors);
      }
      expect(halving.best()).toMatchObject({ trial: rest.winner, loss: rest.winner_valid });
    }
  });

  test('ASHA has the jobs, rungs and winner', () => {
    for (const { config_ids, eta, rungs, workers, ...rest } of expected.asha_promotion) {
      const asha = new Asha({ trials: idsOf(config_ids), budgets: rungs, eta });
      const jobs = runOn(asha, workers, lossAt);
      const makespan = Math.max(...jobs.map(({ finish }) => finish));
      expect({ jobs: jobs.length, cost: costOf(jobs), makespan }).toEqual({
        jobs: rest.n_jobs,
        cost: rest.cost_epochs,
        makespan: rest.makespan,
      });
      expect(jobs.slice(0, 20).map(({ start, worker, trial, rung }) => [start, worker, trial, rung])).toEqual(
        rest.first_20_jobs,
      );
      expect(rungs.map((_, rung) => asha.members(rung).length)).toEqual(rest.rung_sizes);
      expect(rungs.slice(1).map((_, rung) => asha.members(rung + 1))).toEqual(rest.rung_members_in_completion_order);
      expect(asha.best()).toMatchObject({ trial: rest.winner, rung: rest.top_rung });
    }
  });

  test.each([
    ['stop_percentile', percentileRule],
    ['stop_rank', rankRule],
  ] as const)('%s stops each trial at its epoch', (name, rule) => {
    for (const { config_ids, eta, rungs, max_t, ...rest } of expected[name]) {
      const { jobs, stopping } = runStopping(config_ids, [...rungs, max_t], rule(eta), lossAt);
      const stops = idsOf(config_ids).map((id) => jobs.findLast(({ trial }) => trial === id)?.to);
      expect(stops).toEqual(rest.stop_epoch);
      expect(costOf(jobs)).toBe(rest.cost_epochs);
      expect(stopping.best()?.trial).toBe(rest.winner);
      expect(jobs.filter((job) => job.to === max_t && Number.isFinite(lossAt(job)))).toHaveLength(rest.n_full);
    }
  });
});

function runStopping(ids: [number, number], budgets: number[], goesOn: StoppingRule, loss: (job: SweepJob) => number) {
  const stopping = new Stopping({ trials: idsOf(ids), budgets, goesOn });
  return { jobs: runOn(stopping, 1, loss), stopping };
}

/** Runs a sweep in simulated time: events by (finish, worker); every idle worker asks again after each event. */
function runOn(scheduler: SweepScheduler, workers: number, loss: (job: SweepJob) => number) {
  const running = new Map<number, SweepJob & { start: number; finish: number; worker: number }>();
  const done: (SweepJob & { start: number; finish: number; worker: number })[] = [];
  let now = 0;
  for (;;) {
    for (let worker = 0; worker < workers; worker++) {
      if (running.has(worker)) continue;
      const job = scheduler.next();
      if (job === null) break;
      const started = { ...job, start: now, finish: now + job.to - job.from, worker };
      running.set(worker, started);
      done.push(started);
    }
    const [first] = [...running.values()].sort((a, b) => a.finish - b.finish || a.worker - b.worker);
    if (first === undefined) return done;
    running.delete(first.worker);
    now = first.finish;
    scheduler.record(first, loss(first));
  }
}

function costOf(jobs: readonly SweepJob[]): number {
  return jobs.reduce((sum, { from, to }) => sum + to - from, 0);
}

function idsOf([first, last]: readonly [number, number]): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Validation losses by configuration and epoch; an empty cell is a loss that is not finite. */
function readCurves(task: string): readonly (readonly number[])[] {
  const [header = '', ...lines] = gunzipSync(readFileSync(`${FOLDER}/taskset/${task}.valid.csv.gz`))
    .toString()
    .trim()
    .split('\n');
  const first = header.split(',').indexOf('valid_0');
  return lines.map((line) =>
    line
      .split(',')
      .slice(first)
      .map((cell) => (cell === '' ? Number.NaN : Number(cell))),
  );
}
