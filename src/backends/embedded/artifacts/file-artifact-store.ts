import { createHash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import type { ArtifactStore } from '../../../ports/artifact-store.ts';

/** Artefacts as files `<first two digits>/<digest>` of a directory: written beside, synced, then renamed. */
export class FileArtifactStore implements ArtifactStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  put(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    const path = this.#path(digest);
    if (existsSync(path)) return digest;
    const folder = join(this.#directory, digest.slice(0, 2));
    const beside = join(folder, `.${randomUUID()}`);
    try {
      mkdirSync(folder, { recursive: true });
      const file = openSync(beside, 'wx');
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(beside, path);
      syncFolder(folder);
    } catch (error) {
      throw fail('ARTIFACT_WRITE', { path, reason: error instanceof Error ? error.message : String(error) }, error);
    }
    return digest;
  }

  get(digest: string): Uint8Array {
    const path = this.#path(digest);
    if (!/^[0-9a-f]{64}$/.test(digest) || !existsSync(path)) throw fail('ARTIFACT_UNKNOWN', { digest });
    const bytes = readFileSync(path);
    if (sha256(bytes) !== digest) throw fail('ARTIFACT_DAMAGED', { path });
    return bytes;
  }

  #path(digest: string): string {
    return join(this.#directory, digest.slice(0, 2), digest);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
