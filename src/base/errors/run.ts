import { later, never, safe } from './row.ts';

/** Faults of training runs: the controller, its journal, checkpoints. */
export const runErrors = {
  RUN_SPEC: never(400, 2)
    .message('the run cannot have {member}: {reason}')
    .hint('see docs/reference/training-jobs.md for the members of a run'),
  RUN_STATE: never(500, 3).message('a run cannot go from {from} to {to}').hint('report it with the journal of the run'),
  RUN_JOURNAL: never(500, 3)
    .message('the journal {path} cannot be read: {reason}')
    .hint('use another directory, or restore the journal from a backup'),
  RUN_LOCKED: later(409, 5).message('another controller runs in {folder}').hint('wait for it, or end it'),
  RUN_SUBMIT: later(503, 4)
    .message('the gang {gang} could not start: {reason}')
    .hint('see that the program exists and that the back end has room'),
  RUN_GANG: never(404, 3).message('there is no gang {gang}').hint('submit it first'),
  RUN_UNREACHABLE: later(503, 4)
    .message('the back end does not answer for the gang {gang}: {reason}')
    .hint('see that its server runs and can be reached from here'),
  RUN_RESULT: never(500, 3).message('{path} is not JSON').hint('write the result to another name, then rename it'),
  RUN_FAILED: never(500, 4)
    .message('the run {run} ended at step {step} with {class}: {tail}')
    .hint('see its log and the hint of its class in docs/reference/training-jobs.md'),
  RUN_STOPPED: safe(503, 6)
    .message('the run {run} was stopped at step {step}')
    .hint('start it again with the same directory: it resumes from its newest checkpoint'),
  RUN_FOLLOWED: safe(503, 6)
    .message('the job {run} runs on, and nobody follows it')
    .hint('start the same command again to follow it, or with --cancel to end it'),
  EXPORT_JOB: never(400, 2)
    .message('the job cannot have {member}: {reason}')
    .hint('see docs/reference/training-jobs.md for the members of an exported job'),
  DRILL_FAILED: never(409, 3)
    .message('the resume drill failed: {problems}')
    .hint('correct the checkpoints of the program, then run the drill again; see docs/reference/training-jobs.md'),
  DRILL_MISSING: never(409, 2)
    .message('no resume drill in {folder} stands for this run: {reason}')
    .hint('run headrace train drill with the same command and ranks; spot instances stay blocked until it passes'),
  CHECKPOINT_WORLD_SIZE: never(409, 2)
    .message('the checkpoint {path} was written by {written} ranks, and {asked} would load it')
    .hint('run with as many ranks, or set reshards in the manifest if the program can load it so'),
  CHECKPOINT_NEWER: never(409, 2)
    .message('the checkpoint {path} has format {format}, which this version does not know')
    .hint('use the version of Headrace that wrote it, or a newer one'),
};
