// The functions that declare a project.

export {
  approxDistinct,
  count,
  distinct,
  first,
  last,
  lastN,
  max,
  maxOfDays,
  mean,
  meanOfDays,
  min,
  minOfDays,
  over,
  quantile,
  quantileOfDays,
  share,
  stddevPop,
  stddevSample,
  sum,
  topK,
  topKCounts,
  variancePop,
  varianceSample,
} from './aggregate-factories.ts';
export { type BatchInferenceOptions, batchInference } from './batch-inference.ts';
export { type BatchView, batchView, sql } from './batch-view.ts';
export { changeSource } from './change-source.ts';
export {
  bool,
  type Column,
  decimal,
  deprecated,
  embedding,
  float,
  int,
  int64,
  list,
  nullable,
  text,
  time,
} from './column-factories.ts';
export { type Entity, entity } from './entity.ts';
export { type Columns, type EventOf, type EventSource, eventSource } from './event-source.ts';
export {
  add,
  and,
  type Expr,
  eq,
  ge,
  gt,
  isNull,
  le,
  literal,
  lt,
  multiply,
  ne,
  not,
  or,
  subtract,
  when,
} from './expression-factories.ts';
export {
  apply,
  type FeatureService,
  type FeatureValues,
  featureService,
  lookup,
  orElse,
  type RequestOf,
} from './feature-service.ts';
export { type Model, model, type TrainingRow } from './model.ts';
export { type OnDemandView, onDemandView } from './on-demand-view.ts';
export { type Pipeline, pipeline } from './pipeline.ts';
export { defineProject, type Project } from './project.ts';
export { type LabelProxy, proxy } from './proxy.ts';
export type { FilesSinkOptions, ScoreSinkOptions, WebhookSinkOptions } from './score-sink.ts';
export { type ScoreSource, type ScoreSourceOptions, scoreSource } from './score-source.ts';
export { type StreamInference, type StreamInferenceOptions, streamInference } from './stream-inference.ts';
export { type StreamView, streamView } from './stream-view.ts';
