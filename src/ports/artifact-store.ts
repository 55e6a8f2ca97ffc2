import type { MaybePromise } from '../base/maybe-promise.ts';

/** Part of a file: bytes `from` to `to`, both included. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** A stored content. */
export interface StoredContent {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A content whose digest is known and that is not stored yet. */
export interface StagedContent extends StoredContent {
  /** Stores it durably under its digest, even where a content exists. Error: ARTIFACT_WRITE. */
  commit(): Promise<void>;
  /** Removes the staged bytes; nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Contents by their sha256 (64 hex digits).
 *
 * Rules:
 *  1. `put` returns when the bytes are durable; the same bytes have one digest and are kept once;
 *  2. `get` gives exactly the bytes of the digest: damage is ARTIFACT_DAMAGED, absence ARTIFACT_UNKNOWN;
 *  3. `stage` takes a stream of any length in constant memory; nothing is under the digest before `commit`, and an unfinished
 *     stream leaves nothing under any digest;
 *  4. `read` streams a content, or a range of it, in constant memory. Read whole, damage fails the stream (ARTIFACT_DAMAGED) before
 *     it ends;
 *  5. `erase` removes a content; removing what is not there is no error.
 */
export interface ArtifactStore {
  put(bytes: Uint8Array): MaybePromise<string>;
  get(digest: string): MaybePromise<Uint8Array>;
  /** `sizeBytes`: the length of the stream, where it is known. */
  stage(bytes: AsyncIterable<Uint8Array>, sizeBytes?: number): Promise<StagedContent>;
  /** Size of a content; null: it is not stored. */
  size(digest: string): Promise<number | null>;
  /** Errors: ARTIFACT_UNKNOWN; while reading ARTIFACT_DAMAGED, ARTIFACT_READ. */
  read(digest: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  digests(): AsyncIterable<string>;
  erase(digest: string): Promise<void>;
  /** Removes the remains of unfinished uploads from before `before` (epoch ms); returns how many. */
  clearStaged(before: number): Promise<number>;
}
