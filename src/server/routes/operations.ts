import { z } from 'zod';
import { figuresOf, type SloReport, sloReportSchema } from '../../observe/slo-report.ts';
import { json, jsonAnswer, jsonText, type ReadContext, type ReadRoute, type RouteAnswer } from '../route.ts';
import { degradedSchema, statusSchema, waitingSchema } from './status-schema.ts';

/** Routes of operators and monitors: about this process, or about all of a group that it answers for. */
const operation = { method: 'GET', tag: 'operations', access: 'reads', changes: null, errors: [] } as const;

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
    const answer = json(
      define('Readiness', z.object({ ready: z.boolean(), waiting: waitingSchema, degraded: degradedSchema })),
    );
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
  live: { everyMs: 2_000, read: statusAnswer },
  run: statusAnswer,
};

async function statusAnswer({ served, group }: ReadContext): Promise<RouteAnswer> {
  return jsonAnswer((await group?.status()) ?? served.status());
}

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
  run: async (context) => jsonAnswer(await sloOf(context)),
};

async function sloOf({ served, group }: ReadContext): Promise<SloReport> {
  return (await group?.slo()) ?? served.slo();
}

const budgetSchema = z.object({
  of: z.enum(['service', 'view', 'model']),
  name: z.string(),
  tier: z.enum(['request', 'streaming', 'batch']).nullable(),
  measure: z.enum(['latency', 'freshness']),
  budgetMs: z.number().nullable(),
  count: z.int().describe('observations of the last hour'),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  p999Ms: z.number().nullable(),
  burn: z
    .array(z.object({ minutes: z.int(), rate: z.number().nullable() }))
    .describe('the share beyond the budget over the share that may be; 1 uses it up exactly'),
  met: z.boolean().nullable().describe('null: nothing seen, or nothing declared'),
});

/** The figures of every budget, for people. */
export const budgets: ReadRoute = {
  ...operation,
  path: '/v1/budgets',
  operationId: 'budgets',
  scopes: ['read'],
  page: { takes: '', answers: '`{budgets}`: percentiles and burn rates of every budget of `/v1/slo`' },
  shapes: (_, define) => [
    {
      summary: 'The figures of every budget.',
      answers: { 200: json(define('Budgets', z.object({ budgets: z.array(budgetSchema) }))) },
    },
  ],
  live: { everyMs: 2_000, read: budgetsAnswer },
  run: budgetsAnswer,
};

async function budgetsAnswer(context: ReadContext): Promise<RouteAnswer> {
  const { series } = await sloOf(context);
  const budgets = series.map((one) => {
    const { of, name, tier, measure, budgetMs } = one;
    return { of, name, tier, measure, budgetMs, ...figuresOf(one) };
  });
  return jsonAnswer({ budgets });
}

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
