import type { FastifyInstance } from 'fastify';
import { fail } from '../../base/errors/fail.ts';
import type { RefusedEvent } from '../../featurestore/ingest/gateway.ts';
import type { Headrace } from '../../headrace.ts';
import { jsonBody } from '../body.ts';
import { errorBody } from '../error-answer.ts';
import { spanOf } from '../request-spans.ts';

const REFUSALS_SHOWN = 100;

/**
 * `POST /v1/events/{source}`: one event, an array, or JSON lines. The answer counts what is in the log and lists what
 * was refused; 400 where nothing was taken.
 */
export function eventRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post<{ Params: { source: string } }>('/v1/events/:source', async (request, reply) => {
    const source = headrace.source(request.params.source);
    const events = eventsOf(request.body, request.headers['content-type'] ?? '');
    const { accepted, refused } = await headrace.ingest(source, events, spanOf(request));
    return reply
      .code(accepted === 0 && refused.length > 0 ? 400 : 200)
      .type('application/json')
      .send(
        JSON.stringify({ accepted, refused: refused.length, errors: refused.slice(0, REFUSALS_SHOWN).map(refusal) }),
      );
  });
}

function eventsOf(body: unknown, contentType: string): readonly unknown[] {
  if (!contentType.startsWith('application/x-ndjson')) {
    const json = jsonBody(body);
    return Array.isArray(json) ? json : [json];
  }
  if (typeof body !== 'string') throw fail('SERVER_BODY', { reason: 'there is none' });
  return body
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(jsonBody);
}

function refusal({ index, error }: RefusedEvent) {
  return { index, ...errorBody(error).error };
}
