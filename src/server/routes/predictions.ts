import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import { instantSchema, requestSchema } from '../column-schema.ts';
import { MOST_KEYS } from '../feature-answer.ts';
import { hotPredictions } from '../lean/hot-predictions.ts';
import { predictionBytes, predictionText } from '../prediction-answer.ts';
import { json, jsonText, type PredictRoute } from '../route.ts';
import { agesSchema } from './features.ts';

// The model judges its length, so that the code is the same however a prediction is asked for.
const idSchema = z.string().meta({ minLength: 1, description: 'the id that the label will name' });

const prediction = z.object({
  id: z.string(),
  model: z.string(),
  version: z.int(),
  cohort: z.enum(['champion', 'canary', 'baseline']).describe('of the caller in the rollout under way'),
  rollout: z.string().nullable().describe('the rollout under way; null: none'),
  score: z.number(),
  at: instantSchema,
  ages: agesSchema,
  missing: z.int().describe('features without an answer'),
});

const TIMEOUT_HEADER = 'headrace-timeout-ms';

/** Scores requests with a model, each by the version of its caller's cohort, and logs the predictions under their ids. */
export const predict: PredictRoute = {
  method: 'POST',
  path: '/v1/predictions/{model}',
  operationId: 'predict',
  tag: 'predictions',
  scopes: ['read'],
  access: 'predicts',
  page: {
    takes: `\`{id, request, at?}\`, or \`{requests: [{id, request}], at?}\` with up to ${MOST_KEYS.toLocaleString('en')}`,
    answers: `\`{id, model, version, cohort, rollout, score, at, ages, missing}\`, or \`{predictions}\`; binary with \`accept: ${VECTOR_BINARY_TYPE}\``,
  },
  errors: [
    'MODEL_UNKNOWN',
    'MODEL_NONE',
    'MODEL_BUSY',
    'MODEL_DEADLINE',
    'SERVER_BUSY',
    'SERVER_HEADER',
    'LOG_SIZE',
    'LOG_WRITE',
    'LOG_LOCKED',
    'DISK_DAY',
    'DISK_FULL',
  ],
  refusals: ['PREDICTION_VALUE'],
  shapes: ({ models }, define) => {
    const one = define('Prediction', prediction);
    const many = z.object({ predictions: z.array(one.schema) });
    const answer = json(define('Predictions', z.union([one.schema, many])));
    return models.map(({ name, service }) => {
      const request = define(`Request_${service.name}`, requestSchema(service.request)).schema;
      const at = instantSchema.optional();
      const asked = z.strictObject({ id: idSchema, request });
      const body = z.union([
        z.strictObject({ id: idSchema, request, at }),
        z.strictObject({ requests: z.array(asked).max(MOST_KEYS), at }),
      ]);
      return {
        name,
        summary: `Scores requests with ${name}: one, or many in one run.`,
        body: json(define(`PredictionBody_${name}`, body)),
        answers: { 200: { ...answer, [VECTOR_BINARY_TYPE]: 'binary' } },
      };
    });
  },
  hot: hotPredictions,
  run: async (predicting, { name, headers, body, trace }) => {
    const call = { model: predicting.model(name), body, timeout: timeoutOf(headers[TIMEOUT_HEADER]), trace };
    if (headers.accept !== VECTOR_BINARY_TYPE) return jsonText(await predictionText(predicting, call));
    const bytes = await predictionBytes(predicting, call);
    const { buffer, byteOffset, byteLength } = bytes;
    return { status: 200, type: VECTOR_BINARY_TYPE, body: Buffer.from(buffer, byteOffset, byteLength) };
  },
};

function timeoutOf(value: string | readonly string[] | undefined): string | null {
  if (value === undefined || typeof value === 'string') return value ?? null;
  throw fail('SERVER_HEADER', { header: TIMEOUT_HEADER, reason: 'it occurs more than once' });
}
