import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { RolloutControl } from '../../serving/rollout/rollout-control.ts';
import { rolloutReport } from '../../serving/rollout/rollout-report.ts';
import { whoOf } from '../acting.ts';
import { parsedBody } from '../body.ts';
import { type Define, json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const instant = z.int().describe('epoch milliseconds (UTC)');

const counted = z.looseObject({ canary: z.int(), baseline: z.int(), shadow: z.int() });

const reading = z.looseObject({
  guardrail: z.string(),
  tripped: z.boolean(),
  suspected: z.boolean().optional(),
  says: z.string(),
  numbers: z.record(z.string(), z.number().nullable()).describe('`e` is the evidence, `limit` the value that trips'),
});

const success = z.looseObject({
  outcome: z.enum(['worse', 'passes', 'inconclusive']),
  says: z.string(),
  numbers: z
    .record(z.string(), z.number().nullable())
    .describe('`low` and `high` are the interval of the difference that is valid at any time, `margin` its limit'),
});

const numbers = z.looseObject({
  requests: counted,
  readings: z.array(reading),
  success: success.nullable(),
});

const lane = z.looseObject({
  requests: z.int(),
  errors: z.int(),
  timeouts: z.int(),
  nonFinite: z.int(),
  outOfRange: z.int(),
  slow: z.int(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  meanScore: z.number().nullable(),
});

const report = z.looseObject({
  model: z.string(),
  rollout: z.string().describe('id'),
  state: z.enum(['shadow', 'canary', 'held', 'soaking', 'completed', 'rolledBack']),
  champion: z.int().describe('the version that it began with'),
  candidate: z.int(),
  percent: z.number().describe('of the callers that the candidate answers'),
  revision: z.int(),
  since: instant,
  startedAt: instant,
  endedAt: instant.nullable(),
  reason: z.string(),
  gate: z
    .looseObject({ isPassed: z.boolean(), reason: z.string() })
    .nullable()
    .describe('the comparison with the champion on labelled rows before the start; null: none was asked for'),
  verdict: z
    .looseObject({ action: z.string(), reason: z.string(), numbers })
    .describe('what the judge would do now, and the numbers that it sees'),
  lanes: z
    .looseObject({ canary: lane, baseline: lane, shadow: lane })
    .describe('canary, baseline and shadow: requests, faults, latency and mean score'),
  shadow: z
    .looseObject({
      copies: z.int(),
      dropped: z.int(),
      meanDifference: z.number().nullable(),
      rankCorrelation: z.number().nullable(),
      flips: z.number().nullable(),
    })
    .describe('the candidate on copies of requests'),
  needs: z
    .looseObject({ ms: z.number().nullable() })
    .nullable()
    .optional()
    .describe('of one just started: the calls, labels and time until its promotion, at the recent rate'),
  places: z.array(z.looseObject({ kind: z.enum(['online', 'job', 'stream']), name: z.string() })),
  events: z.array(
    z.looseObject({
      kind: z.string(),
      revision: z.int(),
      at: instant,
      by: z.string(),
      reason: z.string(),
      state: z.string(),
      percent: z.number(),
      numbers: numbers.nullable().describe('the numbers that the decision saw'),
    }),
  ),
});

const answer = (define: Define) => ({ 200: json(define('Rollout', report)) });

async function reportOf(headrace: Headrace, model: string, isStarted = false): Promise<RouteAnswer> {
  const control = await headrace.rolloutOf(model);
  const status = await control.status();
  if (status === null) throw fail('ROLLOUT_NONE', { model });
  const needs = isStarted ? { needs: await control.needs() } : {};
  return jsonAnswer({ ...rolloutReport(status), ...needs });
}

/** Reads the newest rollout of a model. */
export const readRollout: WriteRoute = {
  method: 'GET',
  path: '/v1/rollouts/{model}',
  operationId: 'readRollout',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: { takes: '', answers: 'the newest [rollout](../guide/rollouts.md) of the model with its numbers and events' },
  errors: ['MODEL_UNKNOWN', 'ROLLOUT_PIPELINE', 'ROLLOUT_NONE', 'ROLLOUT_BUSY', 'ROLLOUT_FILE'],
  shapes: (_, define) => [
    {
      summary: 'The newest rollout of a model that is served, declared or not, with its numbers and events.',
      answers: answer(define),
    },
  ],
  run: ({ headrace }, { name }) => reportOf(headrace, name),
};

/** Reads the newest rollout of every model that has one. */
export const listRollouts: WriteRoute = {
  method: 'GET',
  path: '/v1/rollouts',
  operationId: 'listRollouts',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: { takes: '', answers: '`{rollouts}`: the newest rollout of every model that has one' },
  errors: ['ROLLOUT_BUSY', 'ROLLOUT_FILE'],
  shapes: (_, define) => [
    {
      summary: 'The newest rollout of every model that has one.',
      answers: { 200: json(define('Rollouts', z.object({ rollouts: z.array(report) }))) },
    },
  ],
  live: { everyMs: 2_000, read: rolloutsAnswer },
  run: rolloutsAnswer,
};

async function rolloutsAnswer({ headrace }: Pick<WriteContext, 'headrace'>): Promise<RouteAnswer> {
  const all = headrace.project.models.map(({ name }) => headrace.rollout({ name }).status());
  const rollouts = (await Promise.all(all)).flatMap((status) => (status === null ? [] : [rolloutReport(status)]));
  return jsonAnswer({ rollouts });
}

const changeBody = z.strictObject({
  action: z.enum(['start', 'hold', 'release', 'promote', 'rollback']),
  version: z.int().optional().describe('of `start`: the version to roll out'),
  plan: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'of `start`, for a model that the project does not declare: options of a rollout, as a declaration has them',
    ),
  reason: z.string().max(1_000).optional(),
});

type Change = z.infer<typeof changeBody>;

/** Starts, holds, releases, promotes or rolls back the rollout of a model. */
export const changeRollout: WriteRoute = {
  method: 'POST',
  path: '/v1/rollouts/{model}',
  operationId: 'changeRollout',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'rollouts',
  access: 'writes',
  page: {
    takes: "`{action: 'start', version, plan?, reason?}`; or the action `hold`, `release`, `promote` or `rollback`",
    answers: 'the [rollout](../guide/rollouts.md) after it',
  },
  errors: [
    'MODEL_UNKNOWN',
    'ROLLOUT_PIPELINE',
    'ROLLOUT_NONE',
    'ROLLOUT_ACTIVE',
    'ROLLOUT_CANDIDATE',
    'ROLLOUT_STATE',
    'ROLLOUT_MOVED',
    'ROLLOUT_BUSY',
    'ROLLOUT_FILE',
    'ROLLOUT_WRITE',
    'MODEL_ROLLOUT',
    'OIP_LOAD',
    'OIP_UNAVAILABLE',
    'REGISTRY_VERSION',
    'REGISTRY_MOVED',
    'REGISTRY_BUSY',
    'REGISTRY_FILE',
    'REGISTRY_WRITE',
  ],
  refusals: ['SERVER_BODY'],
  shapes: (_, define) => [
    {
      summary:
        'Starts, holds, releases, promotes or rolls back the rollout of a model that is served, declared or not.',
      body: json(define('RolloutBody', changeBody)),
      answers: answer(define),
    },
  ],
  run: async ({ headrace }, { name, body, caller, names }) => {
    const change = parsedBody(changeBody, body);
    if (change.action === 'start' && change.version === undefined)
      throw fail('SERVER_BODY', { reason: 'the action "start" needs a version' });
    const control = await headrace.rolloutOf(name);
    const target = change.version === undefined ? name : `${name} ${change.version}`;
    names({ what: `rollout ${change.action}`, target });
    await changed(control, change, whoOf(caller));
    return reportOf(headrace, name, change.action === 'start');
  },
};

function changed(control: RolloutControl, { action, version = 0, plan, reason }: Change, by: string) {
  const decision = { by, reason: reason ?? `${action} by ${by}` };
  switch (action) {
    case 'start':
      return control.start(version, { ...decision, ...(plan === undefined ? {} : { plan }) });
    case 'hold':
      return control.hold(decision);
    case 'release':
      return control.release(decision);
    case 'promote':
      return control.promote(decision);
    case 'rollback':
      return control.rollBack(decision);
    default:
      return action satisfies never;
  }
}
