import { fail } from '../../src/base/errors/fail.ts';
import { sha256Hex } from '../../src/base/hash/sha256.ts';
import type { ArtifactStore, ByteRange, StagedContent } from '../../src/ports/artifact-store.ts';

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

  async stage(bytes: AsyncIterable<Uint8Array>): Promise<StagedContent> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk.slice());
    const whole = joined(chunks);
    const digest = sha256Hex(whole);
    const commit = async () => void this.#files.set(digest, whole);
    return { digest, sizeBytes: whole.length, commit, discard: async () => undefined };
  }

  async size(digest: string): Promise<number | null> {
    return this.#files.get(digest)?.length ?? null;
  }

  async read(digest: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const bytes = this.get(digest);
    const part = range === undefined ? bytes : bytes.slice(range.from, range.to + 1);
    return (async function* () {
      yield part;
    })();
  }

  async *digests(): AsyncIterable<string> {
    yield* [...this.#files.keys()];
  }

  async erase(digest: string): Promise<void> {
    this.#files.delete(digest);
  }

  async clearStaged(): Promise<number> {
    return 0;
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
