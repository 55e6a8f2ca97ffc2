import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Evidence } from '../cost/evidence/evidence.ts';
import { machineHardware } from '../cost/evidence/machine-hardware.ts';
import { drillEvidence } from '../training/runner/drill-evidence.ts';
import { parseRunSpec, type RunSpec } from '../training/runner/run-spec.ts';
import type { Call } from './command.ts';
import { numberOption, pairsOption, wholeOption } from './parse-option.ts';

/** Options of `train run` and `train drill`. */
export const runOptions = {
  directory: { type: 'string' },
  ranks: { type: 'string' },
  steps: { type: 'string' },
  'checkpoint-every': { type: 'string' },
  keep: { type: 'string' },
  grace: { type: 'string' },
  'hang-after': { type: 'string' },
  'start-within': { type: 'string' },
  restarts: { type: 'string' },
  retries: { type: 'string' },
  budget: { type: 'string' },
  'price-per-hour': { type: 'string' },
  set: { type: 'string' },
  drill: { type: 'string' },
  revision: { type: 'string' },
  accelerator: { type: 'string' },
  progress: { type: 'string' },
} as const;

export const runOptionHelp = {
  directory: 'folder of the run: journal, checkpoints, logs (./run)',
  ranks: 'processes that run together, all or none (1)',
  steps: 'last step; an exit before it is a failure',
  'checkpoint-every': 'seconds between checkpoints (the program decides)',
  keep: 'checkpoints that stay (3)',
  grace: 'seconds from SIGTERM to SIGKILL (30)',
  'start-within': 'seconds until the first step of an attempt: set-up, and loading of a checkpoint (1800)',
  'hang-after': 'seconds without a step that count as a hang (60, or 5 steps)',
  restarts: 'restarts after hangs and unexplained kills (3)',
  retries: 'restarts after errors of the program (0)',
  budget: 'the most that the run may cost; it ends before',
  'price-per-hour': 'price of an hour of all ranks together',
  drill: 'folder of a resume drill, without which the run is refused',
  revision: 'revision of the code, which a drill stands for',
  accelerator: 'name of the accelerator, where nvidia-smi names none',
  progress: 'seconds between lines that say the step; 0: a line at each look (none)',
  set: 'options of the program: every=10,rate=0.1',
};

/** The folder of a run. */
export function folderOf({ options }: Call): string {
  const folder = resolve(String(options['directory'] ?? 'run'));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The folder of headrace_job.py. */
export function helperFolder(): string {
  return fileURLToPath(new URL('../training/runner', import.meta.url));
}

/** The command with files of the current folder as full paths: the program runs in the folder of the run. */
export function programWords([program, ...args]: readonly [string, ...string[]]): [string, ...string[]] {
  const full = (word: string) => (existsSync(word) && word.includes('.') ? resolve(word) : word);
  return [full(program), ...args.map(full)];
}

/** Errors: RUN_SPEC, CLI_VALUE. */
export function specOf({ words, options }: Call): RunSpec {
  const [program = '', ...args] = words;
  const seconds = (name: string) => numberOption(name, options[name], 0);
  const most = Number.MAX_SAFE_INTEGER;
  const checkpointSeconds = seconds('checkpoint-every');
  const graceSeconds = seconds('grace');
  const hangSeconds = seconds('hang-after');
  const startSeconds = seconds('start-within');
  const budget = seconds('budget');
  const price = seconds('price-per-hour');
  return parseRunSpec({
    command: programWords([program, ...args]),
    ranks: wholeOption('ranks', options['ranks'], 1, 1, 4096),
    targetSteps: options['steps'] === undefined ? null : wholeOption('steps', options['steps'], 1, 1, most),
    keep: wholeOption('keep', options['keep'], 3, 2, most),
    killRestarts: wholeOption('restarts', options['restarts'], 3, 0, most),
    errorRestarts: wholeOption('retries', options['retries'], 0, 0, most),
    ...(checkpointSeconds === undefined ? {} : { checkpointSeconds }),
    ...(graceSeconds === undefined ? {} : { graceMs: Math.round(graceSeconds * 1000) }),
    ...(hangSeconds === undefined ? {} : { hangMs: Math.round(hangSeconds * 1000) }),
    ...(startSeconds === undefined ? {} : { startMs: Math.round(startSeconds * 1000) }),
    ...(budget === undefined ? {} : { budget }),
    ...(price === undefined ? {} : { pricePerHour: price }),
    options: Object.fromEntries(
      Object.entries(pairsOption('set', options['set'])).map(([name, value]) => [name, scalar(value)]),
    ),
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
export async function evidenceOfCall({ options }: Call, spec: RunSpec): Promise<Evidence> {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  return drillEvidence(spec, {
    folder: process.cwd(),
    hardware: await machineHardware(text('accelerator')),
    revision: text('revision') ?? null,
  });
}
