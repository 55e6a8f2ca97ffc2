import { z } from 'zod';
import { audited } from '../../operating/audit-log.ts';
import { whoOf } from '../acting.ts';
import { parsedBody, parsedQuery } from '../body.ts';
import { askedJob } from '../jobs/asked-job.ts';
import { startBody } from '../jobs/start-body.ts';
import { type Define, json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const instant = z.int().describe('epoch milliseconds (UTC)');

const jobReport = z.object({
  id: z.string(),
  kind: z.string(),
  target: z.string().describe('the model or view'),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
  askedAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  lines: z.array(z.string()).describe('progress, from the asked line on'),
  next: z.int().describe('number of the next line'),
  progress: z
    .object({
      rows: z.int(),
      total: z.int(),
      quarantined: z.int().describe('rows that were given up'),
      retries: z.int().describe('partitions that were begun again, since their worker failed or ended'),
      rowsPerSecond: z.number(),
      etaMs: z.number().nullable(),
    })
    .nullable()
    .describe('how far a batch of predictions is; null of other jobs'),
  result: z.unknown().describe('the result of the job; null until it is done'),
  error: z.unknown().describe('the error of a failed or cancelled job, as in Error; null otherwise'),
});

const job = (define: Define) => json(define('Job', jobReport));

const admin = { tag: 'admin', scopes: ['admin'], access: 'writes' } as const;
const reads = { ...admin, changes: null } as const;

/** Starts long work: training of a model, a backfill of a view, or a batch of predictions. */
export const startJob: WriteRoute = {
  ...admin,
  changes: 'jobs',
  method: 'POST',
  path: '/v1/admin/jobs',
  operationId: 'startJob',
  page: {
    takes:
      "`{kind: 'train', model, from?, to?, mode?}`, `{kind: 'backfill', view, from?, to?, rollBack?, acceptLoss?}` or `{kind: 'predict', model, from, to, format?, version?, spine?, inputs?, keep?, workers?, mostErrors?, engine?, replace?}`",
    answers: '202 and the [job](#jobs)',
  },
  errors: ['MODEL_UNKNOWN', 'VIEW_UNKNOWN', 'JOB_RUNNING', 'JOB_QUEUE', 'SERVER_CLOSING'],
  refusals: ['SERVER_BODY', 'PREDICT_PATH', 'INSTANT_UNIT', 'INSTANT_VALUE'],
  shapes: (_, define) => [
    {
      summary: 'Starts a job: training of a model, a backfill of a view, or a batch of predictions.',
      body: json(define('StartJob', startBody)),
      answers: { 202: job(define) },
    },
  ],
  run: ({ headrace, jobs }, { body, caller, names }) => {
    const task = askedJob(headrace, parsedBody(startBody, body));
    names({ what: `start ${task.kind}`, target: task.target });
    // The end of a job has a line too, long after the call.
    const end = { who: whoOf(caller), what: task.kind, target: task.target };
    const work: typeof task.work = (run) => audited(headrace.directory, end, Date.now, () => task.work(run));
    return jsonAnswer(jobs.start({ ...task, work }), 202);
  },
};

/** Lists the jobs of the server. */
export const listJobs: WriteRoute = {
  ...reads,
  method: 'GET',
  path: '/v1/admin/jobs',
  operationId: 'listJobs',
  page: { takes: '', answers: '`{jobs}`, the newest first, without lines' },
  errors: [],
  shapes: (_, define) => [
    {
      summary: 'Lists the jobs, the newest first.',
      answers: { 200: json(define('Jobs', z.object({ jobs: z.array(jobReport) }))) },
    },
  ],
  live: { everyMs: 1_000, read: jobsAnswer },
  run: jobsAnswer,
};

function jobsAnswer({ jobs }: Pick<WriteContext, 'jobs'>): RouteAnswer {
  return jsonAnswer({ jobs: jobs.list() });
}

const lineQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .describe('number of the first line'),
});

/** Reports one job with its progress lines. */
export const readJob: WriteRoute = {
  ...reads,
  method: 'GET',
  path: '/v1/admin/jobs/{id}',
  operationId: 'readJob',
  page: { takes: '', answers: 'the job, with its progress lines from number `after` on' },
  query: lineQuery,
  errors: ['JOB_UNKNOWN'],
  shapes: (_, define) => [{ summary: 'State and progress lines of a job.', answers: { 200: job(define) } }],
  run: ({ jobs }, { name, query }) => {
    const { after = '0' } = parsedQuery(lineQuery, { ...Object(query) });
    return jsonAnswer(jobs.report(name, Number(after)));
  },
};

const MOST_DEAD = 500;
const USUAL_DEAD = 50;

const deadQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MOST_DEAD).optional().describe(`at most ${MOST_DEAD} (${USUAL_DEAD})`),
});

const deadRow = z.object({
  file: z.string().describe('the file of the output that keeps it, below `batch/files`'),
  row: z.int().describe('its number in the input, from 0'),
  code: z.string(),
  reason: z.string(),
  features: z.record(z.string(), z.unknown()),
});

/** Lists the rows that a batch of predictions has given up. */
export const listDeadRows: WriteRoute = {
  ...reads,
  method: 'GET',
  path: '/v1/admin/dead-rows/{id}',
  operationId: 'listDeadRows',
  page: {
    takes: '`limit`',
    answers: '`{rows, more}`: rows that a batch of predictions has given up, with the reasons',
  },
  query: deadQuery,
  errors: ['JOB_UNKNOWN', 'PREDICT_MANIFEST', 'SERVER_BODY'],
  shapes: (_, define) => [
    {
      summary: 'Rows that a batch of predictions has given up.',
      answers: { 200: json(define('DeadRows', z.object({ rows: z.array(deadRow), more: z.boolean() }))) },
    },
  ],
  run: async ({ jobs }, { name, query }) => {
    const { limit = USUAL_DEAD } = parsedQuery(deadQuery, { ...Object(query) });
    const rows = await jobs.deadRows(name, limit + 1);
    return jsonAnswer({ rows: rows.slice(0, limit), more: rows.length > limit });
  },
};

/** Cancels one job. */
export const cancelJob: WriteRoute = {
  ...admin,
  changes: 'jobs',
  method: 'DELETE',
  path: '/v1/admin/jobs/{id}',
  operationId: 'cancelJob',
  page: { takes: '', answers: 'cancels the job, and answers with it' },
  errors: ['JOB_UNKNOWN'],
  shapes: (_, define) => [{ summary: 'Cancels a job.', answers: { 200: job(define) } }],
  run: ({ jobs }, { name }) => jsonAnswer(jobs.cancel(name)),
};

const nothing = z.strictObject({});

/** Publishes everything that was accepted to the history. */
export const flush: WriteRoute = {
  ...admin,
  changes: 'history',
  method: 'POST',
  path: '/v1/admin/flush',
  operationId: 'flush',
  page: { takes: '`{}`', answers: '`{flushed}` when the history has everything that was accepted' },
  errors: ['OFFLINE_FULL', 'OFFLINE_WRITE'],
  shapes: (_, define) => [
    {
      summary: 'Publishes everything that was accepted to the history.',
      body: json(define('Nothing', nothing)),
      answers: { 200: json(define('Flushed', z.object({ flushed: z.boolean() }))) },
    },
  ],
  run: async ({ headrace }, { body }) => {
    parsedBody(nothing, body);
    await headrace.flush();
    return jsonAnswer({ flushed: true });
  },
};
