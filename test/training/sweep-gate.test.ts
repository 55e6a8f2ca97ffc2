import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteRegistry } from '../../src/compose/open-registry.ts';
import { ablate } from '../../src/training/sweep/pilots.ts';
import { SweepRecord } from '../../src/training/sweep/record-sweep.ts';
import { runSweep, type SweepOptions } from '../../src/training/sweep/run-sweep.ts';
import { scaleSweep } from '../../src/training/sweep/scale-sweep.ts';
import { parseSweep } from '../../src/training/sweep/sweep-file.ts';
import { hasPython, localBackend } from './run-program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = { pollMs: 10, graceMs: 100 };

function optionsOf(sweep: Readonly<Record<string, unknown>>): SweepOptions & { readonly signal: AbortSignal } {
  return {
    name: 'sweep',
    folder,
    sweep: parseSweep({
      command: ['python3', resolve('test/training/programs/shapes.py')],
      parameters: { rate: { min: 0, max: 1 } },
      budget: { min: 1, max: 40 },
      trials: 4,
      seed: 2,
      ...sweep,
    }),
    open: localBackend,
    signal: new AbortController().signal,
    run,
  };
}

const gate = (sweep: Readonly<Record<string, unknown>>, fullSteps = 100_000) =>
  ablate({ ...optionsOf(sweep), fullSteps, share: 0.07, pilots: 3 });

test.skipIf(!hasPython)('pilots whose order holds from the first rung on keep it', async () => {
  const found = await gate({ parameters: { rate: { min: 0, max: 1 }, shape: { values: ['steady'] } } });
  expect(found).toMatchObject({ problems: [], warnings: [], pilotSteps: 24, sweep: { budget: { min: 2 } } });
  expect(found.correlations[0]).toEqual({ budget: 2, correlation: 1 });
  // The journal has the pilots: nothing is trained again.
  expect(await gate({ parameters: { rate: { min: 0, max: 1 }, shape: { values: ['steady'] } } })).toEqual(found);
});

test.skipIf(!hasPython)(
  'pilots whose order turns lengthen the first rung, and a stretched schedule is a warning',
  async () => {
    const parameters = { rate: { min: 0, max: 1 }, shape: { values: ['crossing'] } };
    const found = await gate({ parameters, schedule: 'stretched' });
    expect(found.correlations.every(({ correlation }) => (correlation ?? 0) < 0.8)).toBe(true);
    expect(found.sweep?.budget.min).toBe(8);
    expect(found.warnings).toEqual([
      expect.stringContaining('the first rung is 8'),
      expect.stringContaining('stretched'),
    ]);
  },
);

test.skipIf(!hasPython)('a sweep that is too dear is refused, with the trials that would fit', async () => {
  const parameters = { rate: { min: 0, max: 1 }, shape: { values: ['steady'] } };
  const found = await gate({ parameters, trials: 30, scheduler: { kind: 'full' } }, 8_000);
  expect(found.sweep).toBeNull();
  // 7 % of 8,000 are 560: 24 for the pilots, and 13 trials of 40.
  expect(found.problems[0]).toContain('13 trials fit');
});

test.skipIf(!hasPython)(
  'losses at five sizes are extrapolated by their power law; a curve that is not one does not fit',
  async () => {
    const sizes = { rate: { values: [100, 200, 400, 800, 1600] } };
    const { points, fit } = await scaleSweep(optionsOf({ parameters: sizes, budget: { min: 1, max: 2 } }));
    expect(points.map(({ size }) => size)).toEqual([100, 200, 400, 800, 1600]);
    if (!fit.fits) throw new Error(fit.reason);
    expect(fit.at(10_000).p50).toBeCloseTo(0.2 + 10_000 ** -0.5, 3);
    await expect(scaleSweep(optionsOf({ parameters: { rate: { values: [1, 2, 3] } } }))).rejects.toMatchObject({
      code: 'SWEEP_FILE',
    });
  },
);

test.skipIf(!hasPython)(
  'a sweep is in the registry: a run for each trial below its own, each rung once, also recorded twice',
  async () => {
    const registry = openSqliteRegistry(join(folder, 'registry.sqlite'));
    try {
      const parameters = { rate: { min: 0, max: 1 }, shape: { values: ['steady'] } };
      const options = optionsOf({
        parameters,
        budget: { min: 3, max: 27 },
        trials: 9,
        scheduler: { kind: 'asha', eta: 3 },
      });
      const dataset = { name: 'set', digest: 'd'.repeat(36), path: '/data/set.parquet' };
      const recorder = (sweepId: string) =>
        SweepRecord.open({
          ...{
            registry,
            experiment: 'rates',
            name: 'sweep',
            sweep: options.sweep,
            user: 'ann',
            clock: () => 5,
            dataset,
          },
          sweepId,
        });
      const outcome = await runSweep({ ...options, recorder });
      // A resumed sweep records its journal again.
      expect(await runSweep({ ...options, recorder })).toEqual(outcome);
      const experiment = await registry.experimentByName('rates');
      const query = {
        experiments: [experiment?.id ?? ''],
        view: 'active' as const,
        filter: [],
        order: [],
        offset: 0,
        limit: 100,
      };
      const { rows } = await registry.searchRuns(query);
      const tagOf = (tags: readonly { key: string; value: string }[], key: string) =>
        tags.find((tag) => tag.key === key)?.value;
      const parents = rows.filter(({ tags }) => tagOf(tags, 'mlflow.parentRunId') === undefined);
      expect([parents.length, rows.length]).toEqual([1, 10]);
      expect(parents[0]).toMatchObject({ info: { status: 'FINISHED', name: 'sweep' } });
      for (const trial of rows.filter((row) => row !== parents[0])) {
        expect(tagOf(trial.tags, 'mlflow.parentRunId')).toBe(parents[0]?.info.id);
        const of = outcome.results.filter((result) => `trial-${result.trial}` === trial.info.name);
        const { rows: history } = await registry.metricHistory(trial.info.id, 'loss', { offset: 0, limit: 100 });
        expect(history.map(({ step, value }) => [step, value])).toEqual(of.map(({ to, loss }) => [to, loss]));
        expect(trial.params).toContainEqual({ key: 'rate', value: String(of[0]?.parameters['rate']) });
        expect(trial.datasets).toMatchObject([{ name: 'set', digest: 'd'.repeat(36) }]);
      }
      const best = rows.find(({ info }) => info.id === tagOf(parents[0]?.tags ?? [], 'headrace.best'));
      expect(best?.info.name).toBe(`trial-${outcome.best?.trial}`);
    } finally {
      await registry.close();
    }
  },
);
