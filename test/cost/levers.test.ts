import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { parseJob } from '../../src/cost/plan/job.ts';
import { makePlan } from '../../src/cost/plan/make-plan.ts';
import type { CostPlan } from '../../src/cost/plan/plan.ts';
import { leverFindings } from '../../src/cost/profile/finding-levers.ts';
import { readProfile } from '../../src/cost/profile/read-profile.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import type { Source } from '../../src/gpu/source.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, faultKinds, trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from '../gpu/captures/scan-trace.ts';
import { hasSharedData, sharedTrace, whySkipped } from '../gpu/shared-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-levers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, value: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
};

async function planOf(value: unknown, accelerator = 'A100'): Promise<CostPlan> {
  const job = parseJob({ version: 1, name: 'x', hours: 8, gpus: 4, gpusPerNode: 4, accelerator, onDemandUsd: 20 });
  return makePlan({
    job,
    profile: await readProfile([put('profile.json', value)], job),
    offers: [],
    prices: { digest: null, ageDays: null, source: 'the job' },
    traces: [],
    traceCaveats: [],
    trials: new Map(),
    otherHardware: null,
    draws: 200,
    seed: 1,
  });
}

const rowOf = (plan: CostPlan, name: string) =>
  plan.techniques.find((one) => one.name === name) ?? expect.unreachable(name);

function diagnosed(fault: FaultKind, share: number, ranks: number): Diagnosis {
  const options = { fault, share, steps: 6, kernelsPerStep: 40, kernelUs: 80, ranks, random: seededRandom(5) };
  const sources = trainingRun(options).map((capture, rank): Source => {
    const trace = scanTrace(new TextEncoder().encode(captureJson(capture)));
    return { kind: 'trace', path: `rank-${rank}.json`, trace };
  });
  return diagnose(sources);
}

/** Faults that are between ranks. */
const ofRanks: readonly FaultKind[] = ['straggler', 'uneven', 'exposed-communication'];

test('a lever follows from cause and mechanism: whatever the words of a finding are, it is the same', () => {
  const found = faultKinds.filter((fault) => fault !== 'none');
  const findings = found.flatMap((fault) => diagnosed(fault, 0.4, ofRanks.includes(fault) ? 4 : 1).findings);
  const worded = findings.map((one) => ({
    ...one,
    title: 'late slow Tensor Cores save frames exposed copies, which it loads itself',
    evidence: one.evidence.map((row) => ({ ...row, what: 'late' })),
  }));
  const leversOf = (some: typeof findings) => leverFindings(some).map(({ lever }) => lever);
  expect(leversOf(worded)).toEqual(leversOf(findings));
  expect(new Set(leversOf(findings)).size).toBeGreaterThanOrEqual(5);
});

test.each(faultKinds.filter((fault) => fault !== 'none'))(
  'each finding of a run with %s is a lever, whose range ends at the ceiling of the diagnosis',
  async (fault) => {
    for (const share of [0.2, 0.4]) {
      const diagnosis = diagnosed(fault, share, ofRanks.includes(fault) ? 4 : 1);
      expect(diagnosis.findings.length).toBeGreaterThan(0);
      const plan = await planOf(diagnosis);
      for (const { id, ceiling } of diagnosis.findings) {
        const lever = plan.techniques.find(({ findings }) => findings.includes(id));
        expect(lever, id).toBeDefined();
        if (lever === undefined || ceiling === null || lever.alone === null) continue;
        expect(lever.ceiling ?? 0, id).toBeGreaterThanOrEqual(ceiling);
        // Waits and the loader are divided by the finding itself; kernels gain by priors.
        if (!['data-pipeline', 'hidden-sync', 'copies', 'async-save', 'late-rank'].includes(lever.name)) continue;
        expect(lever.alone.p90, id).toBeLessThanOrEqual((lever.ceiling ?? 0) * 1.02);
        expect(lever.alone.p90, id).toBeGreaterThan(1 + 0.8 * ((lever.ceiling ?? 1) - 1));
        expect(lever.alone.p10, id).toBeLessThan(lever.alone.p90);
        expect(lever.leftOut, id).toBeNull();
      }
    }
  },
);

test('exposed communication has two levers: buckets, and gradients in 16 bits', async () => {
  const plan = await planOf(diagnosed('exposed-communication', 0.3, 4));
  for (const name of ['gradient-overlap', 'gradients-16-bit'])
    expect(rowOf(plan, name).alone?.p50).toBeGreaterThan(1.01);
});

test('hours of other jobs are listed with their price, and no finding is dropped', async () => {
  const diagnosis = diagnosed('hidden-sync', 0.3, 1);
  const idle = {
    ...diagnosis.findings[0],
    id: 'scheduling/1',
    cause: 'scheduling',
    title: 'GPUs are held idle',
    step: null,
    ceiling: null,
    gpuHours: 40,
  };
  const plan = await planOf({ ...diagnosis, findings: [...diagnosis.findings, idle] });
  expect(rowOf(plan, 'scheduling')).toMatchObject({
    findings: ['scheduling/1'],
    precondition: { by: expect.stringContaining('200.00 USD') },
  });
});

