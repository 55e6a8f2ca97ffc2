import type { ArtifactIndex } from './artifact-index.ts';
import type { LoggedModels } from './logged-models.ts';
import type { Page, PageQuery } from './registry-query.ts';
import type { KeyText, TrackingStore } from './tracking-store.ts';
import type { WebhookStore } from './webhook-store.ts';

/** The signature of a model: the features of its input tensor in order, and the name of its output. */
export interface ModelSignature {
  /** Names of service features, in the order of the input's columns. */
  readonly features: readonly string[];
  readonly input: string;
  readonly output: string;
  /** How its training set held numbers, by number: see model/model-value.ts. Absent: decimals were integers, 12.09 was 1209. */
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
  /** Digest of the profiles of its training set, by chunk; absent in versions before they were made. */
  readonly reference?: string;
  /** The run that trained it: its attempts, their seconds and cost together; absent in versions before it was noted. */
  readonly run?: { readonly attempts: number; readonly seconds: number; readonly cost: number };
  /** The decision of the playbook that ordered it; absent where a person did. */
  readonly decision?: string;
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

/** A change of an alias, as it is kept. */
export interface AliasMove {
  readonly alias: string;
  /** null: the alias was new. */
  readonly from: number | null;
  /** null: the alias was removed. */
  readonly to: number | null;
  readonly at: number;
  /** Empty: nobody said. */
  readonly who: string;
  readonly why: string;
}

/** A change of an alias to make. */
export interface AliasChange {
  /** Where the alias must point before; null: it must not exist; 'any': wherever it points. */
  readonly expected: number | null | 'any';
  /** null: remove it. */
  readonly to: number | null;
  readonly at: number;
  readonly who?: string | undefined;
  readonly why?: string | undefined;
}

export type VersionStage = 'None' | 'Staging' | 'Production' | 'Archived';
export type VersionStatus = 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY';

/** A version of any origin. Times are epoch ms. */
export interface VersionRecord {
  readonly model: string;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The one who registered it; empty: nobody said. */
  readonly user: string;
  readonly stage: VersionStage;
  readonly description: string;
  /** Where its files are: `mlflow-artifacts:/…`, `models:/m-…`; empty for a version that a training job made. */
  readonly source: string;
  readonly run: string;
  readonly runLink: string;
  readonly loggedModel: string;
  readonly status: VersionStatus;
  readonly statusMessage: string;
  readonly tags: readonly KeyText[];
  readonly aliases: readonly string[];
  /** Its seal when each alias was set (see registry/version-seal.ts); aliases from before seals have none. */
  readonly seals: readonly AliasSeal[];
  /** Digest over its files (see registry/manifest-digest.ts); null: none of its files is kept here. */
  readonly digest: string | null;
  /** Its files when it was registered; they stay whatever is later written under the same paths. */
  readonly files: readonly VersionFile[];
  /** The version as a training job registered it; null: it was logged by another program. */
  readonly trained: ModelVersion | null;
}

/** The digest of a version that an alias was set for. */
export interface AliasSeal {
  readonly alias: string;
  readonly seal: string;
}

/** A file of a version: path relative to its source, digest of the content. */
export interface VersionFile {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A version to register for another program. */
export interface NewVersionRecord {
  readonly model: string;
  readonly source: string;
  readonly run: string;
  readonly runLink: string;
  readonly loggedModel: string;
  readonly user: string;
  readonly description: string;
  readonly tags: readonly KeyText[];
  readonly files: readonly VersionFile[];
  readonly digest: string | null;
  readonly at: number;
}

/** A model and what is said of it. */
export interface RegisteredModel {
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tags: readonly KeyText[];
  readonly aliases: readonly { readonly alias: string; readonly version: number }[];
  /** The newest version of each stage. */
  readonly latest: readonly VersionRecord[];
}

/** A condition on a version that must hold before an alias may point at it. */
export interface Gate {
  readonly model: string;
  readonly alias: string;
  readonly name: string;
  /** check: a program says so. approval: a person does, and not the one who registered the version. */
  readonly kind: 'check' | 'approval';
  /** The people who may approve; empty: anybody but the author. */
  readonly people: readonly string[];
  /** A verdict counts for this long, ms; null: for ever. */
  readonly validMs: number | null;
}

/** A decision about a version at a gate. The newest of a gate counts. */
export interface Verdict {
  readonly gate: string;
  readonly passed: boolean;
  readonly who: string;
  readonly at: number;
  readonly note: string;
}

/**
 * Models, their versions and the aliases that point at them; with experiments, runs and artefacts.
 *
 * Rules:
 *  1. versions of a model are numbered 1, 2, … in the order of registration, whoever registers; a number is never used again, and
 *     what a version is made of never changes;
 *  2. an alias moves by compare-and-swap: if it does not point to `expected`, nothing changes (REGISTRY_MOVED);
 *  3. an alias points at a version that exists (REGISTRY_VERSION). A version is not deleted while `champion`, an alias with gates or a
 *     hold needs it (REGISTRY_NEEDED); its other aliases are removed with it, each a move;
 *  4. every move is kept, with who made it and why;
 *  5. acknowledged changes survive the process, and are seen by every other one that has the registry open;
 *  6. to 10. are those of the tracking store and of logged models;
 *  11. an alias with gates moves only to a version that passed all of them, whoever asks (REGISTRY_GATE), and never wherever it
 *      points: `expected` is then needed (REGISTRY_EXPECTED);
 *  12. to 14. are those of the artefact index, 15. that of webhooks;
 *  16. while an alias points at a model or somebody holds a version, the model is neither renamed nor deleted. While an alias, a hold
 *      or a verdict counts on a version, its tags that say how it scores do not change (REGISTRY_SEALED);
 *  17. a move keeps the seal of the version that it sets the alias to.
 */
export interface ModelRegistry extends TrackingStore, LoggedModels, ArtifactIndex, WebhookStore {
  /** Registers a version that a training job made; makes the model if it is new. */
  register(version: NewModelVersion): Promise<ModelVersion>;
  models(): Promise<readonly string[]>;
  /** Versions that training jobs made. */
  versions(model: string): Promise<readonly ModelVersion[]>;
  /** Numbers of all versions of a model, whoever registered them, ascending. */
  versionNumbers(model: string): Promise<readonly number[]>;
  /** Errors: REGISTRY_VERSION; REGISTRY_FOREIGN for one that another program logged. */
  version(model: string, version: number): Promise<ModelVersion>;
  /** The version an alias points at; null if there is no such alias. */
  alias(model: string, alias: string): Promise<number | null>;
  /** Errors: REGISTRY_MOVED, REGISTRY_VERSION, REGISTRY_GATE, REGISTRY_EXPECTED. */
  moveAlias(model: string, alias: string, change: AliasChange): Promise<void>;
  moves(model: string): Promise<readonly AliasMove[]>;

