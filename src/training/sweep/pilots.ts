import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { TrainingBackend } from '../../ports/training-backend.ts';
import { rankCorrelation } from '../../stats/rank-correlation.ts';
import { Journal } from '../runner/journal.ts';
import type { RunSpecInput } from '../runner/run-spec.ts';
import { openScheduler } from './open-scheduler.ts';
import { runTrial } from './run-trial.ts';
import { trialParameters } from './search-space.ts';
import { checkSweepJournal, sweepEvidence } from './sweep-evidence.ts';
import type { SweepFile } from './sweep-file.ts';

/** Shares of a full trial at which the pilots are compared: candidates of the first rung, and the judge. */
const FIRST_RUNGS = [0.05, 0.1];
const JUDGE = 0.2;

/** The least rank correlation of a first rung with the judge. */
const LEAST_CORRELATION = 0.8;

export interface AblationOptions {
  readonly name: string;
  /** Folder of the sweep; the pilots are in `pilots`. */
  readonly folder: string;
  readonly sweep: SweepFile;
  /** Steps of the full run that the sweep is for, and the most of them that the sweep may train. */
  readonly fullSteps: number;
  readonly share: number;
  readonly pilots: number;
  readonly open: (folder: string) => TrainingBackend;
  readonly signal: AbortSignal;
  readonly run?: Partial<RunSpecInput>;
  readonly onLine?: (line: string) => void;
}

export interface Ablation {
  /** The sweep that may run, with its first rung; null: `problems` say why none may. */
  readonly sweep: SweepFile | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Of each candidate of the first rung with the judge; null: the losses do not differ. */
  readonly correlations: readonly { readonly budget: number; readonly correlation: number | null }[];
  /** Steps of the pilots, and the most that the sweep may still train. */
  readonly pilotSteps: number;
  readonly sweepSteps: number;
}

/**
 * The gate before a sweep: a few pilots train to a fifth of a full trial. The first rung is the shortest whose order of the pilots
 * agrees with theirs there. Sweep and pilots together may cost a share of the full run, by steps; otherwise the number of trials that
 * would fit is named. Its journal restores pilots that were killed. Errors: SWEEP_ABLATION, RUN_JOURNAL.
 */
export async function ablate(options: AblationOptions): Promise<Ablation> {
  const { sweep, fullSteps, share, pilots } = options;
  const { max } = sweep.budget;
  const judge = Math.max(1, Math.round(JUDGE * max));
  const rungs = [...new Set(FIRST_RUNGS.map((part) => Math.max(1, Math.round(part * max))))].filter(
    (one) => one < judge,
  );
  if (rungs.length === 0)
    throw fail('SWEEP_ABLATION', { reason: `a full trial of ${max} steps is too short for rungs` });
  const losses = await runPilots(options, [...rungs, judge]);
  const correlations = rungs.map((budget) => ({ budget, correlation: agreement(losses, budget, judge) }));
  const first = correlations.find(({ correlation }) => correlation !== null && correlation >= LEAST_CORRELATION);
  const pilotSteps = pilots * judge;
  const min = Math.max(sweep.budget.min, first?.budget ?? judge);
  const tried = { ...sweep, budget: { ...sweep.budget, min: Math.min(min, max) } };
  const sweepSteps = mostSteps(tried);
  const allowed = share * fullSteps - pilotSteps;
  const fits = sweepSteps <= allowed;
  const problems = fits ? [] : [tooDear(tried, { sweepSteps, pilotSteps, allowed, share })];
  const warnings = [
    ...(first === undefined
      ? [
          `the order of the pilots at ${rungs.join(' and ')} steps says little about ${judge}: the first rung is ${judge}`,
        ]
      : []),
    ...(sweep.schedule === 'stretched'
      ? ['the schedule is stretched over the full trial: losses at a rung are not those of a schedule that ends there']
      : []),
  ];
  return { sweep: fits ? tried : null, problems, warnings, correlations, pilotSteps, sweepSteps };
}

