import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { costToTarget } from '../../src/cost/plan/cost-to-target.ts';
import { drawPrior, rangeOf } from '../../src/cost/plan/draw.ts';
import { applied, evaluateTechniques } from '../../src/cost/plan/evaluate-techniques.ts';
import { densePeak, flopsPerToken, mfuOf } from '../../src/cost/plan/flops.ts';
import { loaderOverlapOf, noWaits, type StepFacts, stepTimes } from '../../src/cost/plan/step-model.ts';
import { recomputed } from '../../src/cost/techniques/activation-checkpointing.ts';
import { mixedPrecision, withPrecision } from '../../src/cost/techniques/mixed-precision.ts';
import { a100MixedPrecision, compileSpeedup } from '../../src/cost/techniques/priors.ts';
import type { JobFacts } from '../../src/cost/techniques/technique.ts';
import { techniques } from '../../src/cost/techniques/techniques.ts';
import { costRows, costText, hasCostData, whySkipped } from './shared-data.ts';

/** A technique as the reference cases write it. */
interface Written {
  readonly t: 'amp' | 'compile' | 'loader' | 'accum' | 'recompute';
  readonly s_tc?: number;
  readonly s_mem?: number;
  readonly grads_16bit?: boolean;
  readonly gap_factor?: number;
  readonly factor?: number;
  readonly k?: number;
  readonly batch_mult?: number;
  readonly efficiency_gain?: number;
}

