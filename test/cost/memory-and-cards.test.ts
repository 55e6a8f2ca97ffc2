import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Offer } from '../../src/cost/catalog/offer.ts';
import { parseJob } from '../../src/cost/plan/job.ts';
import { makePlan } from '../../src/cost/plan/make-plan.ts';
import { activationBytes, type MemoryJob, stateBytes } from '../../src/cost/plan/memory-model.ts';
import { readProfile } from '../../src/cost/profile/read-profile.ts';
import { readOtherHardware } from '../../src/cost/profile/read-trials.ts';
import { a100MixedPrecision, v100MixedPrecision } from '../../src/cost/techniques/priors.ts';
import type { Prior } from '../../src/cost/techniques/technique.ts';
import { costRows, hasCostData, whySkipped } from './shared-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-cards-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, value: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
};

const profileOf = (fingerprint: object, change: object = {}) => ({
  kind: 'headrace-cost-profile',
  format: 1,
  takenAtMs: 0,
  fingerprint: { model: null, gpus: 8, accelerator: 'A100', precision: 'fp32', revision: null, ...fingerprint },
  stepS: 1,
  gpuBoundStepS: 1,
  loaderS: 0.01,
  spread: 0,
  repeats: 2,
  steps: 10,
  microBatch: 8,
  accumulation: 4,
  peakMemoryBytes: 38e9,
  gpuMemoryBytes: 40e9,
  ...change,
});

async function planOf(
  profile: object,
  jobChange: object,
  otherHardware: string | null = null,
  offers: readonly Offer[] = [],
) {
  const job = parseJob({
    version: 1,
    name: 'x',
    hours: 8,
    gpus: 8,
    accelerator: 'A100',
    onDemandUsd: 20,
    ...jobChange,
  });
  const measured = await readProfile([put('profile.json', profile)], job);
  return makePlan({
    job,
    profile: measured,
    offers,
    prices: { digest: null, ageDays: null, source: 'the job' },
    traces: [],
    traceCaveats: [],
    trials: new Map(),
    otherHardware:
      otherHardware === null ? null : await readOtherHardware([`other-hardware=${otherHardware}`], measured),
    draws: 200,
    seed: 1,
  });
}

const rowOf = (plan: Awaited<ReturnType<typeof planOf>>, name: string) =>
  plan.techniques.find((one) => one.name === name) ?? expect.unreachable(name);

test.each([
  ['A100', 'fp32', { tf32: true, mixed: 'BF16', fp8: false, rows: 'measured' }],
  ['A100', 'tf32', { tf32: false, mixed: 'BF16', fp8: false, rows: 'measured' }],
  ['V100', 'fp32', { tf32: false, mixed: 'float16', fp8: false, rows: 'measured' }],
  ['T4', 'fp32', { tf32: false, mixed: 'float16', fp8: false, rows: 'assumption' }],
  ['A10G', 'tf32', { tf32: false, mixed: 'BF16', fp8: false, rows: 'assumption' }],
  ['H100', 'bf16', { tf32: false, mixed: null, fp8: true, rows: 'measured' }],
  ['H100', 'tf32', { tf32: false, mixed: 'BF16', fp8: false, rows: 'assumption' }],
  ['A100', 'bf16', { tf32: false, mixed: null, fp8: false, rows: 'measured' }],
  ['P100', 'fp32', { tf32: false, mixed: null, fp8: false, rows: 'assumption' }],
] as const)(
  '%s in %s gets the formats that its units have, and the rows of no other card as measured',
  async (accelerator, precision, want) => {
    const transformer = { parameters: 1e8, layers: 12, heads: 12, headSize: 64, sequence: 512, tokensPerStep: 1e3 };
    const plan = await planOf(profileOf({ accelerator, precision }), {
      accelerator,
      transformer,
      qualityGate: 'make evaluate',
    });
    const applies = (name: string) => rowOf(plan, name).precondition.state !== 'failed';
    expect(applies('tf32')).toBe(want.tf32);
    expect(applies('fp8')).toBe(want.fp8);
    const mixed = rowOf(plan, 'mixed-precision');
    expect(applies('mixed-precision')).toBe(want.mixed !== null);
    if (want.mixed === null) return;
    expect(mixed.change.includes('float16')).toBe(want.mixed === 'float16' || mixed.change.includes('bfloat16'));
    expect(mixed.change.includes('GradScaler')).toBe(want.mixed === 'float16');
    expect(mixed.priors[0]?.kind).toBe(want.rows);
    expect(mixed.priors[0]?.heldOut === undefined).toBe(want.rows === 'assumption');
    const a100 = mixed.priors[0]?.source.includes('A100, TF32') ?? false;
    expect(a100).toBe(accelerator === 'A100');
  },
);

/** The value below which a share of the weight lies: each model has the same weight. */
function weightedQuantile(models: ReadonlyMap<string, readonly number[]>, share: number): number {
  const points = [...models.values()]
    .flatMap((values) => values.map((value) => ({ value, weight: 1 / values.length })))
    .sort((a, b) => a.value - b.value);
  const all = points.reduce((sum, { weight }) => sum + weight, 0);
  let below = 0;
  for (const { value, weight } of points) {
    below += weight;
    if (below >= share * all - 1e-9) return value;
  }
  return Number.NaN;
}