/** A job measured three ways, whose loader takes `loaderS` in turn with `busyS` of the GPU. */
const measured = (busyS: number, loaderS: number, stepS: number) => ({
  kind: 'headrace-cost-profile',
  format: 1,
  takenAtMs: 0,
  fingerprint: { model: null, gpus: 4, accelerator: 'A100', precision: 'tf32', revision: null },
  stepS,
  gpuBoundStepS: busyS,
  loaderS,
  spread: 0,
  repeats: 2,
  steps: 10,
  microBatch: 8,
  accumulation: 1,
  peakMemoryBytes: null,
  gpuMemoryBytes: null,
});

test('a loader in turn with the GPU: workers gain up to all of the wait, and precision gains besides, also by a trace alone', async () => {
  for (const share of [0.2, 0.25, 0.33, 0.4]) {
    const byTrace = await planOf(diagnosed('data-pipeline', share, 1));
    const { stepS, stallS } = byTrace.profile.times;
    expect(byTrace.profile.step.loaderOverlap).toBeLessThan(0.05);
    const { loaderS } = byTrace.profile.step;
    const byProfile = await planOf(measured(stepS - stallS, loaderS, stepS));
    for (const plan of [byTrace, byProfile]) {
      const { alone } = rowOf(plan, 'data-pipeline');
      expect(alone?.p90).toBeCloseTo(stepS / (stepS - stallS), 1);
      expect(alone?.p50).toBeGreaterThan(1 + 0.75 * (stepS / (stepS - stallS) - 1));
    }
    // Half the kernel time leaves the whole wait: (b + l) / (b / 1.645 + l).
    const gain = rowOf(byProfile, 'mixed-precision').alone?.p50 ?? 0;
    expect(gain).toBeCloseTo(stepS / ((stepS - stallS) / 1.645 + stallS), 2);
  }
});

test('a stall of 40 % in turn, measured as 1.67 times with workers, is inside the range', async () => {
  const { alone } = rowOf(await planOf(measured(0.6, 0.4, 1)), 'data-pipeline');
  expect(alone?.p10).toBeLessThan(1.4);
  expect(alone?.p50).toBeGreaterThan(1.55);
  expect(alone?.p90).toBeCloseTo(1 / 0.6, 2);
});

test('where a trace does not say how the loader runs, gains cover both forms, and no confidence is high', async () => {
  const diagnosis = JSON.parse(
    JSON.stringify(diagnosed('data-pipeline', 0.3, 1)).replaceAll(
      'torchvision/transforms/functional.py(164): to_tensor',
      'enumerate(DataLoader)',
    ),
  );
  const plan = await planOf(diagnosis);
  const { stepS, stallS } = plan.profile.times;
  const precision = rowOf(plan, 'mixed-precision');
  expect(precision.confidence).toBe('low');
  if (precision.precondition.state === 'failed') return;
  expect(precision.alone?.p10).toBeCloseTo(1, 5);
  expect(precision.alone?.p90).toBeGreaterThan(1);
  expect(precision.alone?.p90).toBeLessThan(stepS / stallS);
});

test('for every loader the plan returns the measured step, and no lever beats an absent loader', async () => {
  const seconds = fc.double({ min: 0.05, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(seconds, seconds, fc.double({ min: 0, max: 1, noNaN: true }), async (busyS, loaderS, overlap) => {
      const stepS = Math.max(busyS, loaderS) + (1 - overlap) * Math.min(busyS, loaderS);
      const plan = await planOf(measured(busyS, loaderS, stepS));
      expect(plan.profile.times.stepS).toBeCloseTo(stepS, 9);
      expect(rowOf(plan, 'data-pipeline').alone?.p90).toBeLessThanOrEqual((stepS / busyS) * (1 + 1e-9));
    }),
    { numRuns: 25 },
  );
});

describe.skipIf(!hasSharedData)(`recorded steps of one program with 0 and 4 workers${whySkipped}`, () => {
  test('the gain that was measured, 1.26 on mean and 1.40 on median steps, is inside the range', async () => {
    const trace = await sharedTrace('kineto_resnet50_num_workers_0_worker0.1623143089861.pt.trace.json.gz');
    const diagnosis = diagnose([{ kind: 'trace', path: 'w0', trace }]);
    const { alone } = rowOf(await planOf(diagnosis, 'V100'), 'data-pipeline');
    expect(alone?.p10).toBeLessThanOrEqual(1.27);
    expect(alone?.p90).toBeGreaterThanOrEqual(1.4);
  });
});
