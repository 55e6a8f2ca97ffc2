import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, PipelineData } from '../../features/define/declaration.ts';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import { featuresSchema, instantSchema, requestSchema } from '../column-schema.ts';
import { MOST_KEYS } from '../feature-answer.ts';
import { hotPredictions } from '../lean/hot-predictions.ts';
import { pipelineBytes, pipelineText } from '../pipeline-answer.ts';
import { predictionBytes, predictionText } from '../prediction-answer.ts';
import { type Component, type Define, json, jsonText, type PredictRoute } from '../route.ts';
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
  changes: 'served',
  access: 'predicts',
  page: {
    takes: `\`{id, request, at?}\`, or \`{requests: [{id, request}], at?}\` with up to ${MOST_KEYS.toLocaleString('en')}`,
    answers: `\`{id, model, version, cohort, rollout, score, at, ages, missing}\`, or \`{predictions}\`; of a pipeline \`outputs\` and \`models\`; binary with \`accept: ${VECTOR_BINARY_TYPE}\``,
  },
  errors: [
    'MODEL_UNKNOWN',
    'MODEL_NONE',
    'MODEL_BUSY',
    'MODEL_CELL',
    'MODEL_DEADLINE',
    'MODEL_LEFT',
    'SERVER_BUSY',
    'SERVER_HEADER',
    'LOG_SIZE',
    'LOG_WRITE',
    'LOG_LOCKED',
    'DISK_DAY',
    'DISK_FULL',
    'PIPELINE_RUN',
    'PIPELINE_OUTPUT',
  ],
  refusals: ['PREDICTION_VALUE', 'INSTANT_UNIT', 'INSTANT_VALUE'],
  shapes: ({ models, pipelines = [] }, define) => {
    const one = define('Prediction', prediction);
    const many = z.object({ predictions: z.array(one.schema) });
    const answer = json(define('Predictions', z.union([one.schema, many])));
    return [
      ...models.map(({ name, service }) => ({
        name,
        summary: `Scores requests with ${name}: one, or many in one run.`,
        body: json(bodyOf(name, service, define)),
        answers: { 200: { ...answer, [VECTOR_BINARY_TYPE]: 'binary' as const } },
      })),
      ...pipelines.map((pipeline) => ({
        name: pipeline.name,
        summary: `Answers requests by the pipeline ${pipeline.name}: one, or many in one run of each model.`,
        body: json(bodyOf(pipeline.name, pipeline.service, define)),
        answers: { 200: { ...pipelineAnswer(pipeline, define), [VECTOR_BINARY_TYPE]: 'binary' as const } },
      })),
    ];
  },
  hot: hotPredictions,
  run: async (predicting, { name, headers, body, caller, gone, trace }) => {
    const call = { body, timeout: timeoutOf(headers[TIMEOUT_HEADER]), caller, signal: gone(), trace };
    const pipeline = predicting.pipeline(name);
    if (headers.accept !== VECTOR_BINARY_TYPE)
      return jsonText(
        await (pipeline === null
          ? predictionText(predicting, { ...call, model: predicting.model(name) })
          : pipelineText(predicting, { ...call, pipeline })),
      );
    const { buffer, byteOffset, byteLength } = await (pipeline === null
      ? predictionBytes(predicting, { ...call, model: predicting.model(name) })
      : pipelineBytes(predicting, { ...call, pipeline }));
    return { status: 200, type: VECTOR_BINARY_TYPE, body: Buffer.from(buffer, byteOffset, byteLength) };
  },
};

function bodyOf(name: string, service: FeatureServiceData, define: Define): Component {
  const request = define(`Request_${service.name}`, requestSchema(service.request)).schema;
  const at = instantSchema.optional();
  const asked = z.strictObject({ id: idSchema, request });
  const body = z.union([
    z.strictObject({ id: idSchema, request, at }),
    z.strictObject({ requests: z.array(asked).max(MOST_KEYS), at }),
  ]);
  return define(`PredictionBody_${name}`, body);
}

const { version, cohort, rollout, score } = prediction.shape;

/** The answer of a pipeline: its outputs, and the part of each model. */
function pipelineAnswer({ name, outputs, models }: PipelineData, define: Define) {
  const columns = Object.entries(outputs).map(([output, type]) => ({ name: output, type }));
  const scored = z.object({ version, cohort, rollout, score });
  const schema = prediction.omit({ model: true, cohort: true, rollout: true, score: true }).extend({
    pipeline: z.string(),
    outputs: featuresSchema(columns),
    models: z.object(Object.fromEntries(Object.keys(models).map((alias) => [alias, scored]))),
  });
  const one = define(`Answer_${name}`, schema);
  return json(define(`Answers_${name}`, z.union([one.schema, z.object({ predictions: z.array(one.schema) })])));
}

function timeoutOf(value: string | readonly string[] | undefined): string | null {
  if (value === undefined || typeof value === 'string') return value ?? null;
  throw fail('SERVER_HEADER', { header: TIMEOUT_HEADER, reason: 'it occurs more than once' });
}
