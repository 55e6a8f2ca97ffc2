import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hyperbandBrackets } from '../../src/training/sweep/hyperband.ts';
import { openScheduler } from '../../src/training/sweep/open-scheduler.ts';
import { runSweep, type SweepOutcome } from '../../src/training/sweep/run-sweep.ts';
import { rungBudgets } from '../../src/training/sweep/rungs.ts';
import { trialParameters } from '../../src/training/sweep/search-space.ts';
import { parseSweep, type SweepFile } from '../../src/training/sweep/sweep-file.ts';
import type { SweepJob, SweepScheduler } from '../../src/training/sweep/sweep-scheduler.ts';
import { until } from '../until.ts';
import { runCurves } from './run-curves.ts';
import { hasPython, localBackend } from './run-program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sweep-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const base = { command: ['true'], parameters: { rate: { min: 0, max: 1 } }, trials: 9, budget: { min: 1, max: 27 } };
const schedulers = [
  { kind: 'full' },
  { kind: 'halving', eta: 3 },
  { kind: 'asha', eta: 3 },
  { kind: 'hyperband', eta: 3 },
  { kind: 'percentile', eta: 3 },
  { kind: 'rank', eta: 3 },
  { kind: 'median', least: 2 },
] as const;

test('an error of one trial ends the others before the sweep ends', async () => {
  let closed = 0;
  const open = (trial: string) => {
    if (trial.endsWith('1')) throw new Error('no room');
    const backend = localBackend(trial);
    const close = backend.close.bind(backend);
    backend.close = async () => {
      await close();
      closed += 1;
    };
    return backend;
  };
  const sweep = parseSweep({ ...base, command: ['sleep', '3600'], trials: 2, workers: 2, scheduler: { kind: 'full' } });
  await expect(runSweep({ name: 'sweep', folder, sweep, open, run: { pollMs: 10, graceMs: 100 } })).rejects.toThrow(
    'no room',
  );
  expect(closed).toBe(1);
});

test('brackets of Hyperband are exact where logarithms are off by one', () => {
  expect(hyperbandBrackets(81, 3).map(({ trials, budgets }) => [trials, budgets[0]])).toEqual([
    [81, 1],
    [34, 3],
    [15, 9],
    [8, 27],
    [5, 81],
  ]);
  expect(hyperbandBrackets(1000, 10)).toHaveLength(4);
  expect(hyperbandBrackets(243, 3)).toHaveLength(6);
  expect(rungBudgets(2, 50, 3)).toEqual([2, 6, 18, 50]);
  expect(() => rungBudgets(0, 9, 3)).toThrow(expect.objectContaining({ code: 'SWEEP_BUDGET' }));
});

test.each(schedulers)(
  '$kind: replayed calls give the same jobs; each is recorded once; a diverged trial never continues',
  (scheduler) => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(1000)), fc.integer({ min: 1, max: 4 }), (chance, workers) => {
        const sweep = parseSweep({ ...base, scheduler });
        const calls: ({ job: SweepJob | null } | { loss: number; of: SweepJob })[] = [];
        const first = openScheduler(sweep).scheduler;
        runRandomly(first, workers, calls, () => chance.next().value ?? 0);
        const again = openScheduler(sweep).scheduler;
        for (const call of calls) {
          if ('job' in call) expect(again.next()).toEqual(call.job);
          else again.record(call.of, call.loss);
        }
        expect(again.best()).toEqual(first.best());
        const started = calls.flatMap((call) =>
          'job' in call && call.job !== null ? [`${call.job.trial}/${call.job.rung}`] : [],
        );
        expect(new Set(started).size).toBe(started.length);
        const diverged = calls.flatMap((call) => ('of' in call && !Number.isFinite(call.loss) ? [call.of] : []));
        for (const { trial, rung } of diverged)
          expect(calls.some((call) => 'job' in call && call.job?.trial === trial && call.job.rung > rung)).toBe(false);
        const job = calls.find((call) => 'of' in call);
        if (job !== undefined && 'of' in job)
          expect(() => first.record(job.of, 1)).toThrow(expect.objectContaining({ code: 'SWEEP_RECORD' }));
      }),
      { numRuns: 40 },
    );
  },
);

/** Runs a scheduler to its end with some workers that finish in any order; one loss in ten is not finite. */
function runRandomly(scheduler: SweepScheduler, workers: number, calls: object[], chance: () => number): void {
  const open: SweepJob[] = [];
  for (;;) {
    while (open.length < workers) {
      const job = scheduler.next();
      calls.push({ job });
      if (job === null) break;
      open.push(job);
    }
    if (open.length === 0) return;
    const [of] = open.splice(chance() % open.length, 1);
    if (of === undefined) return;
    const draw = chance();
    const loss = draw % 10 === 0 ? Number.NaN : draw / 1000;
    scheduler.record(of, loss);
    calls.push({ loss, of });
  }
}