describe.skipIf(!hasCostData)(`measured rows of mixed precision${whySkipped}`, () => {
  test.each([
    ['A100', 'TF32', a100MixedPrecision],
    ['V100', 'FP32', v100MixedPrecision],
  ] as const)(
    'the range of %s is of its own rows, and holds as many of a left-out model as it prints',
    (family, baseline, prior: Prior) => {
      const models = new Map<string, number[]>();
      for (const row of costRows('calibration/nvidia_dle_mixed_precision.csv')) {
        if (row['gpu_family'] !== family || !(row['baseline_precision'] ?? '').startsWith(baseline)) continue;
        const model = row['model'] ?? '';
        models.set(model, [...(models.get(model) ?? []), Number(row['ratio'])]);
      }
      const rows = [...models.values()].flat();
      expect(prior.source).toContain(`${rows.length} rows of ${models.size} models`);
      for (const [name, share] of [
        ['p10', 0.08],
        ['p50', 0.5],
        ['p90', 0.92],
      ] as const)
        expect(weightedQuantile(models, share)).toBeCloseTo(prior[name], 2);
      const held = [...models].map(([left, values]) => {
        const others = new Map([...models].filter(([name]) => name !== left));
        const [low, high] = [weightedQuantile(others, 0.08), weightedQuantile(others, 0.92)];
        return values.filter((value) => value >= low && value <= high).length / values.length;
      });
      const coverage = held.reduce((sum, one) => sum + one, 0) / held.length;
      expect(coverage).toBeCloseTo(prior.heldOut ?? Number.NaN, 1.5);
      expect(Math.abs(coverage - 0.8)).toBeLessThan(0.02);
    },
  );
});

const zero = (stage: MemoryJob['stage'], shards: number) => {
  const { parameters, gradients, states } = stateBytes({
    parameters: 7.5e9,
    optimizer: 'adam',
    precision: 'mixed',
    shards,
    stage,
  });
  return (parameters + gradients + states) / 1e9;
};

// Rajbhandari et al., SC 2020, table 1: GB of a GPU, 7.5 B parameters.
test.each([
  [4, 52.5, 41.3, 30],
  [16, 35.6, 21.6, 7.5],
  [64, 31.4, 16.6, 1.88],
  [256, 30.4, 15.4, 0.47],
  [1024, 30.1, 15.1, 0.12],
])('states over %d GPUs take what the table of ZeRO says: %d, %d, %d GB', (shards, one, two, three) => {
  expect(zero(0, shards)).toBeCloseTo(120, 6);
  for (const [stage, gb] of [
    [1, one],
    [2, two],
    [3, three],
  ] as const)
    expect(Math.abs(zero(stage, shards) - gb)).toBeLessThan(0.06);
});

// Korthikanti et al., arXiv 2205.05198: 5·a·s/h is 80 for GPT-3 and 64 for MT-NLG; without scores 70 % and 65 % less memory.
test.each([
  ['GPT-3', { layers: 96, hidden: 12_288, heads: 96, sequence: 2048 }, 80, 0.7],
  ['MT-NLG', { layers: 105, hidden: 20_480, heads: 128, sequence: 2048 }, 64, 0.65],
] as const)('activations of %s are those of the paper', (_, shape, scores, saved) => {
  const all = activationBytes(shape, 1, 'all');
  const unit = shape.sequence * shape.hidden * shape.layers;
  expect(all / unit).toBeCloseTo(34 + scores, 9);
  expect(1 - activationBytes(shape, 1, 'fused') / all).toBeCloseTo(saved, 2);
  expect(activationBytes(shape, 3, 'none')).toBe(6 * unit);
});

test('ways to a larger micro-batch are judged by the memory of the job, and one of them is planned', async () => {
  const tight = profileOf({ precision: 'bf16' }, { peakMemoryBytes: 36e9 });
  // 1.2 B parameters in FP32 with Adam: 19.2 GB of states, and 16.8 GB of activations.
  const plan = await planOf(tight, { parameters: 1.2e9 });
  expect(rowOf(plan, 'bigger-micro-batch').precondition).toMatchObject({
    state: 'failed',
    by: expect.stringContaining('% of the memory'),
  });
  expect(rowOf(plan, 'fsdp').precondition.by).toContain('over 8 GPUs');
  const planned = plan.joint.techniques.filter((name) =>
    ['fsdp', 'zero-2', 'activation-checkpointing', 'bigger-micro-batch'].includes(name),
  );
  expect(planned.length).toBeLessThanOrEqual(1);
  // States as large as the memory leave nothing: the job is not as it is described, and nothing is computed from it.
  const wrong = await planOf(tight, { parameters: 9e9 });
  expect(rowOf(wrong, 'fsdp').precondition.by).toContain('not known');
  const roomy = await planOf(profileOf({ precision: 'bf16' }, { peakMemoryBytes: 12e9 }), { parameters: 4e8 });
  expect(rowOf(roomy, 'bigger-micro-batch').precondition.state).toBe('verified');
  expect(rowOf(roomy, 'zero-2').precondition.by).toContain('fits without it');
});

test('another accelerator counts by a trial on it, at its own price', async () => {
  const offer = {
    cloud: 'nebius',
    region: 'eu',
    zone: null,
    instance: 'h100',
    accelerator: 'H100',
    count: 8,
    onDemandUsd: 24,
    spotUsd: null,
    flags: [],
    quotaGpus: null,
  };
  const there = put(
    'there.json',
    profileOf({ accelerator: 'NVIDIA H100 80GB HBM3' }, { stepS: 0.5, gpuBoundStepS: 0.5 }),
  );
  const plan = await planOf(profileOf({}), {}, there, [offer as unknown as Offer]);
  expect(rowOf(plan, 'other-hardware').precondition.by).toContain('1.67 times cheaper and 2.00 times as fast');
  expect(rowOf(await planOf(profileOf({}), {}), 'other-hardware').precondition.state).toBe('failed');
  const same = put('same.json', profileOf({}));
  await expect(planOf(profileOf({}), {}, same)).rejects.toMatchObject({ code: 'COST_PROFILE_OTHER' });
});
