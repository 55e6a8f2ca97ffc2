import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { stringifyExact } from '../../schema/json-exact.ts';
import { whoOf } from '../acting.ts';
import { parsedBody } from '../body.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';

const forgetBody = z.strictObject({
  entity: z.string(),
  key: z.record(z.string(), z.unknown()).describe('its parts by name'),
});

const forgetReport = z.object({
  entity: z.string(),
  stores: z.array(
    z.object({
      store: z.enum(['log', 'history', 'online', 'samples']),
      name: z.string().describe('topic, table, view or folder'),
      before: z.int(),
      after: z.int(),
    }),
  ),
  trainingSets: z.array(
    z.object({
      model: z.string(),
      versions: z.array(z.int()),
      path: z.string().nullable(),
      rows: z.int().nullable(),
    }),
  ),
  spineSets: z.array(z.object({ path: z.string(), rows: z.int() })),
  untouched: z.array(z.string()).describe('sources without a column known to hold the key'),
});

/** Erases an entity in every store. */
export const forgetEntity: WriteRoute = {
  method: 'POST',
  path: '/v1/admin/forget',
  operationId: 'forgetEntity',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'entities',
  act: 'forget',
  access: 'writes',
  page: { takes: '`{entity, key}`', answers: '[what was forgotten](../guide/backup-and-forget.md#forget-an-entity)' },
  errors: ['FORGET_ENTITY', 'FORGET_STORE', 'FORGET_LEFT'],
  refusals: ['REQUEST_MISSING', 'REQUEST_TYPE', 'REQUEST_UNKNOWN_COLUMN', 'INSTANT_UNIT'],
  shapes: (_, define) => [
    {
      summary: 'Erases an entity in every store.',
      body: json(define('ForgetBody', forgetBody)),
      answers: { 200: json(define('ForgetReport', forgetReport)) },
    },
  ],
  run: async ({ headrace }, { body, names }) => {
    const { entity, key } = parsedBody(forgetBody, body);
    names({ target: `${entity} ${createHash('sha256').update(stringifyExact(key)).digest('hex')}` });
    return jsonAnswer(await headrace.forget(entity, { ...key }));
  },
};

const batchBody = z.strictObject({
  view: z.string(),
  rollBack: z.boolean().default(false).describe('answer from the generation before the newest'),
  acceptLoss: z.boolean().default(false).describe('switch to the run however many keys it lacks'),
});

const batchAnswer = z.object({
  view: z.string(),
  rows: z.int(),
  nullKeys: z.int().optional().describe('of a run: rows without a key'),
  as_of: z.int().optional().describe('of a roll back: the instant of the generation, epoch ms'),
});

/** Runs a batch view, or rolls it back. */
export const runBatchView: WriteRoute = {
  method: 'POST',
  path: '/v1/admin/batch',
  operationId: 'runBatchView',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'views',
  act: 'run',
  access: 'writes',
  page: {
    takes: '`{view, rollBack?, acceptLoss?}`',
    answers:
      'runs a [batch view](../internals/batch-views.md) now: `{view, rows, nullKeys}`; or rolls it back to the generation before the newest: `{view, rows, as_of}`; `acceptLoss` switches to a run that lacks more keys than the view may lose',
  },
  errors: ['VIEW_UNKNOWN', 'BATCH_GENERATION', 'BATCH_LOSS'],
  refusals: ['BATCH_SQL', 'BATCH_READ', 'BATCH_COLUMN', 'BATCH_TYPE', 'BATCH_DUPLICATE_KEY'],
  shapes: (_, define) => [
    {
      summary: 'Runs a batch view now, or rolls it back to the generation before the newest.',
      body: json(define('BatchBody', batchBody)),
      answers: { 200: json(define('BatchAnswer', batchAnswer)) },
    },
  ],
  run: async ({ headrace }, { body, names }) => {
    const { view: name, rollBack, acceptLoss } = parsedBody(batchBody, body);
    const views = headrace.project.views.filter((view) => view.kind === 'batchView');
    const view = views.find((one) => one.name === name);
    if (view === undefined) throw fail('VIEW_UNKNOWN', { view: name, known: views.map((one) => one.name) });
    names({ what: rollBack ? 'roll back' : acceptLoss ? 'run, loss accepted' : 'run', target: view.name });
    const report = rollBack ? await headrace.rollBack(view) : await headrace.backfill(view, undefined, { acceptLoss });
    return jsonAnswer({ view: view.name, ...report });
  },
};

const promoteBody = z.strictObject({
  model: z.string(),
  version: z.int(),
  expected: z
    .int()
    .nullable()
    .optional()
    .describe('where the champion must stand, null: there is none; any without it'),
  reason: z.string().max(1_000).optional().describe('kept with the move of the alias'),
});

/** Makes a version the champion of its model. */
export const promoteModel: WriteRoute = {
  method: 'POST',
  path: '/v1/admin/promote',
  operationId: 'promoteModel',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'champions',
  act: 'promote',
  access: 'writes',
  page: {
    takes: '`{model, version, expected?, reason?}`',
    answers: '`{model, champion}`; the version is [checked](../guide/training-and-serving.md#promote) first',
  },
  errors: ['MODEL_UNKNOWN', 'REGISTRY_VERSION', 'REGISTRY_MOVED', 'REGISTRY_BUSY', 'REGISTRY_FILE', 'REGISTRY_WRITE'],
  shapes: (_, define) => [
    {
      summary: 'Makes a version the champion of its model, after it has repeated its own scores.',
      body: json(define('PromoteBody', promoteBody)),
      answers: { 200: json(define('Promotion', z.object({ model: z.string(), champion: z.int() }))) },
    },
  ],
  run: async ({ headrace }, { body, caller, names }) => {
    const { model: name, version, expected, reason = '' } = parsedBody(promoteBody, body);
    const model = headrace.model(name);
    names({ target: `${model.name} ${version}` });
    await headrace.promote(model, version, expected, { who: whoOf(caller), why: reason });
    return jsonAnswer({ model: model.name, champion: version });
  },
};
