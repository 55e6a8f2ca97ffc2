import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import type { Cause } from '../../src/gpu/finding.ts';
import type { Source } from '../../src/gpu/source.ts';
import { type Capture, captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, faultKinds, type RunOptions, trainingRun } from '../../src/labs/captures/training-run.ts';
import { runs } from '../runs.ts';
import { scanTrace } from './captures/scan-trace.ts';

function sources(name: string, captures: readonly Capture[]): readonly Source[] {
  return captures.map((capture) => ({
    kind: 'trace',
    path: `${name}-${capture.rank}.json`,
    trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
  }));
}

function run(name: string, seed: number, options: Partial<RunOptions>): readonly Source[] {
  return sources(
    name,
    trainingRun({
      fault: 'none',
      share: 0.35,
      steps: 5,
      kernelsPerStep: 40,
      kernelUs: 80,
      ranks: 1,
      random: seededRandom(seed),
      ...options,
    }),
  );
}

/** What a diagnosis says about one job: all but the numbers of its findings. */
function aboutJob({ findings, traces, reasons }: Diagnosis, name: string) {
  return {
    findings: findings.filter(({ scope }) => scope.file.startsWith(`${name}-`)).map(({ id: _, ...rest }) => rest),
    traces: traces.filter(({ file }) => file.startsWith(`${name}-`)),
    reasons: reasons.filter((text) => text.startsWith(`${name}-`)),
  };
}

const fault = fc.constantFrom<FaultKind>(...faultKinds);
const job = fc.record({
  fault,
  share: fc.double({ min: 0.2, max: 0.6, noNaN: true }),
  ranks: fc.integer({ min: 1, max: 3 }),
});

function shuffled<Value>(values: readonly Value[], seed: number): readonly Value[] {
  const random = seededRandom(seed);
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

test('jobs that are diagnosed together have the findings that each has alone, whatever the order of the files', () => {
  fc.assert(
    fc.property(fc.array(job, { minLength: 2, maxLength: 3 }), fc.integer({ min: 1, max: 1e6 }), (jobs, seed) => {
      // Lengths of steps differ by job, as they do between unrelated programs.
      const each = jobs.map((options, at) => run(`job${at}`, seed + at, { ...options, kernelUs: 50 * 1.6 ** at }));
      const together = diagnose(shuffled(each.flat(), seed));
      for (const [at, files] of each.entries())
        expect(aboutJob(together, `job${at}`)).toEqual(aboutJob(diagnose(files), `job${at}`));
      expect(together.findings).toHaveLength(each.reduce((sum, files) => sum + diagnose(files).findings.length, 0));
    }),
    { numRuns: Number(process.env['HEADRACE_GPU_RUNS'] ?? runs(4, 40)) },
  );
});

test('the order of the ranks of a job never matters', () => {
  fc.assert(
    fc.property(fault, fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 1e6 }), (kind, ranks, seed) => {
      const files = run('job', seed, { fault: kind, ranks, share: 0.45 });
      const { files: _, ...told } = diagnose(files);
      const { files: __, ...other } = diagnose(shuffled(files, seed));
      expect({ ...other, levels: [] }).toEqual({ ...told, levels: [] });
    }),
    { numRuns: Number(process.env['HEADRACE_GPU_RUNS'] ?? runs(4, 40)) },
  );
});

test('no remainder is longer than its step, and no two findings share a remainder of different ranks', () => {
  for (const kind of faultKinds) {
    const { findings, traces } = diagnose([
      ...run('long', 3, { fault: kind, kernelUs: 200, ranks: 2 }),
      ...run('short', 4, { fault: 'data-pipeline', share: 0.6, kernelUs: 40 }),
    ]);
    for (const { step, remainingStepUs, recoverableUs, ceiling } of findings) {
      if (step === null || remainingStepUs === null || recoverableUs === null) throw new Error('no step');
      const trace = traces.find(({ file, device }) => file === step.file && device === step.device);
      expect(step).toEqual({ file: trace?.file, rank: trace?.rank, device: trace?.device, us: trace?.stepUs });
      expect(remainingStepUs).toBeLessThanOrEqual(step.us);
      expect(remainingStepUs).toBeGreaterThanOrEqual(
        step.us - findings.reduce((us, one) => us + (one.recoverableUs ?? 0), 0),
      );
      expect(ceiling).toBeCloseTo(step.us / (step.us - recoverableUs), 9);
    }
  }
});

