import { fail } from '../../base/errors/fail.ts';
import type { ModelData, PipelineData } from '../../features/define/declaration.ts';
import type { ServedVector } from '../../featurestore/online/served-vector.ts';
import type { Value } from '../../schema/column.ts';
import { pipelineRun } from './pipeline-answer.ts';
import { type PredictingWith, type PredictionRequest, type PredictOptions, scoreMany } from './predict-many.ts';
import type { Prediction } from './prediction.ts';

/** The part of a model in an answer of a pipeline. */
export type PipelineScore = Pick<Prediction, 'version' | 'cohort' | 'rollout' | 'score'>;

/** One answer of a pipeline. */
export interface PipelinePrediction {
  readonly id: string;
  readonly pipeline: string;
  readonly version: number;
  /** In the declared order, as columns are inside. */
  readonly outputs: readonly Value[];
  /** By the names that the pipeline gives its models. */
  readonly models: Readonly<Record<string, PipelineScore>>;
  /** Of the features of the pipeline's service. */
  readonly at: number;
  readonly ages: Prediction['ages'];
  /** Features of that service without an answer. */
  readonly missing: number;
}

/** A pipeline, with its function compiled. */
interface OpenPipeline {
  readonly data: PipelineData;
  readonly run: ReturnType<typeof pipelineRun>;
}

/** The pipelines of a project in a process that makes predictions. */
export interface Pipelines {
  /** null: there is none of the name. */
  named(name: string): PipelineData | null;
  /** As `predictPipeline`. Error: MODEL_UNKNOWN. */
  predict(
    pipeline: Pick<PipelineData, 'name'>,
    requests: readonly PredictionRequest[],
    options?: PredictOptions,
  ): Promise<readonly PipelinePrediction[]>;
}

export function openPipelines(declared: readonly PipelineData[], usingOf: UsingOf): Pipelines {
  const open = new Map(declared.map((data): [string, OpenPipeline] => [data.name, { data, run: pipelineRun(data) }]));
  return {
    named: (name) => open.get(name)?.data ?? null,
    predict: async ({ name }, requests, options) => {
      const pipeline = open.get(name);
      if (pipeline === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: [...open.keys()] });
      return predictPipeline(usingOf, pipeline, requests, options);
    },
  };
}

/** The parts that make predictions of a model. */
type UsingOf = (model: ModelData) => PredictingWith;

/**
 * Answers requests by a pipeline: features are read once for each service, each model scores all requests in one run, and then
 * the function runs. Each model's predictions are in its log under the ids when this returns, and none are if something fails before. Errors: those of
 * `predictMany` for each model, PIPELINE_RUN, PIPELINE_OUTPUT.
 */
async function predictPipeline(
  usingOf: UsingOf,
  { data, run }: OpenPipeline,
  requests: readonly PredictionRequest[],
  { at, trace = null, ...waits }: PredictOptions = {},
): Promise<readonly PipelinePrediction[]> {
  const models = Object.entries(data.models);
  const vectors = new VectorsOf(data);
  const [[, first]] = models;
  const read = vectors.reading(usingOf(first).read);
  const joined: ServedVector[] = [];
  for (const { id, request } of requests) joined.push(await read(data.service, request, at, id, trace));
  const scored = await Promise.all(
    models.map(([, model]) => {
      const using = usingOf(model);
      return scoreMany({ ...using, read: vectors.reading(using.read) }, model, requests, {
        ...waits,
        at,
        trace,
      });
    }),
  );
  const answers = await Promise.all(
    requests.map(async ({ id, request }, i): Promise<PipelinePrediction> => {
      const rows = models.map(([alias], m) => [alias, scored[m].predictions[i]] as const);
      const scores = Object.fromEntries(rows.map(([alias, { score }]) => [alias, score]));
      const outputs = await run(request, joined[i].values, scores);
      const { at: asOf, ages, missing } = joined[i];
      const { name: pipeline, version } = data;
      return { id, pipeline, version, outputs, models: shown(rows), at: asOf, ages, missing: missing.length };
    }),
  );
  await Promise.all(scored.map((one) => one.log()));
  return answers;
}

function shown(rows: readonly (readonly [string, Prediction])[]): PipelinePrediction['models'] {
  return Object.fromEntries(
    rows.map(([alias, { version, cohort, rollout, score }]) => [alias, { version, cohort, rollout, score }]),
  );
}

/** The vectors of the pipeline's service: models that read the same service share them. */
class VectorsOf {
  readonly #pipeline: PipelineData;
  readonly #known = new Map<unknown, ServedVector>();

  constructor(pipeline: PipelineData) {
    this.#pipeline = pipeline;
  }

  /** Reads a vector once for each request of the pipeline's service; the request of another service has its own columns alone. */
  reading(read: PredictingWith['read']): (...call: Parameters<PredictingWith['read']>) => Promise<ServedVector> {
    return async (service, request, at, id, trace) => {
      const isOwn = service === this.#pipeline.service;
      const known = isOwn ? this.#known.get(request) : undefined;
      if (known !== undefined) return known;
      const vector = await read(service, isOwn ? request : only(request, service.request), at, id, trace);
      if (isOwn) this.#known.set(request, vector);
      return vector;
    };
  }
}

/** The columns of a request that another service reads. */
function only(request: unknown, columns: object): unknown {
  if (typeof request !== 'object' || request === null) return request;
  return Object.fromEntries(Object.entries(request).filter(([name]) => Object.hasOwn(columns, name)));
}
