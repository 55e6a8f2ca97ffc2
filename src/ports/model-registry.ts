import type { MaybePromise } from '../base/maybe-promise.ts';

/** The signature of a model: the features of its input tensor in order, and the name of its output. */
export interface ModelSignature {
  /** Names of service features, in the order of the input's columns. */
  readonly features: readonly string[];
  readonly input: string;
  readonly output: string;
  /** How its training set held numbers, by number: see registry/model-value.ts. Absent: decimals were integers, 12.09 was 1209. */
  readonly encoding?: number;
}

/** Where a version comes from. */
export interface ModelLineage {
  /** Hash of the project's declaration when it was trained. */
  readonly declaration: string;
  /** `name@version` of the feature service. */
  readonly service: string;
  readonly trainingSet: {
    readonly digest: string;
    readonly rows: number;
    readonly unlabelled: number;
    readonly from: number | null;
    readonly to: number | null;
    readonly mode: string;
    /** Features that were null, or one value, in all rows; absent in versions before they were noted. */
    readonly uniform?: readonly string[];
  };
  readonly trainer: Readonly<Record<string, unknown>>;
}

/** A version to register: it gets the next number. */
export interface NewModelVersion {
  readonly model: string;
  readonly signature: ModelSignature;
  readonly lineage: ModelLineage;
  readonly metrics: Readonly<Record<string, number>>;
  /** Digest of the model file. */
  readonly artifact: string;
  /** Digest of the parity vectors: inputs with the scores the trainer gave them. */
  readonly parity: string;
  readonly createdAt: number;
}

export interface ModelVersion extends NewModelVersion {
  readonly version: number;
}

export interface AliasMove {
  readonly alias: string;
  /** null: the alias was new. */
  readonly from: number | null;
  readonly to: number;
  readonly at: number;
}

/**
 * Models, their versions and the aliases that point at them.
 *
 * Rules:
 *  1. versions of a model are numbered 1, 2, … in the order of registration, whoever registers; a version never changes;
 *  2. an alias moves by compare-and-swap: if it does not point to `expected`, nothing changes (REGISTRY_MOVED);
 *  3. an alias points at a version that exists (REGISTRY_VERSION);
 *  4. every move is kept;
 *  5. acknowledged changes survive the process.
 */
export interface ModelRegistry {
  register(version: NewModelVersion): MaybePromise<ModelVersion>;
  models(): MaybePromise<readonly string[]>;
  versions(model: string): MaybePromise<readonly ModelVersion[]>;
  /** Error: REGISTRY_VERSION. */
  version(model: string, version: number): MaybePromise<ModelVersion>;
  /** The version an alias stands at; null if there is no such alias. */
  alias(model: string, alias: string): MaybePromise<number | null>;
  moveAlias(
    model: string,
    alias: string,
    move: { readonly expected: number | null; readonly to: number; readonly at: number },
  ): MaybePromise<void>;
  moves(model: string): MaybePromise<readonly AliasMove[]>;
  close(): MaybePromise<void>;
}
