import type { MaybePromise } from '../base/maybe-promise.ts';

/**
 * Files by the sha256 of their content (64 hex digits).
 *
 * Rules:
 *  1. `put` returns when the bytes are durable; the same bytes have one digest and are kept once;
 *  2. `get` gives exactly the bytes of the digest: damage is ARTIFACT_DAMAGED, absence ARTIFACT_UNKNOWN.
 */
export interface ArtifactStore {
  put(bytes: Uint8Array): MaybePromise<string>;
  get(digest: string): MaybePromise<Uint8Array>;
}
