import { fail } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';

/** Artefacts in memory: the definition of the port. Nothing survives the process. */
export class MemoryArtifactStore implements ArtifactStore {
  readonly #files = new Map<string, Uint8Array>();

  put(bytes: Uint8Array): string {
    const digest = sha256Hex(bytes);
    this.#files.set(digest, bytes.slice());
    return digest;
  }

  get(digest: string): Uint8Array {
    const bytes = this.#files.get(digest);
    if (bytes === undefined) throw fail('ARTIFACT_UNKNOWN', { digest });
    return bytes.slice();
  }
}
