import { rows } from './row.ts';

/** Faults of sweeps. */
export const sweepErrors = rows({
  SWEEP_BUDGET: {
    message: 'a sweep cannot go from budget {min} to {max} by factors of {eta}',
    hint: 'give 0 < min <= max and eta above 1; Hyperband needs a whole eta of at least 2',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SWEEP_FILE: {
    message: 'the sweep cannot have {member}: {reason}',
    hint: 'see docs/reference/training-jobs.md for the members of a sweep',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SWEEP_CHANGED: {
    message: 'the folder {folder} has the journal of another sweep: {differences}',
    hint: 'use another --directory, or the file that began it',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  SWEEP_ABLATION: {
    message: 'the sweep may not run before the full run: {reason}',
    hint: 'change trials or budget in the sweep, or raise --share; use another --directory then',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  SWEEP_STOPPED: {
    message: 'the sweep was stopped after {jobs} jobs',
    hint: 'start it again with the same directory to resume it',
    retry: 'safe',
    status: 503,
    exit: 6,
  },
  SWEEP_FAILED: {
    message: 'no trial of the sweep has a loss: {failures}',
    hint: 'see the log of a trial in the folder of the sweep, then use another --directory',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  SWEEP_FIT: {
    message: 'the losses do not fit a power law: {reason}',
    hint: 'train more or other sizes, in another --directory',
    retry: 'never',
    status: 409,
    exit: 3,
  },
  SWEEP_RECORD: {
    message: 'trial {trial} has no open job at rung {rung}',
    hint: 'record each job that the scheduler gave once',
    retry: 'never',
    status: 409,
    exit: 3,
  },
});