test('findings of several jobs are listed by the share that they lose, not by microseconds', () => {
  const { findings } = diagnose([
    ...run('long', 3, { fault: 'data-pipeline', share: 0.2, kernelUs: 300 }),
    ...run('short', 4, { fault: 'data-pipeline', share: 0.6, kernelUs: 40 }),
  ]);
  expect(findings.map(({ scope }) => scope.file)).toEqual(['short-0.json', 'long-0.json']);
});

test('ranks of two jobs of the same size and step numbers are not joined across jobs', () => {
  fc.assert(
    fc.property(fault, fault, fc.integer({ min: 1, max: 1e6 }), (one, other, seed) => {
      const first = run('one', seed, { fault: one, ranks: 2 })[0];
      const second = run('other', seed + 1, { fault: other, ranks: 2, kernelUs: 190 })[1];
      const together = diagnose([first, second]);
      expect(aboutJob(together, 'one')).toEqual(aboutJob(diagnose([first]), 'one'));
      expect(aboutJob(together, 'other')).toEqual(aboutJob(diagnose([second]), 'other'));
    }),
    { numRuns: Number(process.env['HEADRACE_GPU_RUNS'] ?? runs(6, 60)) },
  );
});

/** Time of a median step of the slowest rank: what a program takes. */
function stepUs(options: RunOptions): number {
  const { traces } = diagnose(sources('x', trainingRun(options)));
  return Math.max(...traces.map((trace) => trace.stepUs));
}

const causeOf: Readonly<Partial<Record<FaultKind, Cause>>> = {
  'data-pipeline': 'data-pipeline',
  'launch-overhead': 'launch-overhead',
  'hidden-sync': 'hidden-sync',
  transfer: 'hidden-sync',
  'exposed-communication': 'multi-gpu',
  straggler: 'multi-gpu',
  precision: 'kernel-efficiency',
  'memory-bandwidth': 'kernel-efficiency',
};

for (const [kind, cause] of Object.entries(causeOf) as [FaultKind, Cause][])
  test(`the ceiling of ${kind} bounds the measured gain of applying the advice`, () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 0.8, noNaN: true }),
        fc.integer({ min: 20, max: 80 }),
        fc.integer({ min: 30, max: 200 }),
        fc.double({ min: 0.5, max: 0.7, noNaN: true }),
        (share, kernelsPerStep, kernelUs, level) => {
          const ranks = kind === 'straggler' ? 3 : kind === 'exposed-communication' ? 2 : 1;
          // A constant in place of random numbers: both runs have the same kernels, none above the peak of its device.
          const options = { fault: kind, share, steps: 5, kernelsPerStep, kernelUs, ranks, random: () => level };
          const { findings } = diagnose(sources('x', trainingRun(options)));
          // Without the late rank the ranks still reduce their gradients after their kernels.
          const fixed = kind === 'straggler' ? { ...options, share: 0 } : { ...options, fault: 'none' as const };
          const gain = stepUs(options) / stepUs(fixed);
          const found = findings.find((one) => one.cause === cause);
          // Kernels of less than 50 µs are not judged by their shapes.
          if (kind === 'memory-bandwidth' && kernelUs < 60) return;
          // Times are rounded to a quarter of a microsecond, so the steps of a late rank and of the others differ a little.
          expect(found?.ceiling ?? 0).toBeGreaterThanOrEqual(gain * (kind === 'straggler' ? 0.9995 : 0.9999));
        },
      ),
      { numRuns: Number(process.env['HEADRACE_GPU_RUNS'] ?? runs(3, 30)) },
    );
  });
