import { fail, type HeadraceError } from '../../../base/errors/fail.ts';
import type { StoreCheck } from '../../../ports/online-store.ts';
import { checkFile, checkToOpen, type FileCheck } from './check-file.ts';
import { isSealed } from './entry-sum.ts';
import { entityOf } from './former-keys.ts';
import { KeyFilter } from './key-filter.ts';
import { type CheckedPages, uncheckedPages } from './page-check.ts';
import { type AllWhole, type BranchesWhole, Scrub, type ScrubStopped } from './scrub.ts';
import { FORMAT_KEY } from './store-keys.ts';

/** Files of up to 4 MiB are checked whole before they are opened; the pages of others before they are used. */
const WHOLE_BYTES = 2 ** 22;

/**
 * How far the file of a store is checked. It owns the thread that checks the pages of a large file, the damage that the thread
 * finds, and the filter of the file's keys.
 */
export class CheckedFile {
  /** Pages that are checked before their first use; null: all were checked before the file was opened. */
  readonly pages: CheckedPages | null;
  /** Of the writer, which alone adds keys. */
  readonly filter: KeyFilter | null;
  readonly #file: string;
  readonly #found: FileCheck;
  #scrub: Scrub | null = null;
  #isDone: boolean;
  #damage: HeadraceError | null = null;
  #unchecked: string | null = null;

  /** Checks the pages that opening uses. Error: STORE_CORRUPT. */
  constructor(file: string, access: 'write' | 'read') {
    const filter = access === 'write' ? new KeyFilter() : null;
    this.filter = filter;
    this.#file = file;
    this.#found =
      filter === null
        ? checkFile(file, { kind: 'roots' })
        : checkToOpen(file, (key, value) => isSound(key, value) && noted(filter, key), WHOLE_BYTES);
    this.pages = filter === null || this.#found.isWhole ? null : uncheckedPages(this.#found.pages);
    this.#isDone = this.pages === null;
  }

  /**
   * Starts the check of all pages, where not all are checked. Resolves when LMDB may write: a branch or a free page that is wrong would
   * have it overwrite others. null: at once. Rejects with STORE_CORRUPT.
   */
  scrub(): Promise<void> | null {
    if (this.pages === null) return null;
    // A record and some blocks of a key, about.
    const scrub = new Scrub(this.#file, this.pages, this.#found.entries / 4);
    this.#scrub = scrub;
    void scrub.ended.then((answer) => this.#ended(answer));
    return scrub.branches.then((answer) => this.#branches(answer));
  }

  #branches(answer: BranchesWhole | ScrubStopped): void {
    if (answer.kind === 'damaged') throw this.#damaged(answer.reason);
    // Without the thread the branches are checked here: nothing may be written before.
    if (answer.kind === 'failed') checkFile(this.#file, { kind: 'branches' });
  }

  #ended(answer: AllWhole | ScrubStopped): void {
    if (answer.kind === 'damaged') this.#damage = this.#damaged(answer.reason);
    if (answer.kind === 'failed') this.#unchecked = answer.reason;
    if (answer.kind !== 'whole') return;
    this.filter?.absorb(answer.layers);
    this.#isDone = true;
  }

  #damaged(reason: string): HeadraceError {
    return fail('STORE_CORRUPT', { path: this.#file, reason });
  }

  /** Whether the store certainly has nothing of the key that would have a record at `record`. Until all pages are read, keys that were there before are in no filter. */
  isAbsent(record: Uint8Array): boolean {
    return this.#isDone && this.filter?.mayHave(record.subarray(1)) === false;
  }

  /** How far it is checked. */
  get state(): StoreCheck {
    const { pages, read } = this.#found;
    return { pages, readAtOpen: read, isWhole: this.#isDone, damage: this.#damage, unchecked: this.#unchecked };
  }

  async close(): Promise<void> {
    await this.#scrub?.close();
  }
}

/** Every entry has a sum but the format, which is looked at in all versions. */
function isSound(key: Uint8Array, value: Uint8Array): boolean {
  return key.length === FORMAT_KEY.length && key[0] === FORMAT_KEY[0] ? value.length > 0 : isSealed(key, value);
}

/** Notes the key of a record or block. */
function noted(filter: KeyFilter, key: Uint8Array): true {
  const entity = entityOf(key);
  if (entity !== null) filter.add(entity);
  return true;
}
