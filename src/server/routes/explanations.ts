import { z } from 'zod';
import { MOST_EVENTS, MOST_TILES } from '../../featurestore/explain.ts';
import { stringifyExact } from '../../schema/json-exact.ts';
import { instantOf, objectBody } from '../body.ts';
import { featuresSchema, instantSchema, requestSchema } from '../column-schema.ts';
import { json, jsonText, type WriteRoute } from '../route.ts';
import { vectorSchema } from './features.ts';

const shown = z.union([z.string(), z.number(), z.boolean(), z.null()]).describe('exact numbers are text');
const row = z.record(z.string(), shown);

const tile = z.object({
  hopMs: z.int().describe('its length'),
  start: instantSchema,
  events: z.int(),
  latest: instantSchema.describe('time of its newest event'),
  alone: row.describe('the features of the window, over this tile alone'),
});

const window = z.object({
  windowMs: z.int().nullable().describe('null: all events'),
  from: instantSchema.nullable().describe('null: from the first event on'),
  to: instantSchema.describe('exclusive'),
  events: z.int(),
  values: row.describe('by feature of the view'),
  tiles: z.array(tile).describe(`the newest ${MOST_TILES}, the newest first`),
  moreTiles: z.int().describe('older ones that are not listed'),
});

const lookup = z.object({
  alias: z.string(),
  view: z.string().describe('name@version'),
  source: z.string(),
  time: z.string().describe('the column of the events’ times'),
  key: row,
  windows: z
    .array(window)
    .nullable()
    .describe('null: a part of the key is null, or the tiles of the instant are dropped'),
  events: z.array(row).describe(`the newest ${MOST_EVENTS} of the longest window, by column, the newest first`),
});

/** Reads a vector with the tiles and events that its streaming values come from. */
export const explainFeatures: WriteRoute = {
  method: 'POST',
  path: '/v1/explanations/{service}',
  operationId: 'explainFeatures',
  tag: 'features',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '`{request, at?}`',
    answers:
      '`{vector, lookups}`: the vector, and by lookup the tiles of each window and the newest events. Nothing is recorded',
  },
  refusals: ['INSTANT_UNIT', 'INSTANT_VALUE'],
  errors: ['SERVICE_UNKNOWN', 'STORE_ABSENT'],
  shapes: ({ services }, define) =>
    services.map((service) => {
      const request = define(`Request_${service.name}`, requestSchema(service.request));
      const vector = define(`Vector_${service.name}`, vectorSchema(featuresSchema(service.features)));
      const body = z.strictObject({ request: request.schema, at: instantSchema.optional() });
      return {
        name: service.name,
        summary: `Reads a vector of ${service.name} with the tiles and events behind it.`,
        body: json(define(`ExplainBody_${service.name}`, body)),
        answers: {
          200: json(
            define(
              `Explanation_${service.name}`,
              z.object({ vector: vector.schema, lookups: z.array(define('ExplainedLookup', lookup).schema) }),
            ),
          ),
        },
      };
    }),
  run: async ({ headrace }, { name, body }) => {
    const service = headrace.service(name);
    const asked = objectBody(body, ['request', 'at']);
    return jsonText(stringifyExact(await headrace.explain(service, asked['request'], instantOf(asked['at']))));
  },
};
