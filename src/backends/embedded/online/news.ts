import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import { fail } from '../../../base/errors/fail.ts';
import type { ChangedKey, StoreNews } from '../../../ports/online-store.ts';
import type { Entries } from './entries.ts';
import { changeKey, isDigested, LATEST_KEY } from './store-keys.ts';

/**
 * News of the writer's commits for the processes that read the store: the keys that each commit changed, none where it
 * switched a generation. A commit writes them in its own transaction, so that a reader's memory always matches the news
 * that it has read. Old commits are not kept.
 *
 * ```
 * latest = format sequence:varint fresh:f64     ; of the newest commit that changed a key; whatever arrived before fresh is in
 * change = format *(text(view) text(key))       ; of one commit
 *        / format-all                           ; too many keys to name
 * format = %x01     format-all = %x02
 * ```
 */
const FORMAT = 1;
const ALL = 2;

/** Commits that are kept: a reader that asks more seldom forgets all it holds. */
const KEPT = 64;
const LONGEST = 256 * 1_024;

const writer = new ByteWriter(4_096);
const reader = new ByteReader('the changes of a commit');

interface Latest {
  readonly sequence: number;
  readonly freshUntil: number;
}

/** The keys that a commit changes, which it writes with them. */
export class Changes {
  readonly #keys = new ByteWriter(4_096);
  /** Where the last key begins, and its view. */
  #last = 0;
  #lastView: string | null = null;
  #all = false;
  #generation = false;

  /** Notes a key of a view, by the place of its record. Hot path: the blocks of a key come one after the other. */
  note(viewId: string, record: Uint8Array): void {
    if (this.#all || this.#isLast(viewId, record)) return;
    // A digest in place of a long key means nothing to readers that know the key.
    if (isDigested(record) || this.#keys.length > LONGEST) {
      this.#all = true;
      return;
    }
    this.#keys.text(viewId);
    this.#last = this.#keys.length;
    this.#lastView = viewId;
    this.#keys.bytes(record.subarray(1));
  }

  /** Notes that a batch view has another generation: readers look again. */
  noteGeneration(): void {
    this.#generation = true;
  }

  /** Writes them, and up to when the tiles are fresh if that is known, within the commit's transaction. */
  write(entries: Entries, freshUntil?: number): void {
    const before = readLatest(entries);
    const fresh = freshUntil ?? before.freshUntil;
    const changed = this.#all || this.#generation || this.#keys.length > 0;
    if (!changed && fresh === before.freshUntil) return;
    const sequence = before.sequence + (changed ? 1 : 0);
    if (changed) this.#writeKeys(entries, sequence);
    writer.clear();
    writer.u8(FORMAT);
    writer.varint(sequence);
    writer.f64(fresh);
    entries.put(LATEST_KEY, writer.view());
  }

  #writeKeys(entries: Entries, sequence: number): void {
    writer.clear();
    writer.u8(this.#all ? ALL : FORMAT);
    if (!this.#all) writer.bytes(this.#keys.view());
    entries.put(changeKey(sequence), writer.view());
    entries.remove(changeKey(sequence - KEPT));
  }

  #isLast(viewId: string, record: Uint8Array): boolean {
    const from = this.#last - 1;
    const keys = this.#keys.view();
    if (viewId !== this.#lastView || keys.length - this.#last !== record.length - 1) return false;
    for (let i = 1; i < record.length; i += 1) if (keys[from + i] !== record[i]) return false;
    return true;
  }
}

/** The reader's side. */
export class NewsReader {
  readonly #entries: Entries;
  #latest: Latest | null = null;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /**
   * The news since the last call; null where there are none. LMDB's binding keeps the snapshot of a read until a timer
   * of 0 ms fires, which may be several turns later. So reads after this call, in the same turn, are of the same
   * commit. Hot path.
   */
  follow(): StoreNews | null {
    const before = this.#latest;
    const now = readLatest(this.#entries);
    if (now.sequence === before?.sequence && now.freshUntil === before.freshUntil) return null;
    this.#latest = now;
    return {
      freshUntil: now.freshUntil,
      changed: before === null ? null : this.#changed(before.sequence, now.sequence),
    };
  }

  #changed(from: number, to: number): readonly ChangedKey[] | null {
    if (to < from || to - from > KEPT) return null;
    const changed: ChangedKey[] = [];
    for (let sequence = from + 1; sequence <= to; sequence += 1) {
      const content = this.#entries.get(changeKey(sequence));
      if (content === undefined) return null;
      reader.reset(content);
      if (readFormat() === ALL) return null;
      while (reader.remaining > 0) changed.push({ viewId: reader.text(), key: reader.text() });
    }
    return changed;
  }
}

function readLatest(entries: Entries): Latest {
  const content = entries.get(LATEST_KEY);
  if (content === undefined) return { sequence: 0, freshUntil: Number.NEGATIVE_INFINITY };
  reader.reset(content);
  readFormat();
  return { sequence: reader.varint(), freshUntil: reader.f64() };
}

function readFormat(): number {
  const format = reader.u8();
  if (format !== FORMAT && format !== ALL)
    throw fail('BYTES_VERSION', { what: 'the changes of a commit', found: format, known: FORMAT });
  return format;
}
