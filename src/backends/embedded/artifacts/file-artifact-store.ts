import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import type { ArtifactStore } from '../../../ports/artifact-store.ts';
import { syncFolder } from '../sync-folder.ts';

/**
 * Artefacts as files `<first two digits>/<digest>` of a directory: written beside, synced, then renamed, so that a file
 * under its digest is whole whatever happens to the process. Several processes may write at once.
 */
export class FileArtifactStore implements ArtifactStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  put(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    const path = this.#path(digest);
    const found = readIfThere(path);
    // What lies there damaged is written anew.
    if (found === null || sha256(found) !== digest) writeDurably(path, bytes);
    return digest;
  }

  get(digest: string): Uint8Array {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw fail('ARTIFACT_UNKNOWN', { digest });
    const path = this.#path(digest);
    const bytes = readIfThere(path);
    if (bytes === null) throw fail('ARTIFACT_UNKNOWN', { digest });
    if (sha256(bytes) !== digest) throw fail('ARTIFACT_DAMAGED', { path });
    return bytes;
  }

  #path(digest: string): string {
    return join(this.#directory, digest.slice(0, 2), digest);
  }
}

/** The file's bytes; null where there is none. Error: ARTIFACT_READ. */
function readIfThere(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw fail('ARTIFACT_READ', { path, reason: reasonOf(error) }, error);
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const folder = dirname(path);
  const beside = join(folder, `.${randomUUID()}`);
  try {
    mkdirSync(folder, { recursive: true });
    writeSynced(beside, bytes);
    renameSync(beside, path);
    // The names are durable once the folders that hold them are.
    for (const each of [folder, dirname(folder)]) syncFolder(each);
  } catch (error) {
    rmSync(beside, { force: true });
    throw fail('ARTIFACT_WRITE', { path, reason: reasonOf(error) }, error);
  }
}

function writeSynced(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
