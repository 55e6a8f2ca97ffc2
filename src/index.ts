// What users import. The declaration API:

export { HeadraceError, isHeadraceError } from './base/errors/fail.ts';
export { type Config, defineConfig, type EnvironmentOptions } from './config.ts';
export {
  approxDistinct,
  count,
  distinct,
  first,
  last,
  lastN,
  max,
  mean,
  min,
  over,
  quantile,
  share,
  stddevPop,
  stddevSample,
  sum,
  topK,
  variancePop,
  varianceSample,
} from './features/define/aggregate-factories.ts';
export { type BatchView, batchView, sql } from './features/define/batch-view.ts';
export {
  bool,
  type Column,
  decimal,
  float,
  int,
  int64,
  list,
  nullable,
  text,
  time,
} from './features/define/column-factories.ts';
export { type Entity, entity } from './features/define/entity.ts';
export { type Columns, type EventOf, type EventSource, eventSource } from './features/define/event-source.ts';
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
} from './features/define/expression-factories.ts';
export {
  apply,
  type FeatureService,
  type FeatureValues,
  featureService,
  lookup,
  orElse,
  type RequestOf,
} from './features/define/feature-service.ts';
export { type Model, model, type TrainingRow } from './features/define/model.ts';
export { type OnDemandView, onDemandView } from './features/define/on-demand-view.ts';
export { defineProject, type Project } from './features/define/project.ts';
export { type StreamView, streamView } from './features/define/stream-view.ts';
export type { IngestReport, RefusedEvent } from './featurestore/ingest/gateway.ts';
export type { Vector } from './featurestore/online/user-values.ts';
export type { SkewReport } from './featurestore/skew/audit.ts';
// What runs them:
export { Headrace, type OpenOptions, openHeadrace, type PredictionRequest, type TrainOptions } from './headrace.ts';
export type { ModelVersion } from './ports/model-registry.ts';
export type { Prediction } from './serving/online/prediction-log.ts';
