import { z } from 'zod';
import { MOST_SHOWN } from '../../featurestore/ingest/ingest-report.ts';
import { eventSchema } from '../column-schema.ts';
import { eventAnswer } from '../event-answer.ts';
import { hotEvents } from '../lean/hot-events.ts';
import { isJsonLines } from '../media-types.ts';
import { json, jsonText, type WriteRoute } from '../route.ts';

const count = z.int().min(0);

const ingestReport = z.object({
  accepted: count.describe('events that count'),
  duplicate: count.describe('events of an id that was accepted before'),
  late: count.describe('events that came later than the source allows'),
  pending: count.describe('events in the log that are not judged yet'),
  refused: count.describe('events that are not in the log'),
  dropped: z
    .array(z.object({ index: count, id: z.string(), reason: z.enum(['duplicate', 'late']) }))
    .max(MOST_SHOWN)
    .describe('the first events that are duplicate or late'),
  errors: z
    .array(
      z.object({
        index: count,
        id: z.string().optional(),
        code: z.string(),
        message: z.string(),
        hint: z.string(),
        retry: z.enum(['never', 'safe', 'later']),
      }),
    )
    .max(MOST_SHOWN)
    .describe('the first events that are refused'),
});

/** Takes events: one, an array, or JSON lines. */
export const sendEvents: WriteRoute = {
  method: 'POST',
  path: '/v1/events/{source}',
  operationId: 'sendEvents',
  tag: 'events',
  scopes: ['write'],
  changes: 'events',
  access: 'writes',
  page: {
    takes: 'one event, an array, or JSON lines (`application/x-ndjson`)',
    answers: '`{accepted, duplicate, late, pending, refused, dropped, errors}`; 400 if all events were refused',
  },
  errors: ['EVENT_SOURCE', 'LOG_SIZE', 'LOG_WRITE', 'LOG_LOCKED', 'DISK_DAY', 'DISK_FULL', 'HISTORY_FULL'],
  refusals: ['EVENT_FUTURE', 'EVENT_TIME_UNIT', 'INSTANT_UNIT', 'STREAM_FED'],
  shapes: ({ sources }, define) => {
    const report = define('IngestReport', ingestReport);
    return sources.map((source) => {
      const event = define(`Event_${source.name}`, eventSchema(source));
      const events = define(`Events_${source.name}`, z.array(event.schema));
      return {
        name: source.name,
        summary: `Takes events of ${source.name}: one, an array, or JSON lines with one event a line.`,
        body: {
          ...json(define(`EventBody_${source.name}`, z.union([event.schema, events.schema]))),
          'application/x-ndjson': events,
        },
        answers: { 200: json(report), 400: json(report) },
      };
    });
  },
  hot: hotEvents,
  run: async ({ headrace }, { name, headers, body, trace }) => {
    const source = headrace.source(name);
    const { status, text } = await eventAnswer(
      headrace,
      source,
      body,
      isJsonLines(headers['content-type'] ?? ''),
      trace,
    );
    return jsonText(text, status);
  },
};
