import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { WaitingId, WaitingIds } from '../../ports/waiting-ids.ts';

/** Pages of the file that SQLite keeps in memory, KiB. */
const CACHE_KIB = 4_096;

/**
 * The file outlives no process: it has no journal, and one transaction that never ends. SQLite's cache writes changed pages when it
 * is full.
 */
const SETTINGS = `
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cache_size = -${CACHE_KIB};
  CREATE TABLE ids (id TEXT PRIMARY KEY, bucket REAL NOT NULL, numbers BLOB NOT NULL) WITHOUT ROWID;
  CREATE INDEX ids_by_bucket ON ids (bucket);
  BEGIN;`;

interface Opened {
  readonly database: DatabaseSync;
  readonly put: StatementSync;
  readonly find: StatementSync;
  readonly remove: StatementSync;
  readonly due: StatementSync;
  readonly first: StatementSync;
}

/** The files of ids of one process, in a folder that is its own. Files of a dead process are removed first. */
export class WaitingIdFiles {
  readonly #folder: string;
  readonly #opened = new Map<string, SqliteWaitingIds>();

  constructor(folder: string) {
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
  }

  /** The ids of a name, which may be any text. */
  of(name: string): WaitingIds {
    const opened = this.#opened.get(name) ?? new SqliteWaitingIds(join(this.#folder, `${this.#opened.size}.sqlite`));
    this.#opened.set(name, opened);
    return opened;
  }

  close(): void {
    for (const ids of this.#opened.values()) ids.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Ids that wait in a SQLite file, which is made with the first id. Error: LABEL_IDS. */
export class SqliteWaitingIds implements WaitingIds {
  readonly #path: string;
  #opened: Opened | null = null;
  #size = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get size(): number {
    return this.#size;
  }

  put(ids: readonly WaitingId[]): void {
    this.#tried(() => {
      const { put, remove } = this.#open();
      for (const { id, bucket, numbers } of ids) {
        if (this.#size > 0) this.#size -= Number(remove.run(id).changes);
        put.run(id, bucket, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
        this.#size += 1;
      }
    });
  }

  take(id: string): WaitingId | null {
    if (this.#size === 0) return null;
    return this.#tried(() => {
      const { find, remove } = this.#open();
      const found = find.get(id);
      if (found === undefined) return null;
      this.#size -= Number(remove.run(id).changes);
      return waitingId(found);
    });
  }

  takeDue(bucket: number, most: number): readonly WaitingId[] {
    if (this.#size === 0) return [];
    return this.#tried(() => {
      const { due, remove } = this.#open();
      const taken = due.all(bucket, most).map(waitingId);
      for (const { id } of taken) this.#size -= Number(remove.run(id).changes);
      return taken;
    });
  }

  firstBucket(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return this.#tried(() => Number(this.#open().first.get()?.['first'] ?? Number.POSITIVE_INFINITY));
  }

  clear(): void {
    this.#tried(() => this.close());
  }

  close(): void {
    this.#size = 0;
    const opened = this.#opened;
    this.#opened = null;
    try {
      opened?.database.close();
    } finally {
      rmSync(this.#path, { force: true });
    }
  }

  #open(): Opened {
    this.#opened ??= openIds(this.#path);
    return this.#opened;
  }

  #tried<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw fail('LABEL_IDS', { path: this.#path, reason: reasonOf(error) }, error);
    }
  }
}

function openIds(path: string): Opened {
  mkdirSync(dirname(path), { recursive: true });
  // Later versions of Node keep the journal otherwise.
  const database = new DatabaseSync(path, { defensive: false });
  try {
    database.exec(SETTINGS);
    return {
      database,
      put: database.prepare('INSERT INTO ids (id, bucket, numbers) VALUES (?, ?, ?)'),
      find: database.prepare('SELECT id, bucket, numbers FROM ids WHERE id = ?'),
      remove: database.prepare('DELETE FROM ids WHERE id = ?'),
      due: database.prepare('SELECT id, bucket, numbers FROM ids WHERE bucket <= ? ORDER BY bucket LIMIT ?'),
      first: database.prepare('SELECT MIN(bucket) AS first FROM ids'),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

function waitingId({ id, bucket, numbers }: Readonly<Record<string, unknown>>): WaitingId {
  if (typeof id !== 'string' || typeof bucket !== 'number' || !(numbers instanceof Uint8Array))
    throw new TypeError('a row is damaged');
  // Copied: numbers need an aligned buffer.
  return { id, bucket, numbers: new Float64Array(numbers.slice().buffer) };
}
