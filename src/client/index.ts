// The module `headrace/client`: small, without Node, without the server.

export type { CallOptions } from './call.ts';
export { ClientError, isClientError } from './client-error.ts';
export {
  type AnswerFor,
  type Client,
  type ClientOptions,
  type ClientPipelineAnswer,
  type ClientPrediction,
  type ClientPredictionRequest,
  type ClientReport,
  type ClientVector,
  createClient,
  type ReadOptions,
} from './create-client.ts';
export type { DeclaredProject } from './declared.ts';
