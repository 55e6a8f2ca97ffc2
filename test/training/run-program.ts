import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LocalTrainingBackend } from '../../src/backends/local/training-backend.ts';
import { superviseRun } from '../../src/training/runner/controller.ts';
import type { ControllerOptions } from '../../src/training/runner/controller-options.ts';
import type { RunOutcome } from '../../src/training/runner/run-outcome.ts';
import { parseRunSpec, type RunSpecInput } from '../../src/training/runner/run-spec.ts';

const HELPER_FOLDER = resolve('src/training/runner');

/** Whether the programs of these tests can run. */
export const hasPython = spawnSync('python3', ['--version']).status === 0;

export const countProgram: [string, ...string[]] = ['python3', resolve('test/training/programs/count.py')];

/** Runs the counting program in a folder, by a controller of this process. */
export async function runCount(
  folder: string,
  spec: Omit<RunSpecInput, 'command'> & { command?: [string, ...string[]] },
  options: Partial<ControllerOptions> = {},
): Promise<RunOutcome> {
  const backend = localBackend(folder);
  try {
    return await superviseRun({
      run: 'count',
      folder,
      spec: parseRunSpec({ command: countProgram, pollMs: 20, ...spec }),
      backend,
      ...options,
    });
  } finally {
    await backend.close();
  }
}

export function localBackend(folder: string): LocalTrainingBackend {
  return new LocalTrainingBackend({ folder: join(folder, 'gangs'), environment: { HELPER_FOLDER } });
}

/** The state of a rank after this many steps without any interruption. */
export function expectedState(rank: number, steps: number): string {
  let state = sha('start');
  for (let step = 0; step < steps; step++) state = sha(`${state}/${rank}/${step}`);
  return state;
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Steps that a rank did, by attempt. */
export function stepsOf(folder: string, rank: number): ReadonlyMap<number, readonly number[]> {
  const steps = new Map<number, number[]>();
  for (const line of readFileSync(join(folder, `steps-${rank}.log`), 'utf8')
    .trim()
    .split('\n')) {
    const [attempt = 0, step = 0] = line.split(' ').map(Number);
    steps.set(attempt, [...(steps.get(attempt) ?? []), step]);
  }
  return steps;
}
