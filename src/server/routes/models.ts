import { z } from 'zod';
import type { ModelData } from '../../features/define/declaration.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const modelVersions = z.array(
  z.object({
    model: z.string(),
    versions: z.array(
      z.looseObject({
        version: z.int(),
        origin: z.enum(['trained', 'logged']).describe('who registered it: a training job here, or another program'),
        aliases: z.array(z.string()),
        createdAt: z.number().optional(),
        metrics: z.record(z.string(), z.number()).optional(),
        run: z.string().nullable().optional().describe('the run that made it'),
        lineage: z
          .looseObject({
            service: z.string(),
            trainingSet: z.looseObject({
              digest: z.string(),
              rows: z.int(),
              unlabelled: z.int(),
              from: z.number().nullable(),
              to: z.number().nullable(),
              mode: z.string(),
              uniform: z.array(z.string()).optional().describe('features that were null, or one value, in all rows'),
            }),
            trainer: z.looseObject({ kind: z.string() }),
            run: z
              .object({ attempts: z.int(), seconds: z.number(), cost: z.number() })
              .optional()
              .describe('the training run: its attempts, their seconds and cost together'),
          })
          .optional(),
        signature: z
          .looseObject({ features: z.array(z.string()), input: z.string(), output: z.string() })
          .nullable()
          .optional(),
      }),
    ),
    champion: z.int().nullable(),
  }),
);

const read = { tag: 'models', scopes: ['read'], changes: null, access: 'writes', method: 'GET' } as const;

async function versionsOf(headrace: Headrace, models: readonly ModelData[]): Promise<RouteAnswer> {
  const all = models.map(async (model) => ({ model: model.name, ...(await headrace.versions(model)) }));
  return jsonAnswer(await Promise.all(all));
}

/** The registered versions of every model. The process that writes has the registry open. */
export const listModels: WriteRoute = {
  ...read,
  path: '/v1/models',
  operationId: 'listModels',
  page: { takes: '', answers: '`[{model, versions, champion}]` of every model' },
  errors: ['REGISTRY_BUSY', 'REGISTRY_FILE'],
  shapes: (_, define) => [
    {
      summary: 'The registered versions of every model, and its champion.',
      answers: { 200: json(define('Models', modelVersions)) },
    },
  ],
  live: { everyMs: 2_000, read: modelsAnswer },
  run: modelsAnswer,
};

function modelsAnswer({ headrace }: Pick<WriteContext, 'headrace'>): Promise<RouteAnswer> {
  return versionsOf(headrace, headrace.project.models);
}

const move = z.object({
  alias: z.string(),
  from: z.int().nullable(),
  to: z.int().nullable(),
  at: z.number(),
  who: z.string().describe('empty: nobody said'),
  why: z.string(),
});

/** The moves of the aliases of a model. */
export const listMoves: WriteRoute = {
  ...read,
  path: '/v1/alias-moves/{model}',
  operationId: 'listMoves',
  page: { takes: '', answers: '`{moves}`: every change of an alias of the model, with who made it and why' },
  errors: ['MODEL_UNKNOWN', 'REGISTRY_BUSY', 'REGISTRY_FILE'],
  shapes: ({ models }, define) =>
    models.map(({ name }) => ({
      name,
      summary: `Every change of an alias of ${name}.`,
      answers: { 200: json(define('AliasMoves', z.object({ moves: z.array(move) }))) },
    })),
  run: async ({ headrace }, { name }) =>
    jsonAnswer({ moves: await insideOf(headrace).stores.registry.moves(headrace.model(name).name) }),
};

/** The registered versions of one model. */
export const readModel: WriteRoute = {
  ...read,
  path: '/v1/models/{model}',
  operationId: 'readModel',
  page: { takes: '', answers: 'the same of one model' },
  errors: ['MODEL_UNKNOWN', 'REGISTRY_BUSY', 'REGISTRY_FILE'],
  shapes: ({ models }, define) =>
    models.map(({ name }) => ({
      name,
      summary: `The registered versions of ${name}, and its champion.`,
      answers: { 200: json(define('Models', modelVersions)) },
    })),
  run: ({ headrace }, { name }) => versionsOf(headrace, [headrace.model(name)]),
};
