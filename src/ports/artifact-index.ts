/** A file under a path of the artefact tree. */
export interface IndexedFile {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** null: a folder. */
  readonly sizeBytes: number | null;
}

/** A user of a version, which keeps its files from the collector: `rollout/7`, `batch/…`. */
export interface Hold {
  readonly holder: string;
  readonly model: string;
  readonly version: number;
}

/**
 * The names of artefacts: paths that point at contents by digest.
 *
 * Rules (numbers follow those of `model-registry.ts`):
 *  12. a content is needed while a path, a version, a held version or a claim names it; `collect` erases none of these, whatever
 *      writers do at the same time;
 *  13. a claim, made before a content is written, lasts until a path names the content, or until it is older than `claimMs`;
 *  14. a version that somebody holds keeps its files when it is deleted.
 */
export interface ArtifactIndex {
  /** Keeps a content from the collector until `nameFile` or `register` names it. */
  claimContent(digest: string, at: number): Promise<void>;
  /** Points a path at a content, in place of another. */
  nameFile(file: IndexedFile, at: number): Promise<void>;
  file(path: string): Promise<IndexedFile | null>;
  /** The entries of a folder, by name; empty where there is none. */
  folder(path: string): Promise<readonly FolderEntry[]>;
  /** A file, or every file below a folder, by path. */
  filesUnder(path: string): Promise<readonly IndexedFile[]>;
  /** Removes a file, or every file below a folder, of those that were named before an instant; returns how many. */
  unnameFiles(path: string, before?: number): Promise<number>;
  /** Errors: REGISTRY_VERSION. */
  hold(hold: Hold): Promise<void>;
  release(holder: string): Promise<void>;
  holds(): Promise<readonly Hold[]>;
  /**
   * Erases those of the contents that nothing needs, and returns them. `erase` runs inside the transaction that looked, so that no
   * claim can come between. It must be repeatable.
   */
  collect(
    digests: readonly string[],
    options: { readonly now: number; readonly claimMs: number; readonly erase: (digest: string) => Promise<void> },
  ): Promise<readonly string[]>;
}
