import type { FastifyInstance } from 'fastify';
import type { ModelData } from '../../features/define/declaration.ts';
import type { Headrace } from '../../headrace.ts';

/** `GET /v1/models` and `GET /v1/models/{model}`: the registered versions, and which of them is the champion. */
export function modelRoutes(server: FastifyInstance, headrace: Headrace): void {
  const versionsOf = async (models: readonly ModelData[]) =>
    JSON.stringify(
      await Promise.all(models.map(async (model) => ({ model: model.name, ...(await headrace.versions(model)) }))),
    );
  server.get('/v1/models', async (_, reply) =>
    reply.type('application/json').send(await versionsOf(headrace.project.models)),
  );
  server.get<{ Params: { model: string } }>('/v1/models/:model', async (request, reply) =>
    reply.type('application/json').send(await versionsOf([headrace.model(request.params.model)])),
  );
}
