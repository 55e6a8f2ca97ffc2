import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { defined } from '../../base/defined.ts';
import type { Evidence } from '../../cost/evidence/evidence.ts';
import { machineHardware } from '../../cost/evidence/machine-hardware.ts';
import { trainingSystems } from '../../ports/training-system.ts';
import { drillEvidence } from '../../training/runner/drill-evidence.ts';
import { parseRunSpec, type RunSpec } from '../../training/runner/run-spec.ts';
import type { Call } from '../command.ts';
import { flag, option } from '../options/option.ts';
import { choice, folder, number, pairs, text, whole } from '../options/option-kinds.ts';
import { spotOptions } from './spot-options.ts';

const system = choice(trainingSystems);

/** Options of `train run` and `train drill`. */
export const runOptions = {
  directory: option(folder, 'folder of the run: journal, checkpoints, logs (./run)'),
  ranks: option(whole(1, 4096), 'processes that run together, all or none', 1),
  steps: option(whole(1), 'last step; an exit before it is a failure'),
  'checkpoint-every': option(number(0), 'seconds between checkpoints (the program decides)'),
  keep: option(whole(2), 'checkpoints that stay', 3),
  grace: option(number(0), 'seconds from SIGTERM to SIGKILL (30)'),
  'start-within': option(
    number(0),
    'seconds until the first step of an attempt: set-up, and loading of a checkpoint (1800)',
  ),
  'hang-after': option(number(0), 'seconds without a step that count as a hang (60, or 5 steps)'),
  restarts: option(whole(0), 'restarts after hangs and unexplained kills', 3),
  retries: option(whole(0), 'restarts after errors of the program', 0),
  budget: option(number(0), 'the most that the run may cost; it ends before'),
  'price-per-hour': option(number(0), 'price of an hour of all ranks together'),
  drill: option(folder, 'folder of a resume drill, without which the run is refused'),
  revision: option(text, 'revision of the code, which a drill stands for'),
  accelerator: option(text, 'name of the accelerator, where nvidia-smi names none'),
  progress: option(number(0), 'seconds between lines that say the step; 0: a line at each look (none)'),
  set: option(pairs, 'options of the program: every=10,rate=0.1', {}),
};

/** Options of `train run`. */
export const trainRunOptions = {
  ...runOptions,
  ...spotOptions,
  on: option(system, 'submits the job of a file there, and follows it (this machine)'),
  cancel: flag('with --on: ends the job that runs there'),
  poll: option(number(0), 'with --on skypilot: seconds between two looks at the job', 15),
};

/** A call of `train run`. */
export type RunCall = Call<typeof trainRunOptions>;

/** The options that runs and drills share. */
export type SharedCall = Call<Omit<typeof runOptions, 'drill' | 'progress'>>;

/** The folder of a run. */
export function folderOf({ options }: SharedCall): string {
  const path = resolve(options.directory ?? 'run');
  mkdirSync(path, { recursive: true });
  return path;
}

/** The command with files of the current folder as full paths: the program runs in the folder of the run. */
export function programWords([program, ...args]: readonly [string, ...string[]]): [string, ...string[]] {
  const full = (word: string) => (existsSync(word) && word.includes('.') ? resolve(word) : word);
  return [full(program), ...args.map(full)];
}

/** Error: RUN_SPEC. */
export function specOf({ words, options: asked }: SharedCall): RunSpec {
  const [program = '', ...args] = words;
  const ms = (seconds: number | undefined) => (seconds === undefined ? undefined : Math.round(seconds * 1000));
  return parseRunSpec({
    command: programWords([program, ...args]),
    ranks: asked.ranks,
    targetSteps: asked.steps ?? null,
    keep: asked.keep,
    killRestarts: asked.restarts,
    errorRestarts: asked.retries,
    ...defined({
      checkpointSeconds: asked['checkpoint-every'],
      graceMs: ms(asked.grace),
      hangMs: ms(asked['hang-after']),
      startMs: ms(asked['start-within']),
      budget: asked.budget,
      pricePerHour: asked['price-per-hour'],
    }),
    options: Object.fromEntries(Object.entries(asked.set).map(([name, value]) => [name, scalar(value)])),
  });
}

/** A value that is JSON is that value, any other is text. */
function scalar(text: string): string | number | boolean | null {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  } catch {
    // Text that is no JSON is itself.
  }
  return text;
}

/** The facts of the program that a call drills or runs. */
export async function evidenceOfCall(
  { options }: Call<Pick<typeof runOptions, 'revision' | 'accelerator'>>,
  spec: RunSpec,
): Promise<Evidence> {
  return drillEvidence(spec, {
    folder: process.cwd(),
    hardware: await machineHardware(options.accelerator),
    revision: options.revision ?? null,
  });
}
