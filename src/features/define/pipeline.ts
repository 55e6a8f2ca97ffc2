import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { typeText } from '../../schema/type-text.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type { ModelData, PipelineData } from './declaration.ts';
import type { FeatureService } from './feature-service.ts';
import { freeze } from './freeze.ts';
import type { Tags, ValueOf, Values } from './tag.ts';

/** A model as a pipeline needs it: the columns of its request are known. */
type PipelineModel = ModelData & { readonly service: { readonly inputs: Tags } };

/** Models by the names that the pipeline gives them. */
export type PipelineModels = Readonly<Record<string, PipelineModel>>;

/** Refuses models that read a column which the request of the pipeline has not, or has with another type. */
type ReadFrom<I extends Tags, M extends PipelineModels> = {
  readonly [K in keyof M]: [Unread<I, M[K]['service']['inputs']>] extends [never]
    ? unknown
    : `the request has no such column: ${Unread<I, M[K]['service']['inputs']>}`;
};

type Unread<I extends Tags, Asked extends Tags> = {
  [C in keyof Asked & string]: C extends keyof I ? (I[C] extends Asked[C] ? never : C) : C;
}[keyof Asked & string];

/** The argument of a pipeline's function. */
export interface PipelineInput<I extends Tags, F extends Tags, M extends PipelineModels> {
  readonly request: Values<I>;
  /** Features of the pipeline's service; null where one has no answer. */
  readonly features: { readonly [K in keyof F]: ValueOf<F[K]> | null };
  /** Scores by the name of the model in the pipeline: the probability of true, or the predicted value. */
  readonly scores: { readonly [K in keyof M]: number };
}

/** Features, then models, then a function: one answer of several models. */
export interface Pipeline<
  I extends Tags,
  F extends Tags,
  M extends PipelineModels,
  O extends Tags,
  N extends string = string,
> extends PipelineData {
  readonly name: N;
  readonly service: FeatureService<I, F>;
  readonly models: M;
  readonly outputTags: O;
}

export interface PipelineOptions<I extends Tags, F extends Tags, M extends PipelineModels, O extends ColumnMap> {
  /** Counts changes of its answers (1). */
  readonly version?: number;
  /** The request, and the features of the function. */
  readonly service: FeatureService<I, F>;
  /** Models to score; each may have its own service, whose request has columns of this one. */
  readonly models: M & ReadFrom<I, NoInfer<M>>;
  /** The columns of the answer. */
  readonly outputs: O;
  /** Computes the answer. Its predictions are in the log only if it succeeds. */
  readonly run: (input: PipelineInput<I, F, M>) => MaybePromise<Values<TagsOf<O>>>;
}

/** Declares a pipeline. Errors: NAME_TEXT, NAMES_NONE, PIPELINE_MODEL, PIPELINE_REQUEST. */
export function pipeline<
  I extends Tags,
  F extends Tags,
  const M extends PipelineModels,
  O extends ColumnMap,
  const N extends string = string,
>(name: N, options: PipelineOptions<I, F, M, O>): Pipeline<I, F, M, TagsOf<O>, N> {
  checkName('pipeline', name);
  checkNames('model', name, options.models);
  checkNames('output', name, options.outputs);
  const { service, outputs, run, version = 1 } = options;
  const models: M = options.models;
  checkModels(name, models);
  for (const [alias, model] of Object.entries(models)) checkRequest({ name, service }, alias, model);
  return freeze({
    kind: 'pipeline',
    name,
    version: checkVersion(name, version),
    service,
    models,
    outputs: columnSpecs(outputs),
    outputTags: columnTags(outputs),
    runText: run.toString(),
    run: run as unknown as PipelineData['run'],
  });
}

function checkModels(pipeline: string, models: PipelineModels): void {
  const all = Object.values(models);
  const twice = all.find((one, i) => all.findIndex(({ name }) => name === one.name) !== i);
  // Its prediction would be in the log twice, under one id.
  if (twice !== undefined) throw fail('PIPELINE_MODEL', { pipeline, model: twice.name });
}

function checkRequest({ name, service }: Pick<PipelineData, 'name' | 'service'>, alias: string, model: ModelData) {
  for (const [column, spec] of Object.entries(model.service.request)) {
    const given = Object.hasOwn(service.request, column) ? service.request[column] : undefined;
    if (given !== undefined && isReadAs(given, spec)) continue;
    throw fail('PIPELINE_REQUEST', { pipeline: name, model: alias, column, type: typeText(spec) });
  }
}

/** Whether each value of a column is one of another column. */
function isReadAs(given: ColumnSpec, asked: ColumnSpec): boolean {
  return typeText({ ...given, nullable: asked.nullable }) === typeText(asked) && (asked.nullable || !given.nullable);
}
