import type { ModelSignature } from './model-registry.ts';

/** A model in memory. */
export interface LoadedModel {
  /** Scores `rows` rows of the signature's features, row by row, NaN where one is missing; gives one score a row. */
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  /** Frees it. No run may be under way, and none follows. */
  close(): Promise<void>;
}

/**
 * Loads model files and runs them.
 *
 * Rules:
 *  1. bytes that are not a model of the signature (names, number of features, one float a row), are MODEL_FILE, on
 *     loading or on the first run;
 *  2. a row's score does not depend on other rows: batched, alone and replayed it has the same bits;
 *  3. loaded models are independent of each other, and loading one does not disturb the runs of others;
 *  4. loading and closing again and again does not use ever more memory;
 *  5. without the library that runs models, `ready` and `load` fail with MODEL_RUNTIME, which names the package.
 */
export interface ModelRuntime {
  /** Resolves where models can be loaded. Error: MODEL_RUNTIME. */
  ready(): Promise<void>;
  load(file: Uint8Array, signature: ModelSignature): Promise<LoadedModel>;
}
