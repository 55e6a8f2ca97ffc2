import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { TraceReport } from '../../src/gpu/diagnosis.ts';
import { type Capture, type CaptureEvent, captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from './captures/scan-trace.ts';
import { hasSharedData, sharedNames, sharedTrace, whySkipped } from './shared-data.ts';

function reportOf(capture: Capture): TraceReport {
  const trace = scanTrace(new TextEncoder().encode(captureJson(capture)));
  return diagnose([{ kind: 'trace', path: 'x', trace }]).traces[0];
}

function run(fault: FaultKind, seed: number): Capture {
  const options = { fault, share: 0.3, steps: 6, kernelsPerStep: 40, kernelUs: 80, ranks: 2 } as const;
  return trainingRun({ ...options, random: seededRandom(seed) })[0];
}

const launches = ['cudaLaunchKernel'];

/** Each step has `k` passes backward, and the optimiser launches the last four kernels. */
function accumulated(capture: Capture, k: number): Capture {
  const host = (cat: string, name: string, ts: number, dur: number): CaptureEvent => ({
    ph: 'X',
    cat,
    name,
    pid: 4242,
    tid: 100,
    ts,
    dur,
    args: {},
  });
  const added = capture.events
    .filter(({ name }) => name.startsWith('ProfilerStep#'))
    .flatMap((step) => {
      const own = capture.events.filter(
        ({ name, ts }) => launches.includes(name) && ts >= step.ts && ts < step.ts + step.dur,
      );
      const [first, from, last] = [own[0], own[own.length - 4], own[own.length - 1]];
      const passes = Array.from({ length: k }, (_, at) =>
        host('python_function', 'torch/_tensor.py(522): backward', first.ts - 2 + at * 0.1, 0.05),
      );
      return [...passes, host('user_annotation', 'Optimizer.step#AdamW.step', from.ts - 0.01, last.ts - from.ts + 1)];
    });
  return { ...capture, events: [...capture.events, ...added] };
}

test('kernels of a micro-step, gaps and communication are those of the decomposition, by the number of passes backward', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<FaultKind>('none', 'exposed-communication', 'launch-overhead', 'precision', 'memory-bandwidth'),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 1e6 }),
      (fault, k, seed) => {
        const { profile, decomposition, steps } = reportOf(accumulated(run(fault, seed), k));
        const microSteps = k * steps.filter(({ leftOut }) => leftOut === null).length;
        const perPass = (us: number) => us / microSteps / 1e6;
        expect(profile.accumulation).toBe(k);
        expect(profile.gapsS).toBeCloseTo(perPass(decomposition.idleUs), 12);
        expect(profile.communicationS).toBeCloseTo(perPass(decomposition.communicationUs), 12);
        expect(profile.exposedCommunicationS).toBeCloseTo(perPass(decomposition.exposedCommunicationUs), 12);
        const { tensorEligibleS, memoryBoundS, otherKernelsS, optimizerS } = profile;
        if (tensorEligibleS === null || memoryBoundS === null || otherKernelsS === null) throw new Error('no kernels');
        // Kernels of one stream: their sum is the time of computation.
        expect(tensorEligibleS + memoryBoundS + otherKernelsS).toBeCloseTo(perPass(decomposition.computationUs), 6);
        expect(optimizerS).toBeGreaterThan(0);
        expect(profile.precision).toBe(fault === 'precision' ? 'fp32' : 'bf16');
      },
    ),
    { numRuns: 15 },
  );
});

test('each member that is null has a reason, and no other', () => {
  const bare = run('none', 3);
  const captures = [
    bare,
    accumulated(bare, 2),
    { ...bare, events: bare.events.filter(({ cat }) => cat !== 'cpu_op') },
    { ...bare, events: bare.events.filter(({ cat }) => cat === 'kernel') },
  ];
  for (const capture of captures) {
    const { missing, ...members } = reportOf(capture).profile;
    const absent = Object.entries(members).flatMap(([name, value]) => (value === null ? [name] : []));
    expect(new Set(Object.keys(missing))).toEqual(new Set(absent));
  }
});

describe.skipIf(!hasSharedData)(`recorded captures${whySkipped}`, () => {
  test('no member of a recorded profile is negative, not a number, or without a reason', async () => {
    const names = sharedNames('torch_trace').filter((name) => /^(hta_nccl|tracelens_mi300_(Falcon|gaun))/.test(name));
    for (const name of names)
      for (const { profile } of diagnose([{ kind: 'trace', path: name, trace: await sharedTrace(name) }]).traces) {
        const { missing, ...members } = profile;
        for (const [member, value] of Object.entries(members))
          if (value === null) expect(missing[member]).toMatch(/\w/);
          else if (typeof value === 'number') expect(value).toBeGreaterThanOrEqual(0);
      }
  });
});