  createModel(model: {
    readonly name: string;
    readonly description: string;
    readonly tags: readonly KeyText[];
    readonly at: number;
  }): Promise<RegisteredModel>;
  model(name: string): Promise<RegisteredModel | null>;
  describeModel(name: string, description: string, at: number): Promise<void>;
  /** Errors: REGISTRY_ABSENT, REGISTRY_EXISTS, REGISTRY_SEALED. */
  renameModel(name: string, to: string, at: number): Promise<void>;
  /** Its versions go with it. Errors: REGISTRY_ABSENT, REGISTRY_SEALED, REGISTRY_NEEDED where one is held. */
  deleteModel(name: string): Promise<void>;
  tagModel(name: string, tag: KeyText): Promise<void>;
  untagModel(name: string, key: string): Promise<void>;
  searchModels(query: PageQuery): Promise<Page<RegisteredModel>>;

  createVersion(version: NewVersionRecord): Promise<VersionRecord>;
  versionRecord(model: string, version: number): Promise<VersionRecord | null>;
  describeVersion(model: string, version: number, description: string, at: number): Promise<void>;
  /** Its aliases go with it, but one that serves stops it. Errors: REGISTRY_VERSION, REGISTRY_NEEDED. */
  deleteVersion(model: string, version: number, change: Pick<AliasChange, 'at' | 'who' | 'why'>): Promise<void>;
  tagVersion(model: string, version: number, tag: KeyText, at: number): Promise<void>;
  untagVersion(model: string, version: number, key: string, at: number): Promise<void>;
  stageVersion(
    model: string,
    version: number,
    change: { readonly stage: VersionStage; readonly archiveOthers: boolean; readonly at: number },
  ): Promise<void>;
  /** The newest version of each of the stages. Error: REGISTRY_ABSENT. */
  latestVersions(model: string, stages: readonly VersionStage[]): Promise<readonly VersionRecord[]>;
  /** The records have no files. */
  searchVersions(query: PageQuery): Promise<Page<VersionRecord>>;

  setGate(gate: Gate): Promise<void>;
  removeGate(model: string, alias: string, name: string): Promise<void>;
  gates(model: string): Promise<readonly Gate[]>;
  /** Errors: REGISTRY_VERSION, REGISTRY_VERDICT. */
  addVerdict(model: string, version: number, verdict: Verdict): Promise<void>;
  verdicts(model: string, version: number): Promise<readonly Verdict[]>;

  close(): Promise<void>;
}
