import type { FastifyInstance } from 'fastify';
import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../headrace.ts';
import { instantOf, objectBody } from '../body.ts';
import { spanOf } from '../request-spans.ts';

/** `POST /v1/predictions/{model}` with `{id, request, at?}`: features joined, scored by the champion, logged under the id. */
export function predictionRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post<{ Params: { model: string } }>('/v1/predictions/:model', async (request, reply) => {
    const model = headrace.model(request.params.model);
    const body = objectBody(request.body, ['id', 'request', 'at']);
    const { id } = body;
    if (typeof id !== 'string') throw fail('SERVER_BODY', { reason: '"id" is not text' });
    const prediction = await headrace.predict(model, id, body['request'], {
      at: instantOf(body['at']),
      trace: spanOf(request),
    });
    return reply.type('application/json').send(JSON.stringify(prediction));
  });
}
