import { rows } from './row.ts';

/** Faults of training runs: the controller, its journal, checkpoints. */
export const runErrors = rows({
  RUN_SPEC: {
    message: 'the run cannot have {member}: {reason}',
    hint: 'see docs/reference/training-jobs.md for the members of a run',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  RUN_STATE: {
    message: 'a run cannot go from {from} to {to}',
    hint: 'report it with the journal of the run',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  RUN_JOURNAL: {
    message: 'the journal {path} cannot be read: {reason}',
    hint: 'use another directory, or restore the journal from a backup',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  RUN_LOCKED: {
    message: 'another controller runs in {folder}',
    hint: 'wait for it, or end it',
    retry: 'later',
    status: 409,
    exit: 5,
  },
  RUN_SUBMIT: {
    message: 'the gang {gang} could not start: {reason}',
    hint: 'see that the program exists and that the back end has room',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  RUN_GANG: {
    message: 'there is no gang {gang}',
    hint: 'submit it first',
    retry: 'never',
    status: 404,
    exit: 3,
  },
  RUN_RESULT: {
    message: '{path} is not JSON',
    hint: 'write the result to another name, then rename it',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  RUN_FAILED: {
    message: 'the run {run} ended at step {step} with {class}: {tail}',
    hint: 'see its log and the hint of its class in docs/reference/training-jobs.md',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  DRILL_FAILED: {
    message: 'the resume drill failed: {problems}',
    hint: 'correct the checkpoints of the program, then run the drill again; see docs/reference/training-jobs.md',
    retry: 'never',
    status: 409,
    exit: 3,
  },
  DRILL_MISSING: {
    message: 'no resume drill in {folder} stands for this run: {reason}',
    hint: 'run headrace train drill with the same command and ranks; spot instances stay blocked until it passes',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  CHECKPOINT_WORLD_SIZE: {
    message: 'the checkpoint {path} was written by {written} ranks, and {asked} would load it',
    hint: 'run with as many ranks, or set reshards in the manifest if the program can load it so',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  CHECKPOINT_NEWER: {
    message: 'the checkpoint {path} has format {format}, which this version does not know',
    hint: 'use the version of Headrace that wrote it, or a newer one',
    retry: 'never',
    status: 409,
    exit: 2,
  },
});
