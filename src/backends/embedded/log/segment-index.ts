/** An index has an entry for a frame about every 4 KiB. */
const EVERY_BYTES = 4_096;

/** Where some of a segment's frames begin, in memory: offset, position, and the greatest ingest time before. */
export class SegmentIndex {
  readonly #offsets: number[] = [];
  readonly #positions: number[] = [];
  readonly #ingestBefore: number[] = [];

  note(offset: number, position: number, ingestBefore: number): void {
    if (position < (this.#positions.at(-1) ?? Number.NEGATIVE_INFINITY) + EVERY_BYTES) return;
    this.#offsets.push(offset);
    this.#positions.push(position);
    this.#ingestBefore.push(ingestBefore);
  }

  /** Forgets the frames from a position on. */
  cutTo(position: number): void {
    const kept = firstAtLeast(this.#positions, position);
    this.#offsets.length = kept;
    this.#positions.length = kept;
    this.#ingestBefore.length = kept;
  }

  /** Position of a frame at or before the one that holds the offset. */
  positionOf(offset: number): number {
    return this.#positions[Math.max(0, firstAtLeast(this.#offsets, offset + 1) - 1)] ?? 0;
  }

  /** Position of a frame at or before the first that can hold an ingest time at or after the instant. */
  positionOfIngest(ingestTs: number): number {
    return this.#positions[Math.max(0, firstAtLeast(this.#ingestBefore, ingestTs) - 1)] ?? 0;
  }
}

function firstAtLeast(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
