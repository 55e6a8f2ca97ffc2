import { rows } from './row.ts';

/** Faults of jobs of a running server, and of the processes that jobs start. */
export const jobErrors = rows({
  JOB_UNKNOWN: {
    message: 'the server has no job {id}',
    hint: 'GET /v1/admin/jobs lists its jobs; a server that was started again has none of before',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  JOB_RUNNING: {
    message: 'the job {id} does the same already',
    hint: 'wait for it, or cancel it: send DELETE to its route below /v1/admin/jobs',
    retry: 'later',
    status: 409,
    exit: 5,
  },
  JOB_QUEUE: {
    message: 'the server has {waiting} jobs that wait',
    hint: 'wait until some have ended, or cancel some',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  JOB_CANCELLED: {
    message: 'the job {job} was cancelled',
    hint: 'start it again; nothing of it was registered',
    retry: 'safe',
    status: 409,
    exit: 6,
  },
  JOB_PROCESS: {
    message: 'the process that writes the training set {path} ended with {outcome}',
    hint: 'start the job again; where it was killed for its memory lower offline.memory or free memory',
    retry: 'later',
    status: 500,
    exit: 4,
  },
});
