import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { medianOf } from '../../base/median.ts';
import { runToEnd } from '../../process/run-to-end.ts';
import { temporaryFolder } from '../../process/temporary-folder.ts';
import { type MeasuredProfile, parseMeasuredProfile } from './measured-profile.ts';

/** A program to run, with more variables in its environment. */
interface MeasuredRun {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Name of the run, for errors. */
  readonly mode: string;
  readonly limitMs: number;
  readonly stopped: Promise<void>;
}

/** The end of the output that an error shows. */
const KEPT = 4000;

/**
 * Runs a program in a process group of its own and keeps the end of its output. After the limit, or when the user stops, the whole
 * group is ended. Errors: COST_PROFILE_RUN where it cannot start or takes too long; COST_PROFILE_STOPPED.
 */
export async function runMeasured({
  command,
  environment,
  mode,
  limitMs,
  stopped,
}: MeasuredRun): Promise<{ readonly code: number | null; readonly output: string }> {
  const stop = new AbortController();
  void stopped.then(() => stop.abort());
  const end = await runToEnd(command, {
    env: { ...process.env, ...environment },
    limitMs,
    signal: stop.signal,
    mostOutput: KEPT,
  });
  const { error, ended } = end;
  if (ended === 'stopped') throw fail('COST_PROFILE_STOPPED', { mode });
  if (error !== null) throw fail('COST_PROFILE_RUN', { reason: `${command[0]}: ${error.message}` }, error);
  if (ended === 'late')
    throw fail('COST_PROFILE_RUN', { reason: `it did not end within ${Math.round(limitMs / 1000)} s` });
  return { code: end.code, output: (end.stdout + end.stderr).slice(-KEPT) };
}

/** A job to measure, and its facts that no measurement shows. */
export interface MeasureOptions {
  readonly command: readonly string[];
  readonly steps: number;
  readonly warm: number;
  readonly accumulation: number;
  readonly facts: MeasuredProfile['fingerprint'];
  /** The most rounds; they end before where their spread is below 5 %. */
  readonly mostRounds: number;
  /** Where the program may write a trace; none without it. */
  readonly trace: string | null;
  /** A run that takes longer is ended. */
  readonly limitMs: number;
  readonly nowMs: number;
  readonly progress: (line: string) => void;
  readonly stopped: Promise<void>;
}

const modes = ['real', 'synthetic', 'loader'] as const;
type Mode = (typeof modes)[number];

/** Repetitions end when their medians differ by less than this. */
const ENOUGH = 0.05;
const LEAST_REPEATS = 2;

const report = z.object({
  seconds: z.array(z.number().positive()).min(1),
  microBatch: z.number().nullable(),
  accelerator: z.string().nullable(),
  peakMemoryBytes: z.number().nullable(),
  gpuMemoryBytes: z.number().nullable(),
});
type Report = z.output<typeof report>;

/**
 * Measures a job three ways (DS-Analyzer, VLDB 2021): as it is, with one batch that stays in memory, and the loader alone. The stall is the
 * difference of the first two. Rounds are repeated until their spread is below 5 %. Errors: COST_PROFILE_RUN.
 */
export async function measureJob(options: MeasureOptions): Promise<MeasuredProfile> {
  const rounds: Record<Mode, number[]> = { real: [], synthetic: [], loader: [] };
  let last: Report | undefined;
  for (let round = 0; round < options.mostRounds; round += 1) {
    for (const mode of modes) {
      const found = await measured(options, mode, round === 0);
      rounds[mode].push(secondsOf(found));
      if (mode === 'real') last = found;
    }
    options.progress(
      `round ${round + 1}: ${modes.map((mode) => `${mode} ${((rounds[mode].at(-1) ?? 0) * 1000).toFixed(1)} ms`).join(', ')}`,
    );
    if (round + 1 >= LEAST_REPEATS && spreadOf(rounds) < ENOUGH) break;
  }
  const { accumulation, facts } = options;
  const micro = (mode: Mode) => medianOf(rounds[mode]);
  return parseMeasuredProfile('the measurement', {
    kind: 'headrace-cost-profile',
    format: 1,
    takenAtMs: options.nowMs,
    fingerprint: { ...facts, accelerator: last?.accelerator ?? facts.accelerator },
    stepS: micro('real') * accumulation,
    // Noise can make synthetic batches look slower than the real job.
    gpuBoundStepS: Math.min(micro('real'), micro('synthetic')) * accumulation,
    loaderS: micro('loader'),
    spread: spreadOf(rounds),
    repeats: rounds.real.length,
    steps: options.steps,
    microBatch: last?.microBatch ?? null,
    accumulation,
    peakMemoryBytes: positiveOrNull(last?.peakMemoryBytes),
    gpuMemoryBytes: positiveOrNull(last?.gpuMemoryBytes),
  });
}

function positiveOrNull(value: number | null | undefined): number | null {
  return value !== undefined && value !== null && value > 0 ? value : null;
}

/** The mean time of a micro-step: a median would leave out the optimiser of accumulated steps. */
function secondsOf({ seconds }: Report): number {
  return seconds.reduce((sum, one) => sum + one, 0) / seconds.length;
}

/** The largest relative spread of the three measurements over their rounds. */
function spreadOf(rounds: Readonly<Record<Mode, readonly number[]>>): number {
  const spreads = modes.map((mode) => (Math.max(...rounds[mode]) - Math.min(...rounds[mode])) / medianOf(rounds[mode]));
  return Math.max(...spreads);
}

/** One run; of several ranks the slowest counts. */
async function measured(options: MeasureOptions, mode: Mode, first: boolean): Promise<Report> {
  const { path: folder, remove } = temporaryFolder('headrace-profile-');
  try {
    const environment = {
      HEADRACE_PROFILE_MODE: mode,
      HEADRACE_PROFILE_STEPS: String(options.steps),
      HEADRACE_PROFILE_WARM: String(options.warm),
      HEADRACE_PROFILE_OUT: join(folder, 'times'),
      ...(first && mode === 'real' && options.trace !== null ? { HEADRACE_PROFILE_TRACE: options.trace } : {}),
    };
    const { code, output } = await runMeasured({ ...options, mode, environment });
    const reports = await Promise.all(
      (await readdir(folder)).map(async (name) => report.safeParse(jsonOf(await readFile(join(folder, name), 'utf8')))),
    );
    const found = reports.flatMap((one) => (one.success ? [one.data] : []));
    const slowest = found.toSorted((a, b) => secondsOf(b) - secondsOf(a))[0];
    if (slowest === undefined)
      throw fail('COST_PROFILE_RUN', {
        reason: `the run "${mode}" ended with ${code ?? 'a signal'} and wrote no times: ${output.trim().slice(-300)}`,
      });
    return slowest;
  } finally {
    remove();
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
