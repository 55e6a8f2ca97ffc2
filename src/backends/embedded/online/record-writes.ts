import { type PartWrite, putParts } from './entity-records.ts';
import type { Entries } from './entries.ts';

/** Records that wait at most: a commit has more keys only where it catches up. */
const MOST_WAITING = 50_000;

/** The parts to write of a record. */
interface RecordWrite {
  readonly place: Uint8Array;
  readonly parts: PartWrite[];
}

/**
 * Puts the parts of records together within a commit, which has the keys of one view after those of another: a record that grows with each
 * view would be written as often, and leave pages half full.
 */
export class RecordWrites {
  readonly #entries: Entries;
  readonly #waiting = new Map<string, RecordWrite>();

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** Takes a part; place and content stay as they are until it is written. */
  add(place: Uint8Array, part: PartWrite): void {
    const id = Buffer.from(place.buffer, place.byteOffset, place.length).toString('latin1');
    const known = this.#waiting.get(id);
    if (known === undefined) this.#waiting.set(id, { place, parts: [part] });
    else replace(known.parts, part);
    if (this.#waiting.size > MOST_WAITING) this.write();
  }

  /** Writes all that waits, within the transaction. Errors: those of `putParts`. */
  write(): void {
    for (const { place, parts } of this.#waiting.values()) putParts(this.#entries, place, parts);
    this.#waiting.clear();
  }
}

/** The later one of a part counts. */
function replace(parts: PartWrite[], part: PartWrite): void {
  const known = parts.findIndex(({ view, attempt }) => view === part.view && attempt === part.attempt);
  if (known < 0) parts.push(part);
  else parts[known] = part;
}
