import { never, safe } from './row.ts';

/** Faults of sweeps. */
export const sweepErrors = {
  SWEEP_BUDGET: never(400, 2)
    .message('a sweep cannot go from budget {min} to {max} by factors of {eta}')
    .hint('give 0 < min <= max and eta above 1; Hyperband needs a whole eta of at least 2'),
  SWEEP_FILE: never(400, 2)
    .message('the sweep cannot have {member}: {reason}')
    .hint('see docs/reference/training-jobs.md for the members of a sweep'),
  SWEEP_CHANGED: never(409, 2)
    .message('the folder {folder} has the journal of another sweep: {differences}')
    .hint('use another --directory, or the file that began it'),
  SWEEP_ABLATION: never(409, 2)
    .message('the sweep may not run before the full run: {reason}')
    .hint('change trials or budget in the sweep, or raise --share; use another --directory then'),
  SWEEP_STOPPED: safe(503, 6)
    .message('the sweep was stopped after {jobs} jobs')
    .hint('start it again with the same directory to resume it'),
  SWEEP_FAILED: never(500, 4)
    .message('no trial of the sweep has a loss: {failures}')
    .hint('see the log of a trial in the folder of the sweep, then use another --directory'),
  SWEEP_FIT: never(409, 3)
    .message('the losses do not fit a power law: {reason}')
    .hint('train more or other sizes, in another --directory'),
  SWEEP_RECORD: never(409, 3)
    .message('trial {trial} has no open job at rung {rung}')
    .hint('record each job that the scheduler gave once'),
};
