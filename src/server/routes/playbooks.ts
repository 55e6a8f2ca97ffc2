import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { playbookReport } from '../../playbook/playbook-report.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { whoOf } from '../acting.ts';
import { parsedBody } from '../body.ts';
import { type Define, json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const instant = z.int().describe('epoch milliseconds (UTC)');

const report = z.looseObject({
  model: z.string(),
  mode: z.enum(['act', 'dryRun']),
  step: z.string().describe('where it stands, in words'),
  revision: z.int().describe('entries of the journal'),
  champion: z.int().nullable(),
  waiting: z
    .looseObject({ step: z.string(), until: instant, otherwise: z.string(), reason: z.string() })
    .nullable()
    .describe('a question to a person'),
  stopped: z.array(z.looseObject({ feature: z.string(), from: instant })),
  frozen: z.unknown(),
  response: z
    .looseObject({
      id: z.string(),
      cause: z.string(),
      since: instant,
      version: z.int().nullable(),
      rollout: z.string().nullable(),
    })
    .nullable(),
  incidents: z.array(
    z.looseObject({ fingerprint: z.string(), severity: z.string(), at: instant, summary: z.string() }),
  ),
  entries: z
    .array(
      z.looseObject({
        kind: z.string(),
        revision: z.int(),
        at: instant,
        by: z.string(),
        reason: z.string().optional(),
        cause: z.string().optional(),
        tier: z.int().optional(),
        action: z.looseObject({ do: z.string() }).optional(),
      }),
    )
    .optional(),
  replay: z.looseObject({ decisions: z.int(), different: z.array(z.looseObject({})) }).optional(),
});

const answer = (define: Define) => ({ 200: json(define('Playbook', report)) });

const query = z.object({
  after: z.coerce.number().int().min(0).optional().describe('with the entries of the journal after this one'),
  replay: z
    .enum(['journal', 'history'])
    .optional()
    .describe('decides again from the journal, or judges the monitors again from the history as well'),
});

const JOURNAL_ERRORS = ['MODEL_UNKNOWN', 'PLAYBOOK_NONE', 'PLAYBOOK_FILE', 'PLAYBOOK_BUSY'] as const;

async function reportOf(headrace: Headrace, model: string, also: z.infer<typeof query> = {}): Promise<RouteAnswer> {
  const { playbooks, clock } = insideOf(headrace);
  const { data, plan } = playbooks.declared(headrace.model(model).name);
  const journal = playbooks.journal(data.name);
  const found = playbookReport(data.name, plan, await journal.state(), clock());
  const entries = also.after === undefined ? {} : { entries: await journal.entries(also.after) };
  const replay =
    also.replay === undefined
      ? {}
      : { replay: await headrace.replayPlaybook(data, { history: also.replay === 'history' }) };
  return jsonAnswer({ ...found, ...entries, ...replay });
}

/** Reads the playbook of every model that has one. */
export const listPlaybooks: WriteRoute = {
  method: 'GET',
  path: '/v1/playbooks',
  operationId: 'listPlaybooks',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: { takes: '', answers: '`{playbooks}`: the state of every playbook' },
  errors: ['PLAYBOOK_FILE', 'PLAYBOOK_BUSY'],
  shapes: (_, define) => [
    {
      summary: 'The state of every playbook.',
      answers: { 200: json(define('Playbooks', z.object({ playbooks: z.array(report) }))) },
    },
  ],
  live: { everyMs: 1_000, read: playbooksAnswer },
  run: playbooksAnswer,
};

async function playbooksAnswer({ headrace }: Pick<WriteContext, 'headrace'>): Promise<RouteAnswer> {
  const { playbooks, clock } = insideOf(headrace);
  const declared = headrace.project.models.filter(({ playbook }) => Object.keys(playbook).length > 0);
  const reports = declared.map(async ({ name }) =>
    playbookReport(name, playbooks.declared(name).plan, await playbooks.journal(name).state(), clock()),
  );
  return jsonAnswer({ playbooks: await Promise.all(reports) });
}

/** Reads the playbook of a model. */
export const readPlaybook: WriteRoute = {
  method: 'GET',
  path: '/v1/playbooks/{model}',
  operationId: 'readPlaybook',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '`?after=0` for the journal, `?replay=journal` or `?replay=history` to decide again',
    answers: 'the [playbook](../reference/playbook.md) of the model: its state, the open question, open incidents',
  },
  query,
  errors: [...JOURNAL_ERRORS],
  shapes: ({ models }, define) =>
    models.map(({ name }) => ({
      name,
      summary: `The state of the playbook of ${name}, and its journal.`,
      answers: answer(define),
    })),
  run: ({ headrace }, { name, query: asked }) => {
    const parsed = query.safeParse(asked);
    if (!parsed.success) throw fail('SERVER_BODY', { reason: parsed.error.issues[0].message.toLowerCase() });
    return reportOf(headrace, name, parsed.data);
  },
};

const changeBody = z.strictObject({
  action: z.enum(['approve', 'deny', 'freeze', 'thaw', 'accept']),
  reason: z.string().max(1_000).optional(),
  features: z.array(z.string()).min(1).max(1_000).optional().describe('of `accept`: features whose fault is none'),
});

/** Answers, freezes or thaws the playbook of a model, or accepts a fault. */
export const changePlaybook: WriteRoute = {
  method: 'POST',
  path: '/v1/playbooks/{model}',
  operationId: 'changePlaybook',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'playbooks',
  access: 'writes',
  page: {
    takes: "`{action, reason?}`: `approve`, `deny`, `freeze` or `thaw`; `{action: 'accept', features, reason?}`",
    answers: 'the [playbook](../reference/playbook.md) after it',
  },
  errors: [...JOURNAL_ERRORS, 'PLAYBOOK_ANSWER', 'PLAYBOOK_FROZEN', 'PLAYBOOK_WRITE'],
  refusals: ['SERVER_BODY'],
  shapes: ({ models }, define) =>
    models.map(({ name }) => ({
      name,
      summary: `Answers, freezes or thaws the playbook of ${name}, or accepts a fault.`,
      body: json(define('PlaybookBody', changeBody)),
      answers: answer(define),
    })),
  run: async ({ headrace }, { name, body, caller, names }) => {
    const model = headrace.model(name);
    const { action, reason, features = [] } = parsedBody(changeBody, body);
    if (action === 'accept' && features.length === 0)
      throw fail('SERVER_BODY', { reason: 'the action "accept" needs features' });
    const journal = insideOf(headrace).playbooks.journal(model.name);
    const by = whoOf(caller);
    const said = { by, reason: reason ?? `${action} by ${by}` };
    names({ what: `playbook ${action}`, target: model.name });
    if (action === 'accept') await journal.accept(features, said);
    else if (action === 'freeze' || action === 'thaw') await journal.freeze(action === 'freeze', said);
    else await journal.answer(action === 'approve', said);
    return reportOf(headrace, name);
  },
};
