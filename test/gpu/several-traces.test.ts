import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import type { Cause } from '../../src/gpu/finding.ts';
import type { Source } from '../../src/gpu/source.ts';
import { type Capture, type CaptureEvent, captureJson } from '../../src/labs/captures/capture.ts';
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

function diagnosed(options: RunOptions): Diagnosis {
  return diagnose(sources('x', trainingRun(options)));
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
      // Models differ by job, as they do between unrelated programs. A fault may make their steps equally long.
      const each = jobs.map((options, at) =>
        run(`job${at}`, seed + at, { ...options, kernelUs: 50 * 1.6 ** at, gradients: 25_000_000 + at }),
      );
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
function stepUs({ traces }: Diagnosis): number {
  return Math.max(...traces.map((trace) => trace.stepUs));
}

/** A clock whose times of a run have all digits of a nanosecond. */
const SHORT_CLOCK_US = 1000;

/** The gain of hiding a reduction, from the rounded times of a trace: its steps without the time from their last kernel to its end. */
function hiddenGain({ events }: Capture): number {
  const endOf = ({ ts, dur }: CaptureEvent) => ts + dur;
  const kernels = events.filter(({ cat }) => cat === 'kernel');
  // The first step is left out, as it is of the typical one.
  const steps = events.filter(({ name }) => /^ProfilerStep#[1-9]/.test(name));
  const stepsUs = steps.reduce((us, step) => us + endOf(step) - step.ts, 0);
  const lostUs = steps.reduce((us, step) => {
    const [last, reduction] = kernels.filter(({ ts }) => ts >= step.ts && ts < endOf(step)).slice(-2);
    return us + endOf(reduction) - endOf(last);
  }, 0);
  return stepsUs / (stepsUs - lostUs);
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
          // Without the late rank the ranks still reduce their gradients after their kernels.
          const fixed = kind === 'straggler' ? { ...options, share: 0 } : { ...options, fault: 'none' as const };
          const exact = diagnosed({ ...options, clockUs: SHORT_CLOCK_US });
          const gain = stepUs(exact) / stepUs(diagnosed({ ...fixed, clockUs: SHORT_CLOCK_US }));
          // Kernels of less than 50 µs are not judged by their shapes.
          if (kind === 'memory-bandwidth' && kernelUs < 60) return;
          const ceiling = ({ findings }: Diagnosis) => findings.find((one) => one.cause === cause)?.ceiling ?? 0;
          expect(ceiling(exact)).toBeGreaterThanOrEqual(gain * 0.99999);
          // A time of day is rounded to a quarter of a microsecond: the step that a wait is a share of, and both ends of a reduction.
          const shown = kind === 'exposed-communication' ? hiddenGain(trainingRun(options)[0]) : gain;
          expect(ceiling(diagnosed(options))).toBeGreaterThanOrEqual(shown * (kind === 'straggler' ? 0.9995 : 0.9999));
        },
      ),
      { numRuns: Number(process.env['HEADRACE_GPU_RUNS'] ?? runs(3, 30)) },
    );
  });
