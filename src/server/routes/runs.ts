import { z } from 'zod';
import type { Run } from '../../ports/tracking-store.ts';
import { filterTargets } from '../../registry/filter/filter-target.ts';
import { parseFilter } from '../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../registry/filter/parse-order.ts';
import { insideOf } from '../../running/inside.ts';
import { parsedQuery } from '../body.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';

const read = { method: 'GET', tag: 'models', scopes: ['read'], changes: null, access: 'writes' } as const;

const MOST_EXPERIMENTS = 10_000;
const MOST_RUNS = 5_000;
/** Runs whose curves one answer has, and points of each. */
const MOST_CURVES = 50;
const MOST_POINTS = 1_000;

const whole = (most: number) => z.coerce.number().int().min(0).max(most).optional();

const experiment = z.object({ id: z.string(), name: z.string(), createdAt: z.number(), updatedAt: z.number() });

/** Lists the experiments of the registry. */
export const listExperiments: WriteRoute = {
  ...read,
  path: '/v1/experiments',
  operationId: 'listExperiments',
  page: { takes: '', answers: '`{experiments, more}` that are not deleted' },
  errors: ['REGISTRY_BUSY', 'REGISTRY_FILE'],
  shapes: (_, define) => [
    {
      summary: 'Experiments that are not deleted.',
      answers: {
        200: json(define('Experiments', z.object({ experiments: z.array(experiment), more: z.boolean() }))),
      },
    },
  ],
  run: async ({ headrace }) => {
    const query = { filter: [], order: [], offset: 0, limit: MOST_EXPERIMENTS, view: 'active' } as const;
    const { rows, more } = await insideOf(headrace).stores.registry.searchExperiments(query);
    const experiments = rows.map(({ id, name, createdAt, updatedAt }) => ({ id, name, createdAt, updatedAt }));
    return jsonAnswer({ experiments, more });
  },
};

const runsQuery = z.strictObject({
  experiment: z.string().max(40).optional().describe('id of an experiment; without it that of number 0'),
  filter: z.string().max(6_000).optional().describe("as in MLflow: `metrics.auc > 0.9 and params.kind = 'gbm'`"),
  order: z.string().max(500).optional().describe('as in MLflow: `metrics.auc DESC`; the newest first without it'),
  offset: whole(10 ** 9).describe('runs to leave out'),
  limit: whole(MOST_RUNS).describe('runs at most, up to 5,000'),
});

const runRow = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  user: z.string(),
  startedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  metrics: z.record(z.string(), z.number().nullable()).describe('the newest value of each; null: no finite number'),
  params: z.record(z.string(), z.string()),
});

/** Lists the runs of an experiment, a page at a time. */
export const listRuns: WriteRoute = {
  ...read,
  path: '/v1/runs',
  operationId: 'listRuns',
  query: runsQuery,
  page: {
    takes: '`experiment`, `filter` and `order` as in MLflow, `offset`, `limit`',
    answers: '`{runs, next}`: the newest values of metrics, and params; `next` is the offset of the next page or null',
  },
  errors: ['REGISTRY_BUSY', 'REGISTRY_FILE', 'REGISTRY_FILTER', 'SERVER_BODY'],
  shapes: (_, define) => [
    {
      summary: 'Runs of an experiment.',
      answers: {
        200: json(define('Runs', z.object({ runs: z.array(runRow), next: z.int().nullable() }))),
      },
    },
  ],
  run: async ({ headrace }, { query }) => {
    const asked = parsedQuery(runsQuery, { ...Object(query) });
    const { experiment: of = '0', filter = '', order, offset = 0, limit = MOST_RUNS } = asked;
    const { rows, more } = await insideOf(headrace).stores.registry.searchRuns({
      experiments: [of],
      filter: parseFilter(filterTargets.runs, filter),
      order: parseOrders(filterTargets.runs, order === undefined ? [] : [order]),
      offset,
      limit,
      view: 'active',
    });
    return jsonAnswer({ runs: rows.map(rowOf), next: more ? offset + rows.length : null });
  },
};

function rowOf({ info, metrics, params }: Run): z.infer<typeof runRow> {
  const { id, name, status, user, startedAt, endedAt } = info;
  return {
    id,
    name,
    status,
    user,
    startedAt,
    endedAt,
    metrics: Object.fromEntries(metrics.map(({ key, value }) => [key, Number.isFinite(value) ? value : null])),
    params: Object.fromEntries(params.map(({ key, value }) => [key, value])),
  };
}

const curvesQuery = z.strictObject({
  runs: z.string().max(4_000).optional().describe('ids of up to 50 runs, separated by commas'),
  key: z.string().max(500).optional().describe('name of the metric'),
});

const point = z.object({ run: z.string(), step: z.number(), at: z.number(), value: z.number().nullable() });

/** Reads the curve of one metric of several runs. */
export const readCurves: WriteRoute = {
  ...read,
  path: '/v1/run-metrics',
  operationId: 'readCurves',
  query: curvesQuery,
  page: {
    takes: '`runs`: up to 50 ids; `key`: a metric',
    answers: '`{points}` of the metric by run, step and time; up to 1,000 of each run, evenly',
  },
  errors: ['REGISTRY_BUSY', 'REGISTRY_FILE', 'SERVER_BODY'],
  shapes: (_, define) => [
    {
      summary: 'The curve of one metric of several runs.',
      answers: { 200: json(define('Curves', z.object({ points: z.array(point) }))) },
    },
  ],
  run: async ({ headrace }, { query }) => {
    const { runs = '', key = '' } = parsedQuery(curvesQuery, { ...Object(query) });
    const ids = runs.split(',').filter((id) => id !== '');
    const span = { from: null, to: null, limit: MOST_POINTS };
    const found = await insideOf(headrace).stores.registry.metricHistories(ids.slice(0, MOST_CURVES), key, span);
    const points = found.map(({ run, step, at, value }) => ({
      run,
      step,
      at,
      value: Number.isFinite(value) ? value : null,
    }));
    return jsonAnswer({ points });
  },
};
