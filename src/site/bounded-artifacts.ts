import { resolve } from 'node:path';
import type { Environment } from '../environment/config.ts';
import { ArtifactRoom, type RoomShare } from '../featurestore/disk/artifact-room.ts';
import { bytesElsewhere } from '../featurestore/disk/bytes-elsewhere.ts';
import type { ArtifactStore, ByteRange, StagedContent } from '../ports/artifact-store.ts';

const rooms = new Map<string, ArtifactRoom>();

/** The one room of a directory in this process. */
export function roomOf({ directory, disk }: Pick<Environment, 'directory' | 'disk'>): ArtifactRoom {
  const path = resolve(directory);
  const bytes = disk.bytes ?? Number.POSITIVE_INFINITY;
  const key = `${path} ${bytes}`;
  const room = rooms.get(key) ?? new ArtifactRoom({ bytes, elsewhere: () => bytesElsewhere(path), clock: Date.now });
  rooms.set(key, room);
  return room;
}

/** Artefacts on the disk of the environment: each has its space in the disk budget before it is written, or is refused. */
export class BoundedArtifacts implements ArtifactStore {
  readonly #inner: ArtifactStore;
  readonly #room: ArtifactRoom;

  constructor(inner: ArtifactStore, room: ArtifactRoom) {
    this.#inner = inner;
    this.#room = room;
  }

  /** Error: DISK_ARTIFACTS. */
  async put(bytes: Uint8Array): Promise<string> {
    const share = this.#room.reserve(bytes.length);
    try {
      const digest = await this.#inner.put(bytes);
      share.stored();
      return digest;
    } catch (error) {
      share.release();
      throw error;
    }
  }

  get(digest: string) {
    return this.#inner.get(digest);
  }

  /** Error: DISK_ARTIFACTS, before the first byte where the size is known. */
  async stage(bytes: AsyncIterable<Uint8Array>, sizeBytes = 0): Promise<StagedContent> {
    const share = this.#room.reserve(sizeBytes);
    try {
      const staged = await this.#inner.stage(within(bytes, share, sizeBytes), sizeBytes);
      return {
        digest: staged.digest,
        sizeBytes: staged.sizeBytes,
        commit: async () => {
          await staged.commit();
          share.stored();
        },
        discard: async () => {
          await staged.discard();
          share.release();
        },
      };
    } catch (error) {
      share.release();
      throw error;
    }
  }

  size(digest: string) {
    return this.#inner.size(digest);
  }

  read(digest: string, range?: ByteRange) {
    return this.#inner.read(digest, range);
  }

  digests() {
    return this.#inner.digests();
  }

  erase(digest: string) {
    return this.#inner.erase(digest);
  }

  clearStaged(before: number) {
    return this.#inner.clearStaged(before);
  }
}

/** The bytes of a stream; beyond the size that it was said to have they take more room. Error: DISK_ARTIFACTS. */
async function* within(
  bytes: AsyncIterable<Uint8Array>,
  share: RoomShare,
  sizeBytes: number,
): AsyncIterable<Uint8Array> {
  let taken = 0;
  for await (const chunk of bytes) {
    const more = Math.max(0, taken + chunk.length - Math.max(taken, sizeBytes));
    if (more > 0) share.grow(more);
    taken += chunk.length;
    yield chunk;
  }
}
