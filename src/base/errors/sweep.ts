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
    message: 'the folder {folder} has the journal of another sweep',
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
  SWEEP_RECORD: {
    message: 'trial {trial} has no open job at rung {rung}',
    hint: 'record each job that the scheduler gave once',
    retry: 'never',
    status: 409,
    exit: 3,
  },
});
