import { mkdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { TrainingBackend } from '../../ports/training-backend.ts';
import { lockRun, submittedTraining } from '../../site/back-ends/training-systems.ts';
import type { ExportJob } from '../../training/export/export-job.ts';
import { policyWarnings } from '../../training/export/export-job.ts';
import { superviseRun } from '../../training/runner/controller.ts';
import { readJournal } from '../../training/runner/journal.ts';
import type { Placer } from '../../training/runner/placer.ts';
import { runFiles } from '../../training/runner/run-files.ts';
import { parseRunSpec } from '../../training/runner/run-spec.ts';
import { TriedSpot } from '../../training/runner/tried-spot.ts';
import { lineOf, printOutcome } from './run-lines.ts';
import type { RunCall } from './run-options.ts';

/** A job that holds instances hangs after this time without a step, s: its worker may be gone, and SkyPilot not know it. */
const HANG_SECONDS = 600;

/** Between two decisions of a policy, s. */
const GAP_SECONDS = 60;

/** Time after which the policy may try spot instances again, s. */
const RETRY_SECONDS = 1_800;

/**
 * Runs a job as managed jobs of SkyPilot: the controller of this process submits, follows, moves and restarts them, by the journal in
 * `--directory`. The controller inside resumes from the bucket. Errors: EXPORT_JOB, RUN_*.
 */
export async function runSkypilot(call: RunCall, job: ExportJob): Promise<void> {
  const folder = resolve(call.options.directory ?? job.name);
  mkdirSync(folder, { recursive: true });
  const backend = submittedTraining('skypilot', job, folder);
  const lock = lockRun(folder);
  try {
    if (call.options.cancel) await cancelSubmitted(backend, folder, call);
    else await supervise(call, job, { backend, folder });
  } finally {
    lock.release();
    await backend.close();
  }
}

async function supervise(
  call: RunCall,
  job: ExportJob,
  { backend, folder }: { readonly backend: TrainingBackend; readonly folder: string },
): Promise<void> {
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  const placer = placerOf(call, job);
  if (placer === null) for (const warning of policyWarnings(job, 'SkyPilot')) call.terminal.err(`warning: ${warning}`);
  const outcome = await superviseRun({
    run: job.name,
    folder,
    spec: specOf(call, job),
    backend,
    ranksResume: true,
    signal: stopped.signal,
    ...(placer === null ? {} : { placer }),
    onEntry: (entry) => {
      const line = lineOf(entry);
      if (line !== null) call.terminal.err(line);
    },
  });
  printOutcome(call, outcome, basename(folder));
}

function specOf({ options: asked }: RunCall, job: ExportJob) {
  const ms = (seconds: number) => Math.round(1000 * seconds);
  return parseRunSpec({
    command: ['headrace'],
    targetSteps: job.steps,
    graceMs: job.graceSeconds * 1000,
    hangMs: ms(asked['hang-after'] ?? HANG_SECONDS),
    pollMs: Math.max(1, ms(asked.poll)),
    killRestarts: asked.restarts,
    ...(job.budget === undefined ? {} : { budget: job.budget }),
    ...(job.pricePerHour === undefined ? {} : { pricePerHour: job.pricePerHour }),
  });
}

/** The policy that moves the job between spot and on demand, where its deadline needs one; null: SkyPilot chooses. */
function placerOf({ options: asked }: RunCall, { spot, deadlineHours }: ExportJob): Placer | null {
  const { work, policy, changeover } = asked;
  if (!spot || deadlineHours === undefined || work === undefined) return null;
  const price = (name: 'spot-price' | 'on-demand-price') => {
    const value = asked[name];
    if (value === undefined) throw fail('RUN_SPEC', { member: name, reason: 'a policy for a deadline needs it' });
    return value;
  };
  const [spotPrice, onDemandPrice] = [price('spot-price'), price('on-demand-price')];
  return new TriedSpot({
    policy,
    job: {
      workS: work,
      deadlineS: Math.round(deadlineHours * 3600),
      gapS: GAP_SECONDS,
      changeoverS: changeover,
      priceRatio: onDemandPrice / spotPrice,
    },
    spotPrice,
    onDemandPrice,
    speed: 1,
    retryS: RETRY_SECONDS,
  });
}

/** Ends the newest attempt of the journal. */
async function cancelSubmitted(backend: TrainingBackend, folder: string, call: RunCall): Promise<void> {
  const gang = readJournal(runFiles(folder).journal).findLast(({ event }) => event === 'submitted')?.data['gang'];
  if (typeof gang !== 'string') throw fail('RUN_GANG', { gang: folder });
  await backend.cancel(gang);
  call.terminal.out(`${gang} cancelled`);
}
