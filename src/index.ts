// The public module: the functions of a declaration, and its runtime, which is loaded where it is first called: a configuration
// that only declares does not wait for stores and servers.

import type { Headrace, OpenOptions } from './running/headrace.ts';
import type { Reader } from './running/reader.ts';
import type { RunningServer, ServerOptions } from './server/http-server.ts';

export { HeadraceError, isHeadraceError } from './base/errors/fail.ts';
export { type Config, defineConfig, type EnvironmentOptions } from './environment/config.ts';
export type { EventSourceData, FeatureServiceData, ModelData, ProjectData } from './features/define/declaration.ts';
export * from './features/define/declare.ts';
export {
  type FunctionModel,
  functionModel,
  type StreamContext,
  type StreamingModel,
  streamingModel,
} from './features/define/function-model.ts';
export type { DroppedEvent, IngestReport, RefusedEvent } from './featurestore/ingest/ingest-report.ts';
export type { Vector } from './featurestore/online/user-values.ts';
export type { SkewReport } from './featurestore/skew/skew-report.ts';
export type { JoinedSpine } from './featurestore/training-set/join-spine.ts';
export type { SpineOptions } from './featurestore/training-set/spine.ts';
export type { Diagnosis } from './gpu/diagnosis.ts';
export type { Cause, Evidence, Finding } from './gpu/finding.ts';
export { logLines as playbookLog } from './monitoring/cause/decision-text.ts';
export type { ModelOutcomes } from './monitoring/labels/project-labels.ts';
export type { BinaryQuality, RegressionQuality } from './monitoring/labels/quality.ts';
export type { ModelVersion } from './ports/model-registry.ts';
export type { PlaybookEntry } from './ports/playbook-store.ts';
export type { Rollout, RolloutEvent, RolloutState } from './ports/rollout-store.ts';
export type { ListedVersion } from './registry/listed-versions.ts';
export type { Headrace, OpenOptions } from './running/headrace.ts';
export type { Reader } from './running/reader.ts';
export type { RunningServer, ServerOptions } from './server/http-server.ts';
export type { BatchProgress } from './serving/batch/batch-progress.ts';
export type { BatchJob, BatchOptions, BatchSummary } from './serving/batch/start-batch.ts';
export type { PredictionRequest } from './serving/online/predict-many.ts';
export type { Prediction } from './serving/online/prediction.ts';
export type { Decision, RolloutControl, RolloutStatus } from './serving/rollout/rollout-control.ts';
export { type RolloutReport, rolloutReport } from './serving/rollout/rollout-report.ts';
export type { SpineTrainOptions, TrainOptions } from './training/training-runs.ts';
export { type OipUpstreamOptions, oipUpstream } from './versions/upstream/oip-upstream.ts';
export { type OpenAiUpstreamOptions, openAiUpstream } from './versions/upstream/openai-upstream.ts';

/** Opens a project: its stores, caught up with its log, and its champions, loaded and warm. */
export async function openHeadrace(options: OpenOptions): Promise<Headrace> {
  return (await import('./running/headrace.ts')).openHeadrace(options);
}

/** Opens a project to read vectors while another process writes it. Errors: READER_VIEW, those of the store. */
export async function openReader(options: OpenOptions): Promise<Reader> {
  return (await import('./running/reader.ts')).openReader(options);
}

/** Serves a project over HTTP. Errors: SERVER_ADDRESS, SIZE_TEXT. */
export async function startServer(headrace: Headrace, options: ServerOptions): Promise<RunningServer> {
  return (await import('./server/http-server.ts')).startServer(headrace, options);
}