const named = (name: string) => {
  const found = techniques.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

/** By the transforms of the techniques themselves. */
function changed(step: StepFacts, written: Written): StepFacts {
  const { t, s_tc = 1, s_mem = 1, gap_factor = 1, factor = 1, k = 1, batch_mult = 1, efficiency_gain = 1 } = written;
  switch (t) {
    case 'amp':
      return withPrecision(step, { tensor: s_tc, memory: s_mem, allReduce: written.grads_16bit === true ? 2 : 1 });
    case 'compile':
      return named('compile').apply(step, [s_mem, gap_factor]);
    case 'loader':
      return named('data-pipeline').apply(step, [factor]);
    case 'accum':
      expect(k).toBe(4 * step.accumulation);
      return named('gradient-accumulation').apply(step, []);
    case 'recompute':
      return recomputed(step, batch_mult, efficiency_gain);
  }
}

interface Cases {
  readonly profiles: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly cases: readonly {
    readonly profile: string;
    readonly techniques: readonly Written[];
    readonly expected: {
      readonly step_s: number;
      readonly exposed_s: number;
      readonly stall_s: number;
      readonly bound: string;
    };
    readonly expected_per_sample_us: number;
    readonly joint_speedup: number;
  }[];
}

function factsOf(written: Readonly<Record<string, number>>): StepFacts {
  const of = (name: string) => written[name] ?? Number.NaN;
  return {
    tensorS: of('g_tc'),
    memoryS: of('g_mem'),
    otherS: of('g_other'),
    loaderS: of('L'),
    loaderOverlap: 1,
    gapsS: of('gaps'),
    ...noWaits,
    allReduceS: of('A'),
    overlap: of('overlap'),
    backwardShare: of('bwd'),
    optimizerS: of('U'),
    accumulation: of('k'),
    microBatch: of('batch'),
    gpus: of('gpus'),
  };
}

describe.skipIf(!hasCostData)(`the step model${whySkipped}`, () => {
  test('60 cases of five profiles: step, exposed, stall, bound, time per sample, in any order of techniques', () => {
    const { profiles, cases } = JSON.parse(costText('planner/cases.json')) as Cases;
    expect(cases).toHaveLength(60);
    for (const one of cases) {
      const base = factsOf(profiles[one.profile] ?? {});
      for (const list of [one.techniques, one.techniques.toReversed()]) {
        const times = stepTimes(list.reduce(changed, base));
        expect(times.stepS).toBeCloseTo(one.expected.step_s, 6);
        expect(times.exposedS).toBeCloseTo(one.expected.exposed_s, 6);
        expect(times.stallS).toBeCloseTo(one.expected.stall_s, 6);
        expect(times.bound).toBe(one.expected.bound);
        expect(times.sampleS * 1e6).toBeCloseTo(one.expected_per_sample_us, 3);
        expect(stepTimes(base).sampleS / times.sampleS).toBeCloseTo(one.joint_speedup, 4);
      }
    }
  });

  test('the prior of compilation is of the published rows', () => {
    const compiled = costRows('calibration/speedups_compiled.csv').filter(
      (row) => row['technique'] === 'torch.compile',
    );
    const values = compiled.map((row) => Number(row['ratio'])).sort((a, b) => a - b);
    expect([values[0], values.at(-1)]).toEqual([compileSpeedup.p10, compileSpeedup.p90]);
    expect(values).toContain(compileSpeedup.p50);
  });

  test('ten published runs of transformers: their utilisation by the formula for iterations, from parameters and shape', () => {
    const peak = densePeak('A100', 'bf16') ?? 0;
    const rows = costRows('calibration/megatron_sc21_table1.csv');
    expect(rows).toHaveLength(10);
    for (const row of rows) {
      const share = (Number(row['tflops_per_gpu']) * 1e12) / peak;
      expect(Math.abs(100 * share - Number(row['pct_peak']))).toBeLessThan(1);
      const total = Number(row['tflops_per_gpu']) * Number(row['gpus']);
      expect(Math.abs(total / 1000 - Number(row['aggregate_pflops']))).toBeLessThan((0.02 * total) / 1000);
    }
  });

  test('55 times to a target quality; the shortest epoch is not the first at the target', () => {
    const epochS = new Map(
      costRows('zeus/summary_power_v100.csv')
        .filter((row) => row['power_limit'] === '250')
        .map((row) => [`${row['dataset']}/${row['optimizer']}/${row['batch_size']}`, Number(row['time_per_epoch'])]),
    );
    const runs = costRows('zeus/summary_train.csv.gz');
    const expected = costRows('zeus/expected_time_to_target_v100_250w.csv');
    expect(expected).toHaveLength(55);
    for (const row of expected) {
      const batch = Number(row['batch_size']);
      const same = runs.filter(
        (run) =>
          ['dataset', 'batch_size', 'optimizer'].every((column) => run[column] === row[column]) &&
          Number(run['target_metric']) === Number(row['target_metric']),
      );
      const epochs = (text = '') => (Number.isNaN(Number(text)) || text === '' ? null : Number(text));
      const perEpoch = epochS.get(`${row['dataset']}/${row['optimizer']}/${row['batch_size']}`) ?? Number.NaN;
      const [found] = costToTarget(
        same.map((run) => ({ batch, epochs: epochs(run['target_epoch']) })),
        new Map([[batch, perEpoch]]),
      );
      expect(found?.runs).toBe(Number(row['runs']));
      expect(found?.reachedShare).toBeCloseTo(Number(row['share_reached']), 2);
      expect(found?.medianEpochs ?? null).toBe(epochs(row['median_epochs']));
      if (found?.seconds === null) expect(row['time_to_target_s']).toBe('');
      else expect(found?.seconds ?? 0).toBeCloseTo(Number(row['time_to_target_s']), 1);
    }
    const of = (batch: string) =>
      Number(
        expected.find((row) => row['dataset'] === 'cifar100' && row['batch_size'] === batch)?.['time_to_target_s'],
      );
    expect([Math.round(of('256')), Math.round(of('1024'))]).toEqual([302, 586]);
  });
});

const base: JobFacts = {
  step: factsOf({
    g_tc: 0.45,
    g_mem: 0.2,
    g_other: 0.05,
    L: 1,
    A: 0.12,
    overlap: 0.7,
    bwd: 2 / 3,
    gaps: 0.03,
    U: 0.02,
    k: 1,
    batch: 64,
    gpus: 8,
  }),
  accelerator: 'A100',
  precision: 'tf32',
  loaderMeasured: true,
  kernelsKnown: true,
  traced: true,
  findings: [],
  otherLoader: null,
  memory: null,
  peakMemoryShare: 0.9,
  qualityGate: null,
  deadlineRatio: 1.5,
  gradients16Bit: false,
  compiled: true,
  fusedAttention: true,
};

test('while the loader is the bound, precision alone gains nothing, and data comes first in the list', () => {
  const { planned, chosen } = evaluateTechniques(base, new Map());
  expect(planned[0]?.name).toBe('data-pipeline');
  const precision = planned.find(({ name }) => name === 'mixed-precision');
  expect(precision?.alone).toEqual({ p10: 1, p50: 1, p90: 1 });
  expect(precision?.marginal).toBeGreaterThan(1);
  const marginals = planned.reduce((product, { marginal }) => product * (marginal ?? 1), 1);
  const joint = stepTimes(base.step).gpuSampleS / stepTimes(applied(base.step, chosen, ({ p50 }) => p50)).gpuSampleS;
  expect(marginals).toBeCloseTo(joint, 9);
});

test('a loader without workers is added to the step, and its overlap follows from a measured step', () => {
  const step = { ...base.step, loaderS: 0.3, loaderOverlap: 0 };
  const { stepS } = stepTimes(step);
  expect(stepS).toBeCloseTo(1.05, 9);
  for (const measured of [1.05, 0.9, 0.75]) {
    const loaderOverlap = loaderOverlapOf(0.3, 0.75, measured);
    expect(stepTimes({ ...step, loaderOverlap }).stepS).toBeCloseTo(measured, 9);
  }
});

test('a job in BF16 gains exactly 1.0 from mixed precision', () => {
  for (const precision of ['bf16', 'fp16', 'fp8'] as const) {
    const found = evaluateTechniques({ ...base, precision }, new Map()).planned.find(
      ({ name }) => name === 'mixed-precision',
    );
    expect(found?.precondition.state).toBe('failed');
    expect(found?.alone).toEqual({ p10: 1, p50: 1, p90: 1 });
  }
});

test('the joint result does not depend on the order of the techniques, and an enabler alone never gains', () => {
  const seconds = fc.double({ min: 1e-4, max: 1, noNaN: true });
  const facts = fc.record({
    tensorS: seconds,
    memoryS: seconds,
    otherS: seconds,
    loaderS: seconds,
    loaderOverlap: fc.double({ min: 0, max: 1, noNaN: true }),
    gapsS: seconds,
    syncS: seconds,
    copyS: seconds,
    saveS: seconds,
    lateS: seconds,
    allReduceS: seconds,
    overlap: fc.double({ min: 0, max: 1, noNaN: true }),
    backwardShare: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
    optimizerS: seconds,
    accumulation: fc.constantFrom(1, 2, 4, 8),
    microBatch: fc.integer({ min: 1, max: 512 }),
    gpus: fc.constantFrom(2, 8, 32, 64),
  });
  fc.assert(
    fc.property(facts, fc.shuffledSubarray([...techniques]), fc.integer({ min: 1, max: 1e6 }), (step, some, seed) => {
      const candidates = some.map((technique) => ({ technique, priors: technique.priors({ ...base, step }) }));
      const random = seededRandom(seed);
      const values = new Map(
        candidates.flatMap(({ priors }) => priors.map((prior) => [prior, drawPrior(prior, random)] as const)),
      );
      const value = (prior: Parameters<typeof values.get>[0]) => values.get(prior) ?? 1;
      const one = stepTimes(applied(step, candidates, value));
      const other = stepTimes(applied(step, candidates.toReversed(), value));
      // A micro-batch changes the unit of what others scale: only factors commute, and all transforms are factors.
      expect(other.gpuSampleS / one.gpuSampleS).toBeCloseTo(1, 9);
      expect(stepTimes(recomputed(step, 1, 1)).sampleS).toBeGreaterThanOrEqual(stepTimes(step).sampleS * (1 - 1e-12));
    }),
    { numRuns: 100 },
  );
});

test('a technique that changes training is left out without a quality gate', () => {
  const step = { ...base.step, loaderS: 0.01, allReduceS: 2 };
  const leftOut = (qualityGate: string | null) =>
    evaluateTechniques({ ...base, step, qualityGate }, new Map()).planned.find(
      ({ name }) => name === 'gradient-accumulation',
    )?.leftOut;
  expect(leftOut(null)).toContain('qualityGate');
  expect(leftOut('make evaluate')).toBeNull();
});

test('a trial replaces the prior by its measurement', () => {
  const step = { ...base.step, loaderS: 0.01 };
  const trials = new Map([['mixed-precision', { stepRatio: 0.8, loaderRatio: 1, spread: 0 }]]);
  const found = evaluateTechniques({ ...base, step }, trials).planned.find(({ name }) => name === 'mixed-precision');
  expect(found?.alone?.p50).toBeCloseTo(1.25, 9);
  expect([found?.confidence, found?.priors[0]?.kind]).toEqual(['high', 'trial']);
});

test('draws of a prior meet its quantiles', () => {
  const random = seededRandom(7);
  const draws = Float64Array.from({ length: 20_000 }, () => drawPrior(a100MixedPrecision, random));
  const range = rangeOf(draws);
  for (const name of ['p10', 'p50', 'p90'] as const)
    expect(Math.abs(range[name] / a100MixedPrecision[name] - 1)).toBeLessThan(0.02);
});

test('utilisation: 169,000 tokens/s of a 1.3 B model on 8 A100 are 61 %, and above 65 % the input is wrong', () => {
  const shape = { parameters: 1.313e9, layers: 24, heads: 16, headSize: 128, sequence: 2048 };
  const peak = densePeak('A100-80GB', 'bf16') ?? 0;
  expect(mfuOf(169_000, flopsPerToken(shape), 8, peak).share).toBeCloseTo(0.61, 1);
  expect(mfuOf(30_000, flopsPerToken(shape), 8, peak).verdict).toBe('profile before planning');
  try {
    mfuOf(338_000, flopsPerToken(shape), 8, peak);
    expect.unreachable();
  } catch (error) {
    expect(isHeadraceError(error, 'COST_JOB')).toBe(true);
  }
});

test('the precondition of mixed precision names the number of the profile', () => {
  expect(mixedPrecision.precondition(base).by).toContain('93 % of kernel time');
});
