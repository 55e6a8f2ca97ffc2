import type { FastifyInstance } from 'fastify';
import type { Headrace } from '../../headrace.ts';
import { featureAnswer } from '../feature-answer.ts';

/** `POST /v1/features/{service}`, for the requests that the hot listener leaves. */
export function featureRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post<{ Params: { service: string } }>('/v1/features/:service', async (request, reply) => {
    const text = await featureAnswer(headrace, headrace.service(request.params.service), request.body);
    return reply.type('application/json').send(text);
  });
}