test('parameters of a trial are in their ranges, and the same for the same seed', () => {
  const sweep = parseSweep({
    ...base,
    trials: 500,
    parameters: {
      rate: { min: 1e-5, max: 1, scale: 'log' },
      depth: { min: 2, max: 4, whole: true },
      kind: { values: ['a', 'b'] },
    },
  });
  const drawn = trialParameters(sweep, 500);
  expect(trialParameters(sweep, 500)).toEqual(drawn);
  expect(new Set(drawn.map(({ depth }) => depth))).toEqual(new Set([2, 3, 4]));
  expect(new Set(drawn.map(({ kind }) => kind))).toEqual(new Set(['a', 'b']));
  const rates = drawn.map(({ rate }) => Math.log10(Number(rate)));
  expect(rates.every((rate) => rate >= -5 && rate <= 0)).toBe(true);
  expect(rates.filter((rate) => rate < -2.5).length).toBeGreaterThan(150);
  const grid = parseSweep({
    ...base,
    search: 'grid',
    parameters: { a: { values: [1, 2] }, b: { values: ['x', 'y', 'z'] } },
  });
  expect(trialParameters(grid, 6)).toHaveLength(6);
});

test.each([
  ['a range in a grid', { search: 'grid' }],
  ['a log scale from 0', { parameters: { rate: { min: 0, max: 1, scale: 'log' } } }],
  ['max below min', { parameters: { rate: { min: 2, max: 1 } } }],
  ['a budget that falls', { budget: { min: 5, max: 3 } }],
  ['an unknown scheduler', { scheduler: { kind: 'luck' } }],
  ['a member that nobody knows', { wrkers: 4 }],
  ['a hostile name', { parameters: { '../x': { min: 0, max: 1 } } }],
])('%s is SWEEP_FILE', (_, change) => {
  expect(() => parseSweep({ ...base, ...change })).toThrow(expect.objectContaining({ code: 'SWEEP_FILE' }));
});

const asha: Partial<SweepFile> = { trials: 9, workers: 2, seed: 3, scheduler: { kind: 'asha', eta: 3 } };

test.skipIf(!hasPython)(
  'a sweep that runs pauses and resumes trials, finds the best and ends a diverged trial at once',
  async () => {
    const outcome = await runCurves(folder, { ...asha, trials: 12, seed: 5 });
    expect(outcome.state).toBe('completed');
    const rates = outcome.results.map(({ parameters }) => Number(parameters['rate']));
    expect(outcome.results.some(({ failure }) => failure === 'diverged')).toBe(rates.some((rate) => rate > 0.9));
    expect(rates.some((rate) => rate > 0.9)).toBe(true);
    expect(outcome.best?.rung).toBe(2);
    expect(outcome.trained).toBeLessThan(outcome.inFull / 2);
    const closest = Math.min(...rates.map((rate) => Math.abs(rate - 0.3)));
    expect(Math.abs(Number(outcome.best?.parameters['rate']) - 0.3)).toBe(closest);
  },
);

test.skipIf(!hasPython)(
  'a sweep that is killed again and again has each rung record once, and the losses of each job',
  async () => {
    const uninterrupted = await runCurves(join(folder, 'whole'), { ...asha, workers: 1 });
    const killed = join(folder, 'killed');
    const program = resolve('test/training/processes/sweep.ts');
    const args = ['--conditions=headrace-source', program, killed, JSON.stringify({ ...asha, workers: 1 })];
    let output = '';
    for (let kill = 1; kill <= 4; kill++) {
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      child.stdout.on('data', (bytes) => {
        output += String(bytes);
      });
      await until(() => child.exitCode !== null || losses(killed) >= kill * 2 || kill === 4);
      if (kill < 4) child.kill('SIGKILL');
      await once(child, 'close');
    }
    const outcome: SweepOutcome = JSON.parse(output);
    const facts = ({ results }: SweepOutcome) => results.map(({ trial, rung, loss }) => [trial, rung, loss]);
    expect(facts(outcome)).toEqual(facts(uninterrupted));
    expect(outcome.best).toEqual(uninterrupted.best);
    await expect(runCurves(killed, { ...asha, trials: 10 })).rejects.toMatchObject({ code: 'SWEEP_CHANGED' });
  },
);

function losses(path: string): number {
  try {
    return readFileSync(join(path, 'journal.jsonl'), 'utf8').split('"event":"loss"').length - 1;
  } catch {
    return 0;
  }
}