/** The most steps that a sweep trains: that of the scheduler whose rungs are all full. */
function mostSteps(sweep: SweepFile): number {
  const { scheduler } = openScheduler(sweep);
  let steps = 0;
  // Every job ends at once, with the trial as its loss: the order of equal trials decides nothing about the number of jobs.
  for (let job = scheduler.next(); job !== null; job = scheduler.next()) {
    steps += job.to - job.from;
    scheduler.record(job, job.trial);
  }
  return steps;
}

function tooDear(
  sweep: SweepFile,
  {
    sweepSteps,
    pilotSteps,
    allowed,
    share,
  }: { sweepSteps: number; pilotSteps: number; allowed: number; share: number },
): string {
  const all = `the sweep trains up to ${sweepSteps} steps after ${pilotSteps} of pilots, more than ${100 * share} % of the full run`;
  if (sweep.trials === undefined || allowed <= 0) return `${all}: lower budget.max`;
  let trials = sweep.trials;
  while (trials > 1 && mostSteps({ ...sweep, trials }) > allowed) trials -= 1;
  return mostSteps({ ...sweep, trials }) <= allowed ? `${all}: ${trials} trials fit` : `${all}: lower budget.max`;
}

type PilotLosses = ReadonlyMap<number, ReadonlyMap<number, number>>;

/** Losses of the pilots by budget, then by pilot. */
async function runPilots(options: AblationOptions, budgets: readonly number[]): Promise<PilotLosses> {
  const { sweep, folder, name, pilots, open, signal, run, onLine } = options;
  const home = join(folder, 'pilots');
  mkdirSync(home, { recursive: true });
  const journal = Journal.open(join(home, 'journal.jsonl'), `${name}-pilots`);
  const losses = new Map<number, Map<number, number>>(budgets.map((budget) => [budget, new Map()]));
  const note = (pilot: number, budget: number, loss: unknown) =>
    losses.get(budget)?.set(pilot, loss === null ? Number.NaN : Number(loss));
  try {
    const declared = JSON.stringify({ sweep, budgets, pilots });
    const [first] = journal.entries;
    const evidence = sweepEvidence(options);
    if (first === undefined) journal.append({ attempt: 0, event: 'pilots', data: { declared, evidence } });
    else checkSweepJournal(first, { declared, evidence, folder: home });
    for (const { event, data } of journal.entries)
      if (event === 'loss') note(Number(data['pilot']), Number(data['budget']), data['loss'] ?? null);
    const parameters = trialParameters(sweep, pilots);
    for (let pilot = 0; pilot < pilots; pilot++) {
      for (const to of budgets) {
        if (losses.get(to)?.has(pilot) === true) continue;
        const trial = { run: `${name}-pilot-${pilot}`, folder: join(home, String(pilot)), sweep, trial: pilot, to };
        const end = await runTrial({ ...trial, parameters: parameters[pilot] ?? {}, open, signal, spec: run });
        if (end === null)
          throw fail('SWEEP_STOPPED', { jobs: journal.entries.filter(({ event }) => event === 'loss').length });
        const loss = Number.isFinite(end.loss) ? end.loss : null;
        journal.append({ attempt: 0, event: 'loss', data: { pilot, budget: to, loss } });
        note(pilot, to, loss);
        onLine?.(`pilot ${pilot} at ${to}: ${loss === null ? end.failure : `loss ${loss}`}`);
      }
    }
    return losses;
  } finally {
    journal.close();
  }
}

/** The rank correlation of the pilots with finite losses at both budgets; null: they are too few, or equal. */
function agreement(losses: PilotLosses, budget: number, judge: number): number | null {
  const [a, b] = [losses.get(budget), losses.get(judge)];
  const pilots = [...(a?.keys() ?? [])].filter((one) => Number.isFinite(a?.get(one)) && Number.isFinite(b?.get(one)));
  if (pilots.length < 3) return null;
  return rankCorrelation(
    pilots.map((one) => a?.get(one) ?? 0),
    pilots.map((one) => b?.get(one) ?? 0),
  );
}
