import type { ModelSignature } from './model-registry.ts';

/** A model in memory. `run` takes `rows` rows of the signature's features, row by row, NaN where one is missing; gives one score a row. */
export interface LoadedModel {
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Loads model files. Error: MODEL_FILE for bytes that are no model of the signature. */
export interface ModelRuntime {
  load(file: Uint8Array, signature: ModelSignature): Promise<LoadedModel>;
}
