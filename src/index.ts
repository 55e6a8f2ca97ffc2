// What users import. The declaration API:
export { text, int, int64, float, bool, time, decimal, list, nullable, type Column } from './features/define/column-factories.ts';
export { entity, type Entity } from './features/define/entity.ts';
export { eventSource, type EventSource, type EventOf, type Columns } from './features/define/event-source.ts';
export { eq, ne, lt, le, gt, ge, and, or, not, isNull, when, add, subtract, multiply, literal, type Expr } from './features/define/expression-factories.ts';
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
export { streamView, type StreamView } from './features/define/stream-view.ts';
export { batchView, sql, type BatchView } from './features/define/batch-view.ts';
export { onDemandView, type OnDemandView } from './features/define/on-demand-view.ts';
export { featureService, lookup, apply, orElse, type FeatureService, type FeatureValues, type RequestOf } from './features/define/feature-service.ts';
export { model, type Model, type TrainingRow } from './features/define/model.ts';
export { defineProject, type Project } from './features/define/project.ts';
export { HeadraceError, isHeadraceError } from './base/errors/fail.ts';
export { defineConfig, type Config, type EnvironmentOptions } from './config.ts';
