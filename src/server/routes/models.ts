import { z } from 'zod';
import type { ModelData } from '../../features/define/declaration.ts';
import type { Headrace } from '../../running/headrace.ts';
import { json, jsonAnswer, type RouteAnswer, type WriteRoute } from '../route.ts';

const modelVersions = z.array(
  z.object({
    model: z.string(),
    versions: z.array(
      z.looseObject({
        version: z.int(),
        origin: z.enum(['trained', 'logged']).describe('who registered it: a training job here, or another program'),
        aliases: z.array(z.string()),
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
  run: ({ headrace }) => versionsOf(headrace, headrace.project.models),
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
