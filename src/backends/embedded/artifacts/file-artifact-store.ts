import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import { syncFolder } from '../../../files/sync-folder.ts';
import type { ArtifactStore, ByteRange, StagedContent } from '../../../ports/artifact-store.ts';

/** The folder of uploads that are not finished. */
const STAGING = 'staging';

/** Bytes that a stream of a file has at once. */
const CHUNK_BYTES = 2 ** 18;

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Artefacts as files `<first two digits>/<digest>` of a directory. Each is written under another name, synced, then
 * renamed, so that a file under its digest is whole after any crash. Several processes may write at once.
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
    // A damaged file is written again.
    if (found === null || sha256(found) !== digest) writeDurably(path, bytes);
    return digest;
  }

  get(digest: string): Uint8Array {
    if (!DIGEST.test(digest)) throw fail('ARTIFACT_UNKNOWN', { digest });
    const path = this.#path(digest);
    const bytes = readIfThere(path);
    if (bytes === null) throw fail('ARTIFACT_UNKNOWN', { digest });
    if (sha256(bytes) !== digest) throw fail('ARTIFACT_DAMAGED', { path });
    return bytes;
  }

  async stage(bytes: AsyncIterable<Uint8Array>): Promise<StagedContent> {
    const folder = join(this.#directory, STAGING);
    const beside = join(folder, `.${randomUUID()}`);
    try {
      await mkdir(folder, { recursive: true });
      const { digest, sizeBytes } = await writeStream(beside, bytes);
      return {
        digest,
        sizeBytes,
        commit: async () => moveDurably(beside, this.#path(digest)),
        discard: () => rm(beside, { force: true }),
      };
    } catch (error) {
      await rm(beside, { force: true });
      if (!isFileError(error)) throw error;
      throw fail('ARTIFACT_WRITE', { path: beside, reason: reasonOf(error) }, error);
    }
  }

  async size(digest: string): Promise<number | null> {
    if (!DIGEST.test(digest)) return null;
    try {
      return (await stat(this.#path(digest))).size;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw fail('ARTIFACT_READ', { path: this.#path(digest), reason: reasonOf(error) }, error);
    }
  }

  async read(digest: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    if ((await this.size(digest)) === null) throw fail('ARTIFACT_UNKNOWN', { digest });
    return range === undefined ? checked(this.#path(digest), digest) : part(this.#path(digest), range);
  }

  async *digests(): AsyncIterable<string> {
    for (const folder of await namesIn(this.#directory)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const name of await namesIn(join(this.#directory, folder))) if (DIGEST.test(name)) yield name;
    }
  }

  async erase(digest: string): Promise<void> {
    if (!DIGEST.test(digest)) return;
    try {
      await rm(this.#path(digest), { force: true });
    } catch (error) {
      throw fail('ARTIFACT_WRITE', { path: this.#path(digest), reason: reasonOf(error) }, error);
    }
  }

  async clearStaged(before: number): Promise<number> {
    let cleared = 0;
    const folders = (await namesIn(this.#directory)).map((name) => join(this.#directory, name));
    for (const folder of folders) {
      for (const name of await namesIn(folder)) {
        if (!name.startsWith('.')) continue;
        const path = join(folder, name);
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (mtimeMs >= before) continue;
        await rm(path, { force: true });
        cleared += 1;
      }
    }
    return cleared;
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
  const beside = join(dirname(path), `.${randomUUID()}`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeSynced(beside, bytes);
    moveDurably(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw fail('ARTIFACT_WRITE', { path, reason: reasonOf(error) }, error);
  }
}

/** Renames a synced file. The names are durable once the folders that hold them are. Error: ARTIFACT_WRITE. */
function moveDurably(beside: string, path: string): void {
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true });
    renameSync(beside, path);
    for (const each of [folder, dirname(folder)]) syncFolder(each);
  } catch (error) {
    rmSync(beside, { force: true });
    throw fail('ARTIFACT_WRITE', { path, reason: reasonOf(error) }, error);
  }
}

/** Writes and syncs a stream; takes its digest on the way. */
async function writeStream(path: string, bytes: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  let sizeBytes = 0;
  try {
    for await (const chunk of bytes) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      sizeBytes += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { digest: hash.digest('hex'), sizeBytes };
}

/** A whole file, whose last chunk comes only if the digest is right. Errors: ARTIFACT_DAMAGED, ARTIFACT_READ. */
async function* checked(path: string, digest: string): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let last: Uint8Array | null = null;
  for await (const chunk of part(path)) {
    hash.update(chunk);
    if (last !== null) yield last;
    last = chunk;
  }
  if (hash.digest('hex') !== digest) throw fail('ARTIFACT_DAMAGED', { path });
  if (last !== null) yield last;
}

async function* part(path: string, range?: ByteRange): AsyncIterable<Uint8Array> {
  const bounds = range === undefined ? {} : { start: range.from, end: range.to };
  try {
    for await (const chunk of createReadStream(path, { ...bounds, highWaterMark: CHUNK_BYTES })) yield chunk;
  } catch (error) {
    throw fail('ARTIFACT_READ', { path, reason: reasonOf(error) }, error);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw fail('ARTIFACT_READ', { path: folder, reason: reasonOf(error) }, error);
  }
}

function isAbsent(error: unknown): boolean {
  return isFileError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
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
