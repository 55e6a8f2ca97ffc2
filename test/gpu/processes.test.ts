import { expect, test } from 'vitest';
import { processUse } from '../../src/gpu/analysis/process-use.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { ProcessRound, ProcessSample } from '../../src/gpu/readers/pmon.ts';

const one = (pid: string, sm: number, fbMb = Number.NaN, type = 'C'): ProcessSample => ({
  pid,
  type,
  sm,
  memory: 0,
  fbMb,
  command: 'python',
});

/** As many seconds of one GPU, with the processes that each second has. */
const rounds = (gpu: string, seconds: number, at: (second: number) => readonly ProcessSample[]): ProcessRound[] =>
  Array.from({ length: seconds }, (_, second) => ({ gpu, timeMs: second * 1000, processes: at(second) }));

const findings = (...all: readonly ProcessRound[][]) =>
  diagnose([{ kind: 'processes', path: 'pmon.txt', rounds: all.flat() }]);

test('shares of the SMs are means over all samples of the GPU, also those without the process', () => {
  const [gpu] = processUse(
    rounds('0', 100, (second) =>
      second < 50 ? [one('1', 80, 2048), one('2', Number.NaN, 512), one('9', 5, 0, 'G')] : [],
    ),
  );
  expect(gpu).toMatchObject({ gpu: '0', samples: 100, smPercent: 40 });
  expect(gpu.processes).toEqual([
    { pid: '1', command: 'python', smPercent: 40, memoryMb: 2048, presentShare: 0.5 },
    { pid: '2', command: 'python', smPercent: 0, memoryMb: 512, presentShare: 0.5 },
  ]);
});

test('a process that holds memory and computes nothing is a finding; with GPU-hours only where nobody else computes', () => {
  const alone = findings(rounds('0', 3601, () => [one('7', 0, 30_720)]));
  expect(alone.findings).toMatchObject([{ cause: 'scheduling', gpuHours: 1 }]);
  expect(alone.findings[0]?.title).toContain('python (7) holds 30.0 GB of GPU 0');
  const beside = findings(rounds('0', 60, () => [one('1', 70, 4096), one('7', 0, 30_720)]));
  expect(beside.findings).toMatchObject([{ cause: 'scheduling', gpuHours: null }]);
  // A context of some hundred MB is nothing to free, and a process that computes is not idle.
  expect(findings(rounds('0', 60, () => [one('7', 0, 400), one('8', 60, 30_720)]))).toMatchObject({
    verdict: 'healthy',
    findings: [],
  });
});

test('two processes compete only if the GPU is full; else they fill gaps of each other', () => {
  const full = findings(rounds('0', 60, () => [one('1', 48), one('2', 47)]));
  expect(full.findings[0]?.title).toContain('2 processes compete for GPU 0');
  expect(findings(rounds('0', 60, () => [one('1', 40), one('2', 30)]))).toMatchObject({ verdict: 'healthy' });
});

test('a GPU without a process next to busy ones is a finding; among idle ones it is not one', () => {
  const { findings: found, levels } = findings(
    rounds('0', 60, () => [one('1', 90)]),
    rounds('1', 60, () => []),
  );
  expect(found[0]?.title).toContain('1 of 2 GPUs had no process');
  expect(levels[0]?.evidence).toEqual([
    'pmon.txt: GPU 0: SMs 90.0 %: python (1) 90.0 %',
    'pmon.txt: GPU 1 has no process',
  ]);
  expect(
    findings(
      rounds('0', 60, () => []),
      rounds('1', 60, () => []),
    ).findings,
  ).toEqual([]);
});

test('a few samples of processes are not enough evidence', () => {
  const { verdict, reasons } = findings(rounds('0', 5, () => [one('7', 0, 30_720)]));
  expect(verdict).toBe('not enough evidence');
  expect(reasons[0]).toContain('5 samples of processes are too few');
});
