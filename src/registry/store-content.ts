import type { ArtifactIndex } from '../ports/artifact-index.ts';
import type { ArtifactStore, StoredContent } from '../ports/artifact-store.ts';

/** Where contents are kept, and who needs them. */
export interface ContentStores {
  readonly registry: Pick<ArtifactIndex, 'claimContent'>;
  readonly artifacts: ArtifactStore;
}

/**
 * Stores a content so that the collector leaves it alone until a path or a version names it: the claim comes before the content
 * is under its digest. `sizeBytes`: its length, where it is known. Errors: ARTIFACT_WRITE, DISK_ARTIFACTS, those of the registry and of the stream.
 */
export async function storeContent(
  { registry, artifacts }: ContentStores,
  bytes: AsyncIterable<Uint8Array>,
  at: number,
  sizeBytes?: number,
): Promise<StoredContent> {
  const staged = await artifacts.stage(bytes, sizeBytes);
  try {
    await registry.claimContent(staged.digest, at);
    await staged.commit();
  } catch (error) {
    await staged.discard();
    throw error;
  }
  return { digest: staged.digest, sizeBytes: staged.sizeBytes };
}

/** Bytes as a stream of one chunk. */
export async function* oneChunk(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
