import { z } from 'zod';
import { parsedBody } from '../body.ts';
import { instantSchema, requestSchema } from '../column-schema.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';
import { agesSchema } from './features.ts';

const predictionBody = z.strictObject({
  // The model judges its length, so that the code is the same however a prediction is asked for.
  id: z.string().meta({ minLength: 1, description: 'the id that the label will name' }),
  request: z.unknown(),
  at: instantSchema.optional(),
});

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

/** Scores a request with the champion of a model, and logs the prediction under its id. */
export const predict: WriteRoute = {
  method: 'POST',
  path: '/v1/predictions/{model}',
  operationId: 'predict',
  tag: 'predictions',
  scopes: ['read'],
  access: 'writes',
  page: { takes: '`{id, request, at?}`', answers: '`{id, model, version, cohort, rollout, score, at, ages, missing}`' },
  errors: ['MODEL_UNKNOWN', 'MODEL_NONE', 'MODEL_BUSY', 'LOG_SIZE', 'LOG_WRITE', 'LOG_LOCKED', 'DISK_DAY', 'DISK_FULL'],
  refusals: ['PREDICTION_VALUE'],
  shapes: ({ models }, define) => {
    const answer = json(define('Prediction', prediction));
    return models.map(({ name, service }) => {
      const request = define(`Request_${service.name}`, requestSchema(service.request));
      return {
        name,
        summary: `Scores one request with the champion of ${name}.`,
        body: json(define(`PredictionBody_${name}`, predictionBody.extend({ request: request.schema }))),
        answers: { 200: answer },
      };
    });
  },
  run: async ({ headrace }, { name, body, trace }) => {
    const model = headrace.model(name);
    const { id, request, at } = parsedBody(predictionBody, body);
    return jsonAnswer(await headrace.predict(model, id, request, { at, trace }));
  },
};
