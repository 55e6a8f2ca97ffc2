import type { FastifyInstance } from 'fastify';
import type { Headrace } from '../../headrace.ts';
import { arrayOf, instantOf, objectBody } from '../body.ts';

const MOST_KEYS = 1_000;

/**
 * `POST /v1/features/{service}` with `{request}` for one vector or `{requests}` for many, each read as of `at` (now).
 * Hot route: the answer is written as text by the service's own writer.
 */
export function featureRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post<{ Params: { service: string } }>('/v1/features/:service', async (request, reply) => {
    const service = headrace.service(request.params.service);
    const body = objectBody(request.body, ['request', 'requests', 'at']);
    const at = instantOf(body['at']);
    const requests = body['requests'];
    const text =
      requests === undefined
        ? await headrace.vectorText(service, body['request'], at)
        : `{"vectors":[${(await Promise.all(arrayOf(requests, 'requests', MOST_KEYS).map((one) => headrace.vectorText(service, one, at)))).join(',')}]}`;
    return reply.type('application/json').send(text);
  });
}
