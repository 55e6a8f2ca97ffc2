import { z } from 'zod';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import { featuresSchema, instantSchema, requestSchema } from '../column-schema.ts';
import { binaryAnswer, featureAnswer, MOST_KEYS } from '../feature-answer.ts';
import { hotFeatures } from '../lean/hot-features.ts';
import { json, jsonText, type ReadRoute } from '../route.ts';

export const agesSchema = z
  .object({ streaming: z.number().nullable(), batch: z.number().nullable() })
  .describe('age of the data by tier, ms');

/** Reads feature vectors. */
export const readFeatures: ReadRoute = {
  method: 'POST',
  path: '/v1/features/{service}',
  operationId: 'readFeatures',
  tag: 'features',
  scopes: ['read'],
  changes: 'served',
  access: 'reads',
  page: {
    takes: '`{request, at?}`, or `{requests, at?}` with up to 1,000',
    answers: `a vector, or \`{vectors}\`; binary with \`accept: ${VECTOR_BINARY_TYPE}\``,
  },
  refusals: ['INSTANT_UNIT', 'INSTANT_VALUE'],
  errors: ['SERVICE_UNKNOWN', 'READER_VIEW', 'REQUEST_LATENCY', 'STORE_ABSENT', 'SERVER_BUSY'],
  shapes: ({ services }, define) =>
    services.map((service) => {
      const request = define(`Request_${service.name}`, requestSchema(service.request));
      const vector = define(`Vector_${service.name}`, vectorSchema(featuresSchema(service.features)));
      const at = instantSchema.optional();
      const body = z.union([
        z.strictObject({ request: request.schema, at }),
        z.strictObject({ requests: z.array(request.schema).max(MOST_KEYS), at }),
      ]);
      const vectors = z.object({ vectors: z.array(vector.schema) });
      return {
        name: service.name,
        summary: `Reads feature vectors of ${service.name}: one, or many as of one instant.`,
        body: json(define(`FeatureBody_${service.name}`, body)),
        answers: {
          200: {
            ...json(define(`FeatureAnswer_${service.name}`, z.union([vector.schema, vectors]))),
            [VECTOR_BINARY_TYPE]: 'binary',
          },
        },
      };
    }),
  hot: (served, { mostWaitMs }) => hotFeatures(served, mostWaitMs),
  run: async ({ served }, { name, headers, body, trace }) => {
    const service = served.service(name);
    if (headers.accept !== VECTOR_BINARY_TYPE) return jsonText(await featureAnswer(served, service, body, trace));
    const bytes = await binaryAnswer(served, service, body, trace);
    return {
      status: 200,
      type: VECTOR_BINARY_TYPE,
      body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    };
  },
};

export function vectorSchema(features: z.ZodType): z.ZodType {
  return z.object({
    at: instantSchema,
    complete: z.boolean().describe('whether every feature has an answer'),
    features,
    missing: z
      .record(z.string(), z.enum(['nullKey', 'past', 'compute', 'slow', 'overflow', 'noRun']))
      .describe('the reason for each feature without an answer'),
    stale: z.array(z.string()).describe('lookups older than their freshness budget'),
    ages: agesSchema,
    degraded: z.boolean().describe('the online store may have lost writes and is being caught up'),
  });
}
