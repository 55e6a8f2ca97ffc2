import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { CopiedTable } from '../../operating/migrate/copy-tables.ts';
import { forgottenSince } from '../../operating/migrate/forgotten-since.ts';
import { type Journal, removeMoved } from '../../operating/migrate/migration-files.ts';
import type { CopiedSource, MigrationOptions } from '../../operating/migrate/migration-options.ts';
import { MigrationRecord } from '../../operating/migrate/migration-record.ts';
import { clearMigrated, holdEnvironment, lockMigration } from '../../site/migration-parts.ts';
import { withHistory } from '../../site/open-history.ts';
import { type Compared, compareAll, compareDuringEvents } from './compare-environments.ts';
import { copyHistory } from './copy-history.ts';
import { copyState } from './copy-state.ts';
import { isIdle, publishEnd, sharedPlace } from './environment-ends.ts';
import { returnHistory } from './return-history.ts';

/** Files of a directory that are never moved. */
const LEFT_BEHIND = ['runs', 'training-sets', 'audit.jsonl'];

export interface CutOver {
  readonly movedAt: number;
  readonly sources: readonly CopiedSource[];
  readonly tables: readonly CopiedTable[];
  readonly compared: Compared;
}

export interface RolledBack {
  /** Deliveries that had come after the cut-over, by source; null where there was none. */
  readonly sources: readonly CopiedSource[] | null;
}

/**
 * Moves a project that still takes events to another environment. Its history is replayed into the new log, and the answers of
 * both are compared. Once the old one has stopped the rest follows, and the old directory is marked as left. Every step resumes
 * where a killed one ended.
 */
export class Migration {
  readonly #options: MigrationOptions;
  readonly #lock: { release(): void };
  readonly #record: MigrationRecord;

  private constructor(options: MigrationOptions, lock: { release(): void }) {
    this.#options = options;
    this.#lock = lock;
    this.#record = new MigrationRecord(options);
  }

  /** Takes the lock of a migration. Errors: MIGRATE_SAME, MIGRATE_LOCKED. */
  static open(options: MigrationOptions): Migration {
    const shared = sharedPlace(options.from, options.to);
    if (shared !== null) throw fail('MIGRATE_SAME', { from: options.from.directory, to: options.to.directory, shared });
    return new Migration(options, lockMigration(options.to));
  }

  close(): void {
    this.#lock.release();
  }

  /** The progress of the migration; null where none was begun. */
  journal(): Journal | null {
    return this.#record.found;
  }

  /** Parts of the old environment that stay in place. */
  leftBehind(): readonly string[] {
    const { directory } = this.#options.from;
    return LEFT_BEHIND.map((name) => join(directory, name)).filter((path) => existsSync(path));
  }

  /**
   * Copies published deliveries of the old environment that the new one lacks. An old environment that no process writes
   * publishes everything first. Errors: MIGRATE_*, those of the new stores.
   */
  async copy(stopped?: Promise<unknown>): Promise<readonly CopiedSource[]> {
    const { from } = this.#options;
    this.#record.begin();
    if (isIdle(from)) await publishEnd(this.#options, from, 'MIGRATE_SOURCE_RUNS');
    return withHistory(from, (history) => copyHistory(this.#options, this.#record, history, stopped));
  }

  /** Asks both environments for the stream views of the same keys. Errors: MIGRATE_DIFFERS, those of the stores. */
  async compare(): Promise<Compared> {
    return withHistory(this.#options.from, (history) => compareDuringEvents(this.#options, this.#record, history));
  }

  /**
   * Moves the rest of the old environment, which no process may have open, compares all, and marks its directory as left.
   * Errors: MIGRATE_*.
   */
  async cutOver(): Promise<CutOver | null> {
    const { from } = this.#options;
    const moved = this.#record.moved;
    const known = this.journal();
    if (moved !== null && known !== null) {
      // A cut-over that was killed between its two last steps.
      if (known.movedAt === null) this.#record.note({ movedAt: moved.at });
      return null;
    }
    const { begunAt } = this.#record.begin();
    await publishEnd(this.#options, from, 'MIGRATE_SOURCE_RUNS');
    const hold = holdEnvironment(from);
    try {
      const forgotten = forgottenSince(from.directory, begunAt);
      if (forgotten !== null)
        throw fail('MIGRATE_FORGOTTEN', { at: new Date(forgotten).toISOString(), directory: from.directory });
      return await this.#moveAll();
    } finally {
      hold.release();
    }
  }

  async #moveAll(): Promise<CutOver> {
    const { from, to, clock } = this.#options;
    return withHistory(from, async (history) => {
      const sources = await copyHistory(this.#options, this.#record, history);
      const tables = await copyState({ options: this.#options, history, from, to });
      const compared = await compareAll(this.#options, history);
      const movedAt = clock();
      this.#record.markMoved(movedAt);
      return { movedAt, sources, tables, compared };
    });
  }

  /**
   * Takes a migration back: deliveries after the cut-over go to the old environment, and everything is removed from the new one.
   * Errors: MIGRATE_NONE, MIGRATE_TARGET_RUNS, MIGRATE_FILE, those of the stores.
   */
  async rollBack(): Promise<RolledBack> {
    const { from, to, clock, tell } = this.#options;
    const journal = this.#record.journal;
    const moved = this.#record.moved;
    let sources: readonly CopiedSource[] | null = null;
    if (moved !== null) {
      sources = await returnHistory(this.#options, this.#record);
      this.#record.note({ movedAt: moved.at, returnedAt: clock() });
      removeMoved(from.directory);
    } else if (journal.movedAt !== null && journal.returnedAt === null) {
      throw fail('MIGRATE_FILE', {
        path: join(from.directory, 'moved.json'),
        reason: 'it is gone, and with it where the way back begins',
      });
    }
    tell('removing everything from the new environment');
    await clearMigrated(to, journal.opened);
    return { sources };
  }
}
