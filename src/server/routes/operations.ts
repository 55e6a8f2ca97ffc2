import { z } from 'zod';
import { sloReportSchema } from '../../observe/slo-report.ts';
import { instantSchema } from '../column-schema.ts';
import { json, jsonAnswer, jsonText, type ReadContext, type ReadRoute } from '../route.ts';

/** Routes of operators and monitors: about this process, or about all of a group that it answers for. */
const operation = { method: 'GET', tag: 'operations', access: 'reads', changes: null, errors: [] } as const;

const names = z.array(z.string());

const waiting = names.describe('everything that requests need and that is missing');
const degraded = names.describe('everything that works, but not as declared');

/** Whether the process lives. */
export const health: ReadRoute = {
  ...operation,
  path: '/healthz',
  operationId: 'health',
  scopes: null,
  page: { takes: '', answers: '200 while the process lives' },
  shapes: (_, define) => [
    {
      summary: 'The process is alive.',
      answers: { 200: json(define('Health', z.object({ status: z.literal('ok') }))) },
    },
  ],
  run: () => jsonText('{"status":"ok"}'),
};

/** Whether the process can answer requests. */
export const readiness: ReadRoute = {
  ...operation,
  path: '/readyz',
  operationId: 'readiness',
  scopes: null,
  page: {
    takes: '',
    answers:
      '200 when everything that requests need is loaded; 503 lists the missing parts under `waiting`; `degraded` lists parts that work, but not as declared',
  },
  shapes: (_, define) => {
    const answer = json(define('Readiness', z.object({ ready: z.boolean(), waiting, degraded })));
    return [
      {
        summary: 'Whether everything that requests need is loaded and caught up.',
        answers: { 200: answer, 503: answer },
      },
    ];
  },
  run: async (context) => {
    const standing = await standingOf(context);
    const ready = standing.waiting.length === 0;
    return jsonAnswer({ ready, waiting: standing.waiting, degraded: standing.degraded }, ready ? 200 : 503);
  },
};

/** The state of the project. */
export const status: ReadRoute = {
  ...operation,
  path: '/v1/status',
  operationId: 'status',
  scopes: ['read'],
  page: { takes: '', answers: 'the state of the project, part by part' },
  shapes: (_, define) => [
    {
      summary: 'The state of the project: each part adds its own members.',
      answers: { 200: json(define('Status', statusSchema)) },
    },
  ],
  run: async ({ served, group }) => jsonAnswer((await group?.status()) ?? served.status()),
};

const statusSchema = z.looseObject({
  project: z.string(),
  namespace: z.string(),
  at: instantSchema,
  ready: z.boolean(),
  waiting,
  degraded,
});

/** Budgets and their measurements. */
export const slo: ReadRoute = {
  ...operation,
  path: '/v1/slo',
  operationId: 'slo',
  scopes: ['read'],
  page: { takes: '', answers: 'every budget and its measurements' },
  shapes: (_, define) => [
    {
      summary: 'Every declared budget and its measurements, as data that adds up over processes.',
      answers: { 200: json(define('SloReport', sloReportSchema)) },
    },
  ],
  run: async ({ served, group }) => jsonAnswer((await group?.slo()) ?? served.slo()),
};

/** The metrics of Prometheus. */
export const metrics: ReadRoute = {
  ...operation,
  path: '/metrics',
  operationId: 'metrics',
  scopes: ['read'],
  page: { takes: '', answers: 'Prometheus text' },
  shapes: () => [{ summary: 'Metrics as Prometheus text.', answers: { 200: { 'text/plain': 'text' } } }],
  run: async ({ served, group }) => {
    const { contentType, text } = await served.metrics();
    return { status: 200, type: contentType, body: group === null ? text : await group.metrics() };
  },
};

/** The description of all routes. */
export const openapi: ReadRoute = {
  ...operation,
  path: '/openapi.json',
  operationId: 'openapi',
  scopes: ['read'],
  page: { takes: '', answers: 'OpenAPI 3.1' },
  shapes: (_, define) => [
    {
      summary: 'This description.',
      answers: { 200: json(define('OpenApi', z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }))) },
    },
  ],
  run: ({ description }) => jsonText(description()),
};

async function standingOf({ served, group }: ReadContext): Promise<{
  readonly waiting: readonly string[];
  readonly degraded: readonly string[];
}> {
  return (await group?.status()) ?? { waiting: served.notReady(), degraded: served.degraded() };
}
