import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { medianOf } from '../../base/median.ts';
import { seededRandom } from '../../base/rng.ts';
import { diagnose } from '../../gpu/diagnose.ts';
import type { Diagnosis } from '../../gpu/diagnosis.ts';
import type { Finding } from '../../gpu/finding.ts';
import { readSource } from '../../gpu/readers/read-source.ts';
import { captureJson } from '../captures/capture.ts';
import { type FaultKind, trainingRun } from '../captures/training-run.ts';

/** A training job of the lab; the same seed has the same kernels, whatever its fault. */
export interface LabJob {
  readonly fault: FaultKind;
  /** The share of the step that the fault takes. */
  readonly share: number;
  readonly ranks: number;
  readonly seed: number;
}

/** Records some steps of a job as profiler traces, one file a rank, and diagnoses them. */
export async function recordedJob(folder: string, { seed, ...job }: LabJob): Promise<Diagnosis> {
  const options = { ...job, steps: 6, kernelsPerStep: 80, kernelUs: 90, random: seededRandom(seed) };
  const paths = trainingRun(options).map((capture) => {
    const path = join(folder, `rank-${capture.rank}.json`);
    writeFileSync(path, captureJson(capture));
    return path;
  });
  return diagnose(await Promise.all(paths.map(readSource)));
}

/** The typical step of the ranks, ms. */
export function stepMs({ traces }: Diagnosis): number {
  return medianOf(traces.map(({ stepUs }) => stepUs)) / 1_000;
}

/** The share of the step that findings of a kind lose, percent. */
export function lostPercent({ findings }: Diagnosis, isOf: (finding: Finding) => boolean): number {
  return 100 * findings.filter(isOf).reduce((sum, { shareOfStep }) => sum + (shareOfStep ?? 0), 0);
}
