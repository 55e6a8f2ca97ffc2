import type { PipelineData } from '../features/define/declaration.ts';
import type { ColumnSpec, Columns } from '../schema/column.ts';
import { valueToJson } from '../schema/value-json.ts';
import { vectorWriter, type WriteVectors } from '../schema/vector-binary.ts';
import type { PipelinePrediction } from '../serving/online/predict-pipeline.ts';
import { type Asked, ageText, askedOf, deadlineOf, type PredictionCall } from './prediction-answer.ts';
import type { PredictingProject } from './served-project.ts';

/** One call of a pipeline. */
export interface PipelineCall extends Omit<PredictionCall, 'model'> {
  readonly pipeline: PipelineData;
}

type Answers = Pick<PredictingProject, 'predictPipeline'>;

/** Answers a body `{id, request}` with one answer of a pipeline, `{requests}` with many. Errors: as `predictionText`, PIPELINE_*. */
export async function pipelineText(from: Answers, call: PipelineCall): Promise<string> {
  const asked = askedOf(call.body);
  const answers = await made(from, call, asked);
  const texts = answers.map((answer) => textOf(call.pipeline, answer));
  return asked.isMany ? `{"predictions":[${texts.join(',')}]}` : texts[0];
}

/** The same in the binary form of vectors: columns `id`, `version`, `missing`, `outputs.<name>` and `models.<name>.<member>`. */
export async function pipelineBytes(from: Answers, call: PipelineCall): Promise<Uint8Array> {
  const { pipeline } = call;
  const answers = await made(from, call, askedOf(call.body));
  const models = Object.keys(pipeline.models);
  const rows = answers.map(({ id, version, missing, outputs, models: scores, at, ages }) => ({
    at,
    ages,
    values: [
      id,
      version,
      missing,
      ...outputs,
      ...models.flatMap((alias) => {
        const { version: scored, cohort, rollout, score } = scores[alias];
        return [scored, cohort, rollout, score];
      }),
    ],
    missing: [],
    stale: [],
    degraded: false,
  }));
  return writerOf(pipeline)(rows);
}

function made(
  from: Answers,
  { pipeline, timeout, caller, signal, trace }: PipelineCall,
  { requests, at }: Asked,
): Promise<readonly PipelinePrediction[]> {
  return from.predictPipeline(pipeline, requests, { at, trace, deadline: deadlineOf(timeout), caller, signal });
}

function textOf(
  { outputs: columns }: PipelineData,
  { id, pipeline, version, outputs, models, at, ages, missing }: PipelinePrediction,
): string {
  const members = Object.entries(columns).map(([name, spec], i) => [name, valueToJson(spec)(outputs[i])]);
  const { streaming, batch } = ages;
  const answer = JSON.stringify({ outputs: Object.fromEntries(members), models });
  return `{"id":${JSON.stringify(id)},"pipeline":"${pipeline}","version":${version},${answer.slice(1, -1)},"at":${at},"ages":{"streaming":${ageText(streaming)},"batch":${ageText(batch)}},"missing":${missing}}`;
}

const writers = new WeakMap<PipelineData, WriteVectors>();

function writerOf(pipeline: PipelineData): WriteVectors {
  const known = writers.get(pipeline) ?? vectorWriter(columnsOf(pipeline));
  writers.set(pipeline, known);
  return known;
}

const whole: ColumnSpec = { type: 'int', nullable: false };
const name: ColumnSpec = { type: 'text', nullable: false };

function columnsOf({ outputs, models }: PipelineData): Columns {
  return Object.fromEntries<ColumnSpec>([
    ['id', name],
    ['version', whole],
    ['missing', whole],
    ...Object.entries(outputs).map(([output, spec]): [string, ColumnSpec] => [`outputs.${output}`, spec]),
    ...Object.keys(models).flatMap((alias): [string, ColumnSpec][] => [
      [`models.${alias}.version`, whole],
      [`models.${alias}.cohort`, name],
      [`models.${alias}.rollout`, { type: 'text', nullable: true }],
      [`models.${alias}.score`, { type: 'float', nullable: false }],
    ]),
  ]);
}
