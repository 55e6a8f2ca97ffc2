import type { FastifyInstance } from 'fastify';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import { binaryAnswer, featureAnswer } from '../feature-answer.ts';
import { spanOf } from '../request-spans.ts';
import type { ServedProject } from '../served-project.ts';

/** `POST /v1/features/{service}`, for the requests that the lean reader leaves. */
export function featureRoutes(server: FastifyInstance, served: ServedProject): void {
  server.post<{ Params: { service: string } }>('/v1/features/:service', async (request, reply) => {
    const service = served.service(request.params.service);
    if (request.headers.accept === VECTOR_BINARY_TYPE) {
      const bytes = await binaryAnswer(served, service, request.body, spanOf(request));
      return reply.type(VECTOR_BINARY_TYPE).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    const text = await featureAnswer(served, service, request.body, spanOf(request));
    return reply.type('application/json').send(text);
  });
}
