import { later, never, safe } from './row.ts';

/** Faults of jobs of a running server, and of the processes that jobs start. */
export const jobErrors = {
  JOB_UNKNOWN: never(404, 2)
    .message('the server has no job {id}')
    .hint('GET /v1/admin/jobs lists its jobs; a server that was started again has none of before'),
  JOB_RUNNING: later(409, 5)
    .message('the job {id} does the same already')
    .hint('wait for it, or cancel it: send DELETE to its route below /v1/admin/jobs'),
  JOB_QUEUE: later(503, 5)
    .message('the server has {waiting} jobs that wait')
    .hint('wait until some have ended, or cancel some'),
  JOB_CANCELLED: safe(409, 6)
    .message('the job {job} was cancelled')
    .hint('start it again; nothing of it was registered'),
  JOB_PROCESS: later(500, 4)
    .message('the process that writes the training set {path} ended with {outcome}')
    .hint('start the job again; where it was killed for its memory lower offline.memory or free memory'),
};
