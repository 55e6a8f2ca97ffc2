import type { RecordVerdict } from '../../ports/record-verdicts.ts';

/** Verdicts that a ring keeps at most. */
const MOST = 2 ** 18;
const LEAST = 2 ** 10;

/** Verdicts without more to say, by their code. */
const PLAIN = [
  { verdict: 'accepted' },
  { verdict: 'late' },
  { verdict: 'future' },
  { verdict: 'blank' },
] as const satisfies readonly RecordVerdict[];
const DUPLICATE = PLAIN.length;

/** The newest verdicts of one partition, a byte each; a repeat has its first besides. */
export class VerdictRing {
  /** Offsets [begin, end). */
  begin: number;
  end: number;
  readonly #most: number;
  #codes: Uint8Array;
  readonly #firsts = new Map<number, number>();

  /** `most`: verdicts that it keeps at most, a power of 2. */
  constructor(begin: number, most = MOST) {
    this.begin = begin;
    this.end = begin;
    this.#most = most;
    this.#codes = new Uint8Array(Math.min(LEAST, most));
  }

  get bytes(): number {
    return this.#codes.length + 48 * this.#firsts.size;
  }

  /** Adds the verdict on the record at the end. */
  push(verdict: RecordVerdict): void {
    if (this.end - this.begin === this.#codes.length) this.#makeRoom();
    if (verdict.verdict === 'duplicate') this.#firsts.set(this.end, verdict.first);
    this.#codes[this.end % this.#codes.length] = codeOf(verdict);
    this.end += 1;
  }

  /** Those of [from, to), which it has. */
  slice(from: number, to: number): readonly RecordVerdict[] {
    const found: RecordVerdict[] = [];
    for (let offset = from; offset < to; offset += 1) {
      const code = this.#codes[offset % this.#codes.length];
      found.push(
        code === DUPLICATE ? { verdict: 'duplicate', first: this.#firsts.get(offset) ?? offset } : PLAIN[code],
      );
    }
    return found;
  }

  #makeRoom(): void {
    const { length } = this.#codes;
    if (length * 2 <= this.#most) {
      const codes = new Uint8Array(length * 2);
      for (let offset = this.begin; offset < this.end; offset += 1)
        codes[offset % codes.length] = this.#codes[offset % length];
      this.#codes = codes;
      return;
    }
    // Half at a time: the oldest go.
    this.begin += length / 2;
    for (const offset of this.#firsts.keys()) {
      if (offset >= this.begin) break;
      this.#firsts.delete(offset);
    }
  }
}

function codeOf({ verdict }: RecordVerdict): number {
  return verdict === 'duplicate' ? DUPLICATE : PLAIN.findIndex((plain) => plain.verdict === verdict);
}
