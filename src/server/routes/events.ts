import type { FastifyInstance } from 'fastify';
import type { Headrace } from '../../headrace.ts';
import { eventAnswer } from '../event-answer.ts';
import { isJsonLines } from '../media-types.ts';
import { spanOf } from '../request-spans.ts';

/** `POST /v1/events/{source}`, for the requests that the lean reader leaves. */
export function eventRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post<{ Params: { source: string } }>('/v1/events/:source', async (request, reply) => {
    const source = headrace.source(request.params.source);
    const isLines = isJsonLines(request.headers['content-type'] ?? '');
    const { status, text } = await eventAnswer(headrace, source, request.body, isLines, spanOf(request));
    return reply.code(status).type('application/json').send(text);
  });
}
