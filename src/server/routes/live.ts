import { Readable } from 'node:stream';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { parsedQuery } from '../body.ts';
import type { RouteAnswer, WriteRoute } from '../route.ts';

const query = z.strictObject({
  topics: z
    .string()
    .max(2_000)
    .optional()
    .describe('paths of routes that are watched, separated by commas: `/v1/status,/v1/alerts`'),
});

/** Streams the answers of watched routes whenever they change. */
export const readLive: WriteRoute = {
  method: 'GET',
  path: '/v1/live',
  operationId: 'live',
  tag: 'operations',
  scopes: ['read'],
  changes: null,
  more: { admin: 'topics whose route needs it' },
  access: 'writes',
  page: {
    takes: '`topics`: paths of watched routes; header `last-event-id` to resume',
    answers: 'server-sent events: [answers of these routes](#live) whenever they change',
  },
  query,
  errors: ['SERVER_BODY'],
  shapes: () => [
    {
      summary: 'Server-sent events: the answers of watched routes, whenever they change.',
      answers: { 200: { 'text/event-stream': 'text' } },
    },
  ],
  run: ({ live }, { query: asked, headers, gone }): RouteAnswer => {
    const { topics = '' } = parsedQuery(query, { ...Object(asked) });
    const paths = topics.split(',').filter((path) => path !== '');
    const unknown = paths.find((path) => !live.feed.paths.includes(path));
    if (paths.length === 0 || unknown !== undefined)
      throw fail('SERVER_BODY', {
        reason: `topics has ${unknown === undefined ? 'no path' : `"${unknown.slice(0, 100)}"`}; it takes ${live.feed.paths.join(', ')}`,
      });
    const check = () => live.check(paths, headers.authorization ?? null);
    check();
    const lastId = String(headers['last-event-id'] ?? '');
    const events = live.feed.events({ topics: paths, lastId, gone: gone(), check });
    return {
      status: 200,
      type: 'text/event-stream',
      body: Readable.from(events, { objectMode: false, highWaterMark: 1 }),
      // A proxy that gathers answers would hold the events back.
      headers: { 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
    };
  },
};
