import { resolve } from 'node:path';
import { runSweep, type SweepOutcome } from '../../src/training/sweep/run-sweep.ts';
import { parseSweep } from '../../src/training/sweep/sweep-file.ts';
import { localBackend } from './run-program.ts';

/** Runs a sweep of the curves program. */
export function runCurves(folder: string, sweep: Readonly<Record<string, unknown>>): Promise<SweepOutcome> {
  return runSweep({
    name: 'curves',
    folder,
    sweep: parseSweep({
      command: ['python3', resolve('test/training/programs/curve.py')],
      parameters: { rate: { min: 0, max: 1 } },
      budget: { min: 3, max: 27 },
      ...sweep,
    }),
    open: localBackend,
    run: { pollMs: 10, graceMs: 100 },
  });
}
