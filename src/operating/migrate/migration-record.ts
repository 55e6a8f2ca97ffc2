import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { declarationFile } from '../../environment/place-declaration.ts';
import { declarationDocument, parseDeclaration } from '../../features/change/declaration-document.ts';
import { planChanges } from '../../features/change/plan-changes.ts';
import {
  type CopyPlace,
  type Journal,
  type Moved,
  readJournal,
  readMoved,
  writeJournal,
  writeMoved,
} from './migration-files.ts';
import type { MigrationOptions } from './migration-options.ts';

/** The durable record of a migration: its journal in the new directory, and the mark of the move in the old one. */
export class MigrationRecord {
  readonly #options: MigrationOptions;

  constructor(options: MigrationOptions) {
    this.#options = options;
  }

  /** The journal in the new directory; null: no migration was begun. */
  get found(): Journal | null {
    return readJournal(this.#options.to.directory);
  }

  /** The journal of this migration. Errors: MIGRATE_NONE, MIGRATE_OTHER. */
  get journal(): Journal {
    const { from, to } = this.#options;
    const journal = this.found;
    if (journal === null) throw fail('MIGRATE_NONE', { directory: to.directory });
    if (resolve(journal.from) !== resolve(from.directory))
      throw fail('MIGRATE_OTHER', { directory: to.directory, from: journal.from });
    return journal;
  }

  /** Writes a change of the journal. */
  note(change: Partial<Journal>): void {
    writeJournal(this.#options.to.directory, { ...this.journal, ...change });
  }

  /** Notes the place of a topic's copy. */
  noteCopied(topic: string, place: CopyPlace): void {
    this.note({ copied: { ...this.journal.copied, [topic]: place } });
  }

  /** The mark that the project has left for this new environment; null: it has not, or for another. */
  get moved(): Moved | null {
    const { from, to } = this.#options;
    const moved = readMoved(from.directory);
    return moved !== null && resolve(moved.to) === resolve(to.directory) ? moved : null;
  }

  /** The place of a topic's copy on the way back. */
  returnedOf(topic: string): CopyPlace | undefined {
    return readMoved(this.#options.from.directory)?.returned?.[topic];
  }

  /** Notes the place of a topic's copy on the way back. Error: MIGRATE_NONE. */
  noteReturned(topic: string, place: CopyPlace): void {
    const { from, to } = this.#options;
    const moved = readMoved(from.directory);
    if (moved === null) throw fail('MIGRATE_NONE', { directory: to.directory });
    writeMoved(from.directory, { ...moved, returned: { ...moved.returned, [topic]: place } });
  }

  /** Marks the old directory as left. */
  markMoved(at: number): void {
    const { from, to } = this.#options;
    writeMoved(from.directory, { format: 1, to: to.directory, at, returned: null });
    this.note({ movedAt: at });
  }

  /** Begins the migration, or finds it begun. Errors: MIGRATE_*. */
  begin(): Journal {
    const { from, to, clock } = this.#options;
    this.#checkDeclarations();
    const moved = readMoved(from.directory);
    if (moved !== null) throw fail('MIGRATE_DONE', { directory: from.directory, to: moved.to });
    if (this.found === null) {
      if (existsSync(declarationFile(to.directory))) throw fail('MIGRATE_TARGET', { found: to.directory });
      const begun = { format: 1 as const, from: from.directory, begunAt: clock(), opened: false };
      writeJournal(to.directory, { ...begun, movedAt: null, returnedAt: null, copied: {} });
    }
    const journal = this.journal;
    if (journal.movedAt !== null) throw fail('MIGRATE_DONE', { directory: from.directory, to: to.directory });
    return journal;
  }

  #checkDeclarations(): void {
    const { project, from, to } = this.#options;
    const file = declarationFile(from.directory);
    if (!existsSync(file)) throw fail('MIGRATE_NOTHING', { from: from.directory, directory: from.directory });
    const before = parseDeclaration(readFileSync(file, 'utf8'));
    const { changes } = planChanges(before, declarationDocument(project, before));
    // Budgets and functions may change at any time.
    if (changes.some(({ kind }) => kind !== 'changeSettings' && kind !== 'changeCode'))
      throw fail('MIGRATE_DECLARATION', { directory: from.directory });
    if (to.partitions % from.partitions !== 0)
      throw fail('MIGRATE_PARTITIONS', { from: from.partitions, to: to.partitions });
  }
}
