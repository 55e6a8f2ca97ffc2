import type { FastifyInstance } from 'fastify';
import type { Headrace } from '../../headrace.ts';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-binary.ts';
import { binaryAnswer, featureAnswer } from '../feature-answer.ts';
import { spanOf } from '../request-spans.ts';

/** `POST /v1/features/{service}`, for the requests that the lean reader leaves. */
export function featureRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post<{ Params: { service: string } }>('/v1/features/:service', async (request, reply) => {
    const service = headrace.service(request.params.service);
    if (request.headers.accept === VECTOR_BINARY_TYPE) {
      const bytes = await binaryAnswer(headrace, service, request.body, spanOf(request));
      return reply.type(VECTOR_BINARY_TYPE).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    const text = await featureAnswer(headrace, service, request.body, spanOf(request));
    return reply.type('application/json').send(text);
  });
}
