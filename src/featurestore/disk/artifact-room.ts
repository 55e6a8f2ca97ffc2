import { fail } from '../../base/errors/fail.ts';

/** Share of the disk budget that artefacts may fill, with all other files besides log and history: the rest is kept for events. */
const MOST_SHARE = 1 / 2;

/** A measurement of the disk is used for this long, ms. */
const MEASURED_MS = 1_000;

export interface ArtifactRoomOptions {
  /** Budget of the whole environment, bytes; Infinity: none. */
  readonly bytes: number;
  /** Bytes in the directory besides log and history. */
  readonly elsewhere: () => number;
  /** Epoch ms. */
  readonly clock: () => number;
}

/** Disk space that is kept for one artefact. */
export interface RoomShare {
  /** Keeps this number of bytes more. Error: DISK_ARTIFACTS. */
  grow(bytes: number): void;
  /** The artefact is on the disk. */
  stored(): void;
  /** The artefact is not stored. */
  release(): void;
}

/**
 * The part of the disk budget that artefacts may fill. Each keeps its space before its first byte is written, so that no upload takes
 * the space of events: those are trimmed, or refused, by the budget of the whole.
 */
export class ArtifactRoom {
  readonly #options: ArtifactRoomOptions;
  readonly #most: number;
  #measured = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #kept = 0;

  constructor(options: ArtifactRoomOptions) {
    this.#options = options;
    this.#most = Math.floor(options.bytes * MOST_SHARE);
  }

  /** Keeps space for an artefact. Error: DISK_ARTIFACTS. */
  reserve(bytes: number): RoomShare {
    let own = 0;
    const grow = (more: number) => {
      this.#take(more);
      own += more;
    };
    const end = (stored: number) => {
      this.#kept -= own;
      this.#measured += stored;
      own = 0;
    };
    grow(bytes);
    return { grow, stored: () => end(own), release: () => end(0) };
  }

  #take(bytes: number): void {
    if (Number.isFinite(this.#most)) {
      const now = this.#options.clock();
      const isOld = Math.abs(now - this.#measuredAt) >= MEASURED_MS;
      // Space of removed files counts as free at once.
      if (isOld || this.#measured + this.#kept + bytes > this.#most) this.#measure(now);
      const kept = this.#measured + this.#kept;
      if (kept + bytes > this.#most) throw fail('DISK_ARTIFACTS', { bytes, kept, most: this.#most });
    }
    this.#kept += bytes;
  }

  #measure(now: number): void {
    this.#measured = this.#options.elsewhere();
    this.#measuredAt = now;
  }
}
